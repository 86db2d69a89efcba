"""`POST /v1/payments` as its callers meet it, on both databases."""

from typing import Any

import httpx
import pytest

from hub.access.rules import Role
from hub.ids import new_id
from tests.hub.house import House, add_account
from tests.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/v1/payments"


def body(home: House, **changes: Any) -> dict[str, Any]:
    """A charge of 49.99 EUR at Stripe."""
    return {
        "amount": 4999,
        "currency": "EUR",
        "reference": new_id("invoice-"),
        "payment_method": home.payment_method,
        "merchant_account": home.accounts["stripe-eu"],
    } | changes


async def post(home: House, sent: object, key: str | None = None, **headers: str) -> httpx.Response:
    return await home.hub.post(PATH, sent, key=key, headers=headers)


class TestSuccess:
    async def test_the_answer_shows_the_whole_payment(self, home: House) -> None:
        sent = body(home, country="DE", risk_score=12, brand="acme", metadata={"order": "1042"})

        answer = await post(home, sent)

        told = answer.json()
        assert answer.status_code == 201, answer.text
        assert {name: told[name] for name in ("object", "livemode", "status", "reference", "region")} == {
            "object": "payment", "livemode": False, "status": "captured", "reference": sent["reference"],
            "region": "EEA",
        }  # fmt: skip
        assert (told["amount"], told["amount_authorized"], told["amount_captured"]) == (4999, 4999, 4999)
        assert (told["metadata"], told["decline"], told["next_action"]) == ({"order": "1042"}, None, None)
        assert told["tag"] == told["attempts"][0]["id"]
        assert told["attempts"][0]["status"] == "approved"
        chosen = {"merchant_account": home.accounts["stripe-eu"], "eligible": True, "reason": None}
        assert chosen in told["routing"]["considered"]
        assert (await home.hub.get(answer.headers["location"])).json() == told

    async def test_manual_capture_only_authorizes(self, home: House) -> None:
        told = (await post(home, body(home, capture="manual"))).json()

        assert (told["status"], told["amount_authorized"], told["amount_captured"]) == ("authorized", 4999, 0)

    @pytest.mark.parametrize("processor", ["stripe", "adyen"])
    async def test_the_processor_charges_once_under_our_tag(self, home: House, processor: str) -> None:
        answer = await post(home, body(home, merchant_account=home.accounts[f"{processor}-eu"]))

        money = await home.control(processor, "GET", f"money?tag={answer.json()['tag']}")
        assert (answer.status_code, answer.json()["processor"]) == (201, processor)
        assert (money["charges"], money["captured"]) == (1, 4999)

    async def test_a_decline_is_a_201_with_what_to_do_next(self, home: House) -> None:
        poor = await home.method(stripe="pm_card_visa_chargeDeclinedInsufficientFunds")

        answer = await post(home, body(home, payment_method=poor))

        told = answer.json()
        assert (answer.status_code, told["status"]) == (201, "failed")
        assert told["decline"]["code"] == "insufficient_funds"
        assert (told["decline"]["category"], told["decline"]["advice"]) == ("soft", "after_delay")
        assert told["decline"]["network_code"] == "51"

    async def test_where_nobody_could_be_reached_the_payment_failed_and_its_reference_is_free_again(
        self, home: House
    ) -> None:
        nowhere = {"base_url": f"http://127.0.0.1:{free_port()}"}
        away = await add_account(home, new_id("away-"), "stripe", "away", currencies=["NOK"], credentials=nowhere)
        sent = body(home, currency="NOK", merchant_account=away)

        answer = await post(home, sent)
        again = await post(home, sent)

        told = answer.json()
        assert (answer.status_code, told["status"], told["attempts"][0]["status"]) == (201, "failed", "not_sent")
        assert told["decline"]["category"] == "processor_error"
        assert (again.status_code, again.json()["id"] != told["id"]) == (201, True)


class TestReplay:
    @pytest.mark.fault_case(id="IDE-01")
    async def test_the_same_key_answers_the_same_bytes_and_charges_nothing(self, home: House) -> None:
        sent, key = body(home), new_id("key_")
        first = await post(home, sent, key)

        again = await post(home, sent, key)

        assert (again.status_code, again.content) == (201, first.content)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"] == f"{PATH}/{first.json()['id']}"
        assert (await home.control("stripe", "GET", f"money?tag={first.json()['tag']}"))["charges"] == 1

    async def test_key_order_and_spacing_of_the_body_make_no_other_request(self, home: House) -> None:
        sent, key = body(home), new_id("key_")
        first = await post(home, sent, key)

        again = await post(home, dict(reversed(sent.items())), key)

        assert again.content == first.content

    @pytest.mark.fault_case(id="IDE-07")
    async def test_the_key_belongs_to_the_mode_and_not_to_the_api_key(self, home: House) -> None:
        sent, key = body(home), new_id("key_")
        first = await post(home, sent, key)

        again = await post(home, sent, key, **await home.caller(Role.SERVICE))
        live = await post(home, sent, key, **await home.caller(Role.SERVICE, livemode=True))

        assert again.content == first.content
        assert (live.status_code, "idempotent-replayed" in live.headers) == (422, False)

    async def test_a_202_is_replayed_as_it_was_though_the_outcome_is_known_by_then(self, home: House) -> None:
        await home.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await home.fault("stripe", "silent_after", "purchase")
        sent, key = body(home), new_id("key_")
        first = await post(home, sent, key)
        await home.hub.until(first.json()["id"], "captured")
        await home.control("stripe", "POST", "webhooks", {"mode": "normal"})

        again = await post(home, sent, key)

        assert (first.status_code, first.json()["status"]) == (202, "processing")
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == f"{PATH}/{first.json()['id']}"

    async def test_a_decline_is_replayed_too(self, home: House) -> None:
        declined = await home.method(stripe="pm_card_visa_chargeDeclined")
        sent, key = body(home, payment_method=declined), new_id("key_")
        first = await post(home, sent, key)

        assert (await post(home, sent, key)).content == first.content

    @pytest.mark.fault_case(id="IDE-09")
    async def test_a_refusal_is_not_kept_under_the_key(self, home: House) -> None:
        key = new_id("key_")
        refused = await post(home, body(home, currency="SEK"), key)

        answer = await post(home, body(home), key)

        assert (refused.status_code, refused.json()["code"]) == (422, "no_merchant_account")
        assert answer.status_code == 201


