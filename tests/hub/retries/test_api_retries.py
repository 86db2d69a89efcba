"""A charge that would break a network's rule is refused before it is sent; every decline tells what the rules leave."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import update

from hub.ids import new_id
from hub.retries.tables import card_declines
from tests.hub.house import QUICK, House, house
from tests.hub.money import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
VISA, MASTERCARD, AMEX = "4111111111111111", "5555444433331111", "370000000000002"
REFUSED = "DECLINED : 05 : Do not honor"
VISA_TRIES = 21  # The first and twenty more.
MASTERCARD_DECLINES = 10


async def card(home: House, outcome: str = REFUSED, number: str = VISA, **changes: Any) -> str:
    """A payment method of a card at Adyen that answers with *outcome*."""
    token = new_id("tok_")
    await answers(home, token, outcome, number)
    tokens = [{"processor": "adyen", "token": token, "customer_reference": "shopper-1"}]
    body = {"type": "card", "processor_tokens": tokens, "customer": None} | changes
    made = await home.hub.post("/v1/payment_methods", body)
    assert made.status_code == 201, made.text
    home.places[made.json()["id"]] = ("adyen", token)
    return str(made.json()["id"])


async def answers(home: House, token: str, outcome: str, number: str = VISA) -> None:
    """Let the pretend Adyen answer so from now on."""
    order = {"card": number, "shopper_reference": "shopper-1", "outcome": outcome}
    await home.control("adyen", "PUT", f"tokens/{token}", order)


async def charge(home: House, method: str, **changes: Any) -> httpx.Response:
    return await home.hub.charge(payment_method=method, merchant_account=home.accounts["adyen-eu"], **changes)


async def declined(home: House, method: str, times: int = 1, **changes: Any) -> dict[str, Any]:
    """Charge so often, declined each time; the last decline."""
    body: dict[str, Any] = {}
    for _ in range(times):
        answer = await charge(home, method, **changes)
        assert (answer.status_code, answer.json()["status"]) == (201, "failed"), answer.text
        body = answer.json()
    return dict(body["decline"])


async def sent(home: House, method: str) -> int:
    """How many charges of a payment method reached a processor."""
    ours = await rows(
        home,
        "SELECT operations.id AS tag, operations.processor FROM operations JOIN payments"
        " ON payments.id = operations.payment_id WHERE payments.payment_method = :method",
        method=method,
    )
    found = [await home.control(row["processor"], "GET", f"requests?tag={row['tag']}") for row in ours]
    return sum(1 for told in found if told["data"])


async def stored(home: House, method: str) -> int:
    return len(await rows(home, "SELECT id FROM payments WHERE payment_method = :method", method=method))


async def backdate(home: House, method: str, **ago: float) -> None:
    """Let everything that counts against a payment method be so old."""
    at = datetime.now(UTC) - timedelta(**ago)
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(update(card_declines).where(card_declines.c.holder == method).values(declined_at=at))


async def both(home: House, stripe: str) -> str:
    """A payment method of a card that Stripe and Adyen both decline, so that one may be tried after the other."""
    token = new_id("tok_")
    await answers(home, token, REFUSED)
    return await home.method(stripe=stripe, adyen=token)


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["rule"]


async def test_a_visa_card_is_refused_before_it_is_sent_after_twenty_more_tries(home: House) -> None:
    method = await card(home)
    last = await declined(home, method, VISA_TRIES)

    refused = await charge(home, method)

    assert problem(refused) == (422, "retry_not_permitted", "visa_reattempts")
    assert refused.json()["payment_method"] == method
    assert refused.json()["retry_after"] == last["retry_after"] > datetime.now(UTC).isoformat()
    assert refused.json()["errors"][0]["field"] == "payment_method"
    assert "this card may not be tried again before 20" in refused.json()["detail"]
    assert (await sent(home, method), await stored(home, method)) == (VISA_TRIES, VISA_TRIES)


async def test_a_mastercard_is_refused_after_ten_declines_in_a_day_and_tried_again_after_it(home: House) -> None:
    method = await card(home, number=MASTERCARD)
    await declined(home, method, MASTERCARD_DECLINES)

    assert problem(await charge(home, method)) == (422, "retry_not_permitted", "mastercard_declines")

    await backdate(home, method, hours=24, seconds=1)
    await declined(home, method)
    assert await sent(home, method) == MASTERCARD_DECLINES + 1


async def test_a_network_without_rules_is_never_refused(home: House) -> None:
    method = await card(home, number=AMEX)

    await declined(home, method, MASTERCARD_DECLINES + 2)


@pytest.mark.parametrize(
    ("outcome", "number", "rule"),
    [
        ("INVALID_CARD_NUMBER : 14 : Invalid card number", VISA, "visa_category"),
        ("BLOCK_CARD : 43 : Stolen card", VISA, "visa_category"),
        ("DECLINED : 05 : Do not honor : 03 : Do not try again", MASTERCARD, "mastercard_advice"),
        ("DECLINED : 05 : Do not honor : 21 : Payment cancelled", MASTERCARD, "mastercard_advice"),
    ],
)
async def test_what_the_network_forbids_is_sent_once(home: House, outcome: str, number: str, rule: str) -> None:
    method = await card(home, outcome, number)
    told = await declined(home, method)

    refused = await charge(home, method)

    assert problem(refused) == (422, "retry_not_permitted", rule)
    assert refused.json()["retry_after"] is None
    assert (told["advice"], told["retry_after"], told["alternatives"]) == ("never", None, ["new_payment_method"])
    assert await sent(home, method) == 1


async def test_the_networks_wait_is_told_and_kept(home: House) -> None:
    method = await card(home, "NOT_ENOUGH_BALANCE : 51 : Insufficient funds : 26 : Retry after 2 days", MASTERCARD)
    told = await declined(home, method)

    refused = await charge(home, method)

    assert problem(refused) == (422, "retry_not_permitted", "mastercard_wait")
    assert (told["advice"], told["retry_after"]) == ("after_delay", refused.json()["retry_after"])
    assert "another_processor" not in told["alternatives"]
    await backdate(home, method, hours=48, seconds=1)
    await declined(home, method)


async def test_the_processors_faults_and_ours_cost_the_card_nothing(home: House) -> None:
    faulty = await card(home, "ERROR", MASTERCARD)
    await declined(home, faulty, MASTERCARD_DECLINES + 1)

    assert await rows(home, "SELECT id FROM card_declines WHERE holder = :method", method=faulty) == []


async def test_a_good_card_has_no_row(home: House) -> None:
    method = await card(home, "APPROVED")

    assert (await charge(home, method)).json()["status"] == "captured"

    for table in ("card_declines", "card_slots", "card_prints"):
        assert await rows(home, f"SELECT 1 FROM {table} WHERE holder = :method", method=method) == []  # noqa: S608 - as listed


async def test_who_overrides_a_rule_charges_and_stands_in_the_audit_log(home: House) -> None:
    method = await card(home, "INVALID_CARD_NUMBER : 14 : Invalid card number")
    await declined(home, method)

    overridden = await charge(home, method, override_retry_rules=True)

    assert overridden.status_code == 201
    assert await sent(home, method) == 2
    timeline = (await home.hub.get(f"/v1/payments/{overridden.json()['id']}/timeline")).json()
    told = [entry["data"] for entry in timeline["entries"] if entry["summary"].startswith("payment.override_retry")]
    assert [(entry["principal"], entry["details"]["rule"]) for entry in told] == [("ada", "visa_category")]


async def test_an_override_without_need_leaves_no_trace(home: House) -> None:
    method = await card(home)
    await declined(home, method)

    paid = await charge(home, method, override_retry_rules=True)

    timeline = (await home.hub.get(f"/v1/payments/{paid.json()['id']}/timeline")).json()
    assert not any("override" in entry["summary"] for entry in timeline["entries"])


async def test_a_refused_key_is_free_and_a_used_one_answers_as_before(home: House) -> None:
    method = await card(home, "INVALID_CARD_NUMBER : 14 : Invalid card number")
    body = {"amount": 100, "currency": "EUR", "reference": new_id("r-"), "payment_method": method}
    first = await home.hub.post("/v1/payments", body, key=(used := new_id("key_")))
    refused = await home.hub.post("/v1/payments", body, key=(free := new_id("key_")))
    good = await card(home, "APPROVED")

    again = await home.hub.post("/v1/payments", body, key=used)
    other = await home.hub.post("/v1/payments", body | {"payment_method": good}, key=free)

    assert [a.status_code for a in (first, refused, again, other)] == [201, 422, 201, 201]
    assert again.content == first.content


async def test_of_many_at_once_near_the_cap_as_many_are_sent_as_there_is_room(home: House) -> None:
    method = await card(home, number=MASTERCARD)
    await declined(home, method, MASTERCARD_DECLINES - 2)

    many = await asyncio.gather(*(charge(home, method) for _ in range(8)))

    assert sorted(answer.status_code for answer in many) == [201] * 2 + [422] * 6
    assert await sent(home, method) == MASTERCARD_DECLINES


async def test_two_processes_share_the_room_that_is_left(database_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, answer_ms=5_000, request_ms=10_000)
    async with house(database_url, tmp_path, settings=settings, second=True) as made:
        assert made.second is not None
        method, account = await card(made, "APPROVED", MASTERCARD), made.accounts["adyen-eu"]
        for hub in (made.hub, made.second):  # Both remember the card as a good one.
            paid = await hub.charge(payment_method=method, merchant_account=account)
            assert paid.json()["status"] == "captured"
        await answers(made, made.places[method][1], REFUSED, MASTERCARD)
        await declined(made, method, MASTERCARD_DECLINES - 1)

        hubs = [made.hub, made.second] * 4
        many = await asyncio.gather(*(hub.charge(payment_method=method, merchant_account=account) for hub in hubs))

        assert sorted(answer.status_code for answer in many) == [201] + [422] * 7
        assert await sent(made, method) == MASTERCARD_DECLINES + 2


async def test_a_payment_of_unknown_end_takes_up_room_until_it_is_known(home: House) -> None:
    method = await card(home, number=MASTERCARD)
    await declined(home, method, MASTERCARD_DECLINES - 1)
    await answers(home, home.places[method][1], "APPROVED", MASTERCARD)
    await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 3600.0})
    await home.fault("adyen", "silent_after", "purchase")
    silent = await charge(home, method)
    assert silent.status_code == 202

    during = await charge(home, method)
    await home.control("adyen", "POST", "clock", {"advance_s": 3601.0})
    await home.control("adyen", "POST", "webhooks/flush", {})
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})
    await home.hub.until(silent.json()["id"], "captured")
    after = await charge(home, method)

    assert during.status_code == 422
    assert (after.status_code, after.json()["status"]) == (201, "captured")


async def test_a_decline_told_late_by_webhook_counts_once(home: House) -> None:
    method = await card(home, "INVALID_CARD_NUMBER : 14 : Invalid card number")
    await home.control("adyen", "POST", "webhooks", {"mode": "duplicate"})
    await home.fault("adyen", "silent_after", "purchase")
    silent = await charge(home, method)

    told = await home.hub.until(silent.json()["id"], "failed")
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})

    assert len(await rows(home, "SELECT id FROM card_declines WHERE holder = :method", method=method)) == 1
    assert told["decline"]["advice"] == "never"
    assert problem(await charge(home, method))[1] == "retry_not_permitted"


async def test_payment_methods_of_one_card_at_stripe_share_their_declines(home: House) -> None:
    one, other = [await home.method(stripe="pm_card_visa_chargeDeclinedStolenCard") for _ in range(2)]
    pinned = {"merchant_account": home.accounts["stripe-eu"]}
    first = await home.hub.charge(payment_method=one, **pinned)
    made_after = await home.method(stripe="pm_card_visa_chargeDeclinedStolenCard")

    refused = [await home.hub.charge(payment_method=method, **pinned) for method in (other, made_after)]

    assert (first.status_code, first.json()["status"]) == (201, "failed")
    assert [problem(answer) for answer in refused] == [(422, "retry_not_permitted", "visa_category")] * 2


async def test_the_same_answer_is_read_later(home: House) -> None:
    method = await card(home, number=MASTERCARD)
    await declined(home, method, MASTERCARD_DECLINES - 1)
    answer = await charge(home, method)

    read = await home.hub.get(f"/v1/payments/{answer.json()['id']}")

    assert read.json()["decline"] == answer.json()["decline"]
    assert read.json()["attempts"][0]["decline"] == answer.json()["attempts"][0]["decline"]


async def test_another_processor_is_tried_only_where_the_rules_leave_room(home: House) -> None:
    method = await both(home, "pm_card_visa_chargeDeclined")
    await declined(home, method, VISA_TRIES - 1)

    answer = await home.hub.charge(payment_method=method)
    refused = await home.hub.charge(payment_method=method)

    assert [attempt["status"] for attempt in answer.json()["attempts"]] == ["declined"]
    assert "another_processor" not in (answer.json()["decline"]["advice"], *answer.json()["decline"]["alternatives"])
    assert problem(refused) == (422, "retry_not_permitted", "visa_reattempts")


async def test_both_attempts_of_a_payment_count(home: House) -> None:
    method = await both(home, "pm_card_chargeCustomerFail")

    answer = await home.hub.charge(payment_method=method)

    assert [attempt["status"] for attempt in answer.json()["attempts"]] == ["declined", "declined"]
    assert len(await rows(home, "SELECT id FROM card_declines WHERE holder = :method", method=method)) == 2
