"""What processors still owe: the oldest first, without what came, what was taken back and what was written off."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from hub.access.rules import Role
from hub.pages import write_cursor
from hub.settlement.missing import find_missing
from hub.settlement.owing import Wanted, owed_by_day
from tests.hub.exceptions.cabinet import resolve
from tests.hub.house import House
from tests.hub.settlement.books import wanted
from tests.hub.settlement.cases import Case, line, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/v1/expected_settlements"
TAG = "payment_metadata[hub_operation]"
LATER, LAST = date(2026, 3, 12), date(2099, 3, 13)


async def missing_on(case: Case, day: int) -> None:
    """Do what the worker does on that day of March."""
    at = datetime(2026, 3, day, 12, tzinfo=UTC)
    await find_missing(replace(case.made.hub.parts.shell, clock=lambda: at))


async def owed(case: Case, **query: Any) -> list[dict[str, Any]]:
    """List what the account's processor owes."""
    answer = await case.made.hub.get(PATH, **{"merchant_account": case.account, "status": "open"} | query)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["data"]
    return listed


def names(case: Case, listed: list[dict[str, Any]]) -> list[str]:
    return [case.names[one["operation"]] for one in listed]


async def write_off(case: Case, exception: str, minor: int) -> None:
    lost = {"debit": "write_offs", "credit": f"settlement_receivable:{case.account}", "amount": minor}
    assert (await resolve(case.made.hub, exception, **lost)).status_code == 200


async def three(made: House) -> Case:
    """An account to which something late, something of a later day, and something of the far future is owed."""
    case = await open_case(made)
    await case.charged("last", 300, due_on=LAST)
    await case.charged("late", 10_000, fee=320)
    await case.charged("later", 700, "EUR", due_on=LATER, settle_minor=770, settle_currency="USD")
    await missing_on(case, 10)
    return case


async def test_what_is_due_and_not_yet_due_is_listed_oldest_first(quiet: House) -> None:
    case = await three(quiet)

    late, later, last = await owed(case)

    assert names(case, [late, later, last]) == ["late", "later", "last"]
    assert [late[name] for name in ("type", "gross", "outstanding", "fee", "currency", "due_on", "overdue")] == [
        "charge", 10_000, 10_000, 320, "USD", "2026-03-04", True,
    ]  # fmt: skip
    assert (later["settle_amount"], later["settle_currency"], later["fee"]) == (770, "USD", None)
    assert (last["overdue"], last["exception"], last["livemode"]) == (False, None, False)
    assert late["exception"] == (await case.exceptions())[0]["id"]


async def test_what_came_is_owed_no_more_however_late(quiet: House) -> None:
    case = await three(quiet)
    ids = {name: operation for operation, name in case.names.items()}

    await case.settle(
        line("s1", "charge", 10_000, 320, **{TAG: ids["late"]}), line("s2", "charge", 300, **{TAG: ids["last"]})
    )

    assert names(case, await owed(case)) == ["later"]


async def test_what_is_missing_is_narrowed_to_as_are_a_currency_and_a_day(quiet: House) -> None:
    case = await three(quiet)

    assert names(case, await owed(case, status="missing")) == ["late"]
    assert names(case, await owed(case, currency="USD")) == ["late", "last"]
    assert names(case, await owed(case, due_before="2026-03-12")) == ["late"]
    assert names(case, await owed(case, due_before="2026-03-13")) == ["late", "later"]


async def test_what_was_taken_back_before_it_came_is_not_owed(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("gone", 10_000)
    await case.charged("behind", 500, due_on=LATER)
    await case.books.expect(case.books.known["gone"], wanted("charge_reversal", -10_000, "USD"))
    await case.books.expect(case.books.known["behind"], wanted("charge_reversal", -200, "USD", due_on=LATER))
    await missing_on(case, 10)

    assert [one["gross"] for one in await owed(case)] == [500, -200]


async def test_what_people_wrote_off_is_not_owed_and_of_a_part_the_rest_is(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("lost", 10_000)
    await case.charged("half", 400)
    await missing_on(case, 10)
    lost, half = sorted(await case.exceptions(), key=lambda one: -one["amount"])

    await write_off(case, lost["id"], 10_000)
    await write_off(case, half["id"], 150)

    (left,) = await owed(case)
    assert [left[name] for name in ("gross", "outstanding", "exception")] == [400, 250, None]


async def test_a_page_goes_on_where_the_one_before_ended_also_within_a_day(quiet: House) -> None:
    case = await open_case(quiet)
    for name in ("e1", "e2", "e3"):
        await case.charged(name, 100)
        await case.charged(f"{name} later", 100, due_on=LATER)
    await missing_on(case, 10)
    found: list[dict[str, Any]] = []
    cursor, query = None, {"merchant_account": case.account, "limit": 2}

    while cursor is not None or not found:
        page = (await quiet.hub.get(PATH, **query | ({"cursor": cursor} if cursor else {}))).json()
        found += page["data"]
        cursor = page["next_cursor"]

    assert names(case, found) == ["e1", "e2", "e3", "e1 later", "e2 later", "e3 later"]


async def test_the_sums_by_day_are_what_a_reconciliation_says_is_outstanding(quiet: House) -> None:
    case = await three(quiet)
    e4 = await case.charged("e4", 10_000)
    await case.settle(line("s1", "charge", 10_000, **{TAG: e4}))
    await write_off(case, (await owed(case, status="missing"))[0]["exception"], 4_000)
    days_on = {"from": "2026-03-01", "merchant_account": case.account}

    async with quiet.hub.parts.database.reading() as connection:
        days = await owed_by_day(connection, Wanted(livemode=False, merchant_account=case.account))

    told = [(one.due_on.isoformat(), one.currency, one.lines, one.missing, one.outstanding_minor) for one in days]
    assert told == [
        ("2026-03-04", "USD", 1, 0, 6_000), ("2026-03-12", "EUR", 1, 0, 700), ("2099-03-13", "USD", 1, 0, 300),
    ]  # fmt: skip
    assert [one.gross_minor for one in days] == [10_000, 700, 300]
    figures = (await quiet.hub.get("/v1/reconciliation", **days_on)).json()["data"]
    assert {row["currency"]: row["outstanding"] for row in figures} == {"EUR": 700, "USD": 6_300}


async def test_the_other_mode_and_a_key_of_other_accounts_see_nothing_of_it(quiet: House) -> None:
    case = await three(quiet)
    live = await quiet.caller(Role.FINANCE, livemode=True)
    other = await quiet.caller(Role.FINANCE, merchant_accounts=frozenset({quiet.accounts["adyen-eu"]}))
    own = await quiet.caller(Role.FINANCE, merchant_accounts=frozenset({case.account}))

    async def seen(headers: dict[str, str]) -> set[str]:
        answer = await quiet.hub.client.get(PATH, params={"limit": 100}, headers=headers)
        return {one["merchant_account"] for one in answer.json()["data"]}

    assert case.account not in await seen(live) | await seen(other)
    assert await seen(own) == {case.account}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "gone"}, {"currency": "XTS"}, {"due_before": "soon"}, {"cursor": "?"},
        {"cursor": write_cursor("exs_1")}, {"cursor": write_cursor("2026-13-01/exs_1")},
    ],
)  # fmt: skip
async def test_what_narrows_to_nothing_that_there_is_is_refused(quiet: House, query: dict[str, str]) -> None:
    refused = await quiet.hub.get(PATH, **query)

    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")


async def test_support_reads_nothing_of_it(quiet: House) -> None:
    answer = await quiet.hub.client.get(PATH, headers=await quiet.caller(Role.SUPPORT))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