class TestErrors:
    async def test_a_key_used_for_another_request_is_refused(self, home: House) -> None:
        key = new_id("key_")
        await post(home, body(home), key)

        answer = await post(home, body(home, amount=5000), key)

        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    @pytest.mark.fault_case(id="IDE-14")
    async def test_a_key_used_for_a_charge_serves_no_refund(self, home: House) -> None:
        key = new_id("key_")
        paid = await post(home, body(home), key)

        answer = await home.hub.post(f"{PATH}/{paid.json()['id']}/refunds", {}, key=key)

        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    async def test_a_second_payment_for_one_reference_names_the_first(self, home: House) -> None:
        sent = body(home)
        first = (await post(home, sent)).json()

        answer = await post(home, sent)
        allowed = await post(home, sent | {"allow_duplicate_reference": True})

        assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_reference")
        assert answer.json()["payment"] == first["id"]
        assert allowed.status_code == 201

    async def test_a_reference_is_free_again_after_a_decline(self, home: House) -> None:
        sent = body(home)
        declined = await home.method(stripe="pm_card_visa_chargeDeclined")
        await post(home, sent | {"payment_method": declined})

        assert (await post(home, sent)).status_code == 201

    async def test_where_no_account_fits_each_is_named_with_its_reason(self, home: House) -> None:
        answer = await post(home, body(home, currency="SEK", merchant_account=None))

        assert (answer.status_code, answer.json()["code"]) == (422, "no_merchant_account")
        reasons = {one["merchant_account"]: one["reason"] for one in answer.json()["considered"]}
        assert reasons[home.accounts["stripe-eu"]] == reasons[home.accounts["adyen-eu"]] == "currency"

    @pytest.mark.fault_case(id="OPS-03")
    async def test_where_all_that_fit_are_paused_the_caller_is_told_to_wait(self, home: House) -> None:
        await add_account(home, new_id("paused-"), "stripe", "paused", currencies=["CHF"], status="paused")

        answer = await post(home, body(home, currency="CHF", merchant_account=None))

        assert (answer.status_code, answer.json()["code"]) == (503, "merchant_accounts_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["retryable"] is True

    async def test_a_payment_method_of_nobody_is_named(self, home: House) -> None:
        answer = await post(home, body(home, payment_method="pm_nobody"))

        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert answer.json()["errors"][0]["field"] == "payment_method"

    async def test_a_problem_says_where_and_under_which_id(self, home: House) -> None:
        answer = await post(home, body(home, amount=0))

        told = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (told["status"], told["instance"], told["retryable"]) == (422, PATH, False)
        assert told["request_id"] == answer.headers["x-request-id"]
        assert set(told) >= {"type", "title", "detail", "code"}


class TestWhoMay:
    @pytest.mark.parametrize("role", [Role.SERVICE, Role.ADMIN])
    async def test_services_and_admins_charge(self, home: House, role: Role) -> None:
        assert (await post(home, body(home), **await home.caller(role))).status_code == 201

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.SERVICE, Role.ADMIN}))
    async def test_nobody_else_does(self, home: House, role: Role) -> None:
        answer = await post(home, body(home), **await home.caller(role))

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer \u00e9"])
    async def test_without_a_valid_key_nothing_happens(self, home: House, given: str) -> None:
        headers = httpx.Headers([(b"Authorization", given.encode()), (b"Idempotency-Key", b"1")])

        answer = await home.hub.client.post(PATH, json=body(home), headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"

    async def test_a_live_key_reaches_no_test_account_nor_payment_method(self, home: House) -> None:
        live = await home.caller(Role.SERVICE, livemode=True)

        answer = await post(home, body(home), **live)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "payment_method")

    async def test_a_key_for_one_account_charges_there_only(self, home: House) -> None:
        mine = frozenset({home.accounts["adyen-eu"]})
        limited = await home.caller(Role.SERVICE, merchant_accounts=mine)

        routed = await post(home, body(home, merchant_account=None), **limited)
        pinned = await post(home, body(home), **limited)

        assert (routed.status_code, routed.json()["merchant_account"]) == (201, home.accounts["adyen-eu"])
        assert (pinned.status_code, pinned.json()["code"]) == (422, "no_merchant_account")
