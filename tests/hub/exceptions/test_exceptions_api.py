"""`/v1/exceptions` as finance and auditors use it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.access.rules import Role
from hub.exceptions.store import close
from tests.hub.exceptions.cabinet import PATH, opened, refused, resolve, to_sales
from tests.hub.house import House
from tests.hub.money import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
AGES_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def shown(home: House, one: str) -> dict[str, Any]:
    answer = await home.hub.get(f"{PATH}/{one}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def listed(home: House, **query: Any) -> set[str]:
    answer = await home.hub.get(PATH, limit=100, **query)
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["data"]}


async def balances(home: House, one: str) -> dict[str, int]:
    """What an exception's transfers left on each account, debits positive."""
    booked: dict[str, int] = {}
    for row in await rows(home, "SELECT * FROM transfers WHERE exception_id = :id", id=one):
        for side, sign in (("debit", 1), ("credit", -1)):
            booked[row[side]] = booked.get(row[side], 0) + sign * row["amount_minor"]
    return {account: minor for account, minor in booked.items() if minor}


async def test_an_exception_says_what_is_at_risk_and_what_to_do_by_when(home: House) -> None:
    one = await shown(home, await opened(home))

    created_at = datetime.fromisoformat(one.pop("created_at"))
    assert datetime.fromisoformat(one.pop("due_at")) == created_at + timedelta(days=1)
    assert one.pop("suggested_action").startswith("Find out which system charged it")
    assert [step["action"] for step in one.pop("history")] == ["opened"]
    assert [event["type"] for event in one.pop("trace")["events"]] == ["exception.opened"]
    assert one == {
        "id": one["id"],
        "object": "exception",
        "livemode": False,
        "type": "unexpected_settlement",
        "severity": "high",
        "status": "open",
        "merchant_account": home.accounts["stripe-eu"],
        "payment": None,
        "operation": None,
        "settlement": None,
        "settlement_line": None,
        "amount": 5000,
        "currency": "EUR",
        "variance": 5000,
        "detail": "50.00 EUR were settled for txn_1, which is no operation of ours",
        "context": {},
        "owner": None,
        "resolution": None,
        "resolved_by": None,
        "resolved_at": None,
        "overdue": False,
    }


async def test_its_trace_leads_to_what_the_processor_answered(home: House) -> None:
    payment = (await home.hub.charge(payment_method=home.payment_method)).json()

    one = await shown(home, await opened(home, payment_id=payment["id"], operation_id=payment["tag"]))

    reports = one["trace"]["reports"]
    assert [told["operation"] for told in reports] == [payment["tag"]] * len(reports)
    assert reports[0]["report"]["processor_reference"] == payment["processor_reference"]


async def test_each_filter_finds_what_fits_and_leaves_out_what_does_not(home: House) -> None:
    adyen = home.accounts["adyen-eu"]
    one = await opened(home, merchant_account=adyen, type="fee_variance")
    other = await opened(home, at=AGES_AGO)
    await home.hub.post(f"{PATH}/{one}/assign", {"owner": "bea"})

    for query in (
        {"type": "fee_variance"},
        {"severity": "low"},
        {"owner": "bea"},
        {"merchant_account": adyen},
        {"created_after": (AGES_AGO + timedelta(days=1)).isoformat()},
    ):
        assert {one, other} & await listed(home, **query) == {one}, query
    assert {one, other} & await listed(home, overdue=True) == {other}
    assert {one, other} & await listed(home, created_before=(AGES_AGO + timedelta(days=1)).isoformat()) == {other}
    assert {one, other} & await listed(home, status="resolved") == set()


async def test_a_second_page_goes_on_where_the_first_ended(home: House) -> None:
    for _ in range(3):
        await opened(home, type="ambiguous_match")

    first = (await home.hub.get(PATH, type="ambiguous_match", limit=2)).json()
    second = (await home.hub.get(PATH, type="ambiguous_match", limit=2, cursor=first["next_cursor"])).json()

    ids = [one["id"] for one in (*first["data"], *second["data"])]
    assert (len(ids), second["next_cursor"]) == (3, None)
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        "type=bad_luck",
        "severity=huge",
        "status=lost",
        "created_after=2026-11-22T09:00:00",
        "created_before=9999-12-31T23:59:59-05:00",
    ],
)
async def test_a_filter_that_is_none_is_refused(home: House, query: str) -> None:
    assert refused(await home.hub.client.get(f"{PATH}?{query}")) == (422, "validation_failed")


async def test_a_transfer_settles_it_and_is_tied_to_it(home: House) -> None:
    one = await opened(home)

    settled = (await resolve(home.hub, one, **to_sales(home, 4000))).json()

    assert (settled["status"], settled["resolved_by"]) == ("resolved", "ada")
    assert await balances(home, one) == {f"suspense:{home.accounts['stripe-eu']}": 4000, "sales": -4000}
    now = await shown(home, one)
    assert [step["action"] for step in now["history"]] == ["opened", "resolved"]
    assert [booked["id"] for booked in now["trace"]["transfers"]] == [settled["resolution"]["transfer"]]
    assert [event["type"] for event in now["trace"]["events"]] == ["exception.opened", "exception.resolved"]
    assert [
        row["action"] for row in await rows(home, "SELECT action FROM audit_log WHERE object_id = :id", id=one)
    ] == ["exception.resolved"]


async def test_reopening_books_back_what_had_settled_it(home: House) -> None:
    one = await opened(home)
    await resolve(home.hub, one, **to_sales(home))

    again = (await home.hub.post(f"{PATH}/{one}/reopen", {"reason": "it was another shop's"})).json()

    assert (again["status"], again["resolution"]) == ("open", None)
    assert await balances(home, one) == {}
    assert (await resolve(home.hub, one)).json()["resolution"]["how"] == "reason"


async def test_the_same_key_settles_once_and_says_the_same(home: House) -> None:
    one = await opened(home)

    first, second = [await resolve(home.hub, one, key=f"settle {one}", **to_sales(home)) for _ in range(2)]

    assert (first.content, second.headers["idempotent-replayed"]) == (second.content, "true")
    assert len(await rows(home, "SELECT id FROM transfers WHERE exception_id = :id", id=one)) == 1
    assert refused(await resolve(home.hub, one, key=f"settle {one}", **to_sales(home, 1))) == (
        422,
        "idempotency_key_reused",
    )


@pytest.mark.fault_case(id="REC-11")
async def test_of_two_people_at_once_one_settles_it(home: House) -> None:
    one = await opened(home)

    answers = await asyncio.gather(*(resolve(home.hub, one, **to_sales(home)) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(await rows(home, "SELECT id FROM transfers WHERE exception_id = :id", id=one)) == 1


async def test_a_transfer_that_is_not_allowed_or_has_no_key_is_refused(home: House) -> None:
    one = await opened(home)
    body = {"how": "transfer", "reason": "found", "transfer": to_sales(home)}

    too_much = await resolve(home.hub, one, **to_sales(home, 5001))
    without_key = await home.hub.client.post(f"{PATH}/{one}/resolve", json=body)
    without_transfer = await home.hub.post(f"{PATH}/{one}/resolve", {"how": "transfer", "reason": "found"})

    assert refused(too_much) == refused(without_transfer) == (422, "validation_failed")
    assert too_much.json()["errors"][0]["field"] == "transfer.amount"
    assert refused(without_key) == (400, "idempotency_key_missing")


async def test_what_is_settled_cannot_be_assigned_nor_what_is_open_be_reopened(home: House) -> None:
    one = await opened(home)
    early = await home.hub.post(f"{PATH}/{one}/reopen", {"reason": "why not"})
    await resolve(home.hub, one)

    late = await home.hub.post(f"{PATH}/{one}/assign", {"owner": "bea"})

    assert refused(early) == (409, "exception_not_resolved")
    assert refused(late) == (409, "exception_not_open")


async def test_the_hub_closes_what_needs_no_human_any_more_once(home: House) -> None:
    one = await opened(home)
    database, at = home.hub.parts.database, datetime.now(UTC)

    async def closed() -> int:
        async with database.transaction() as connection:
            return await close(connection, [one], "settled_later", at)

    assert [await closed(), await closed()] == [1, 0]

    now = await shown(home, one)
    assert (now["status"], now["resolved_by"], now["resolution"]["how"]) == ("resolved", "hub", "settled_later")
    assert [event["type"] for event in now["trace"]["events"]] == ["exception.opened", "exception.resolved"]


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.OPERATOR])
async def test_these_roles_see_none(home: House, role: Role) -> None:
    assert refused(await home.hub.client.get(PATH, headers=await home.caller(role))) == (403, "forbidden")


async def test_an_auditor_reads_and_settles_none(home: House) -> None:
    one, headers = await opened(home), await home.caller(Role.AUDITOR)

    assert (await home.hub.client.get(f"{PATH}/{one}", headers=headers)).status_code == 200
    assert refused(await resolve(home.hub, one, headers=headers)) == (403, "forbidden")


async def test_the_other_modes_key_and_another_accounts_see_nothing(home: House) -> None:
    one = await opened(home)
    live = await home.caller(Role.ADMIN, livemode=True)
    elsewhere = await home.caller(Role.ADMIN, merchant_accounts=frozenset({home.accounts["adyen-eu"]}))

    for headers in (live, elsewhere):
        got = await home.hub.client.get(f"{PATH}/{one}", headers=headers)
        many = await home.hub.client.get(PATH, params={"type": "unexpected_settlement"}, headers=headers)
        assert refused(got) == refused(await resolve(home.hub, one, headers=headers)) == (404, "not_found")
        assert many.json()["data"] == []


async def test_what_was_said_about_another_accounts_operation_is_not_shown(home: House) -> None:
    charged = await home.hub.charge(payment_method=home.payment_method)
    own = charged.json()
    of = {"payment_id": own["id"], "operation_id": own["tag"], "type": "wrong_merchant_account"}
    one = await opened(home, **of, merchant_account=home.accounts["adyen-eu"])

    assert own["merchant_account"] == home.accounts["stripe-eu"]
    assert (await shown(home, one))["trace"]["reports"] == []
