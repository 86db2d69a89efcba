"""What processors hold and what our bank received, over the API."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, update

from hub.access.rules import Caller, Role
from hub.banking import balances
from hub.banking.balances import Stated
from hub.banking.rules import LATE
from hub.banking.tying import tie_entries
from hub.ids import new_id
from hub.settlement.tables import settlement_batches, settlement_notices, settlement_payouts
from hub.settlement.turns import take_turn
from tests.hub.house import House, add_account
from tests.hub.money import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
STATEMENTS = "/v1/bank_statements"
PAID_AT = datetime(2026, 11, 10, 12, tzinfo=UTC)
BATCH: dict[str, Any] = dict.fromkeys(
    ("bytes_total", "bytes_read", "rows_read", "lines_added", "lines_known", "lines_restated", "rows_broken",
     "rows_skipped", "lines_matched", "lines_excepted", "fence", "tries"),
    0,
)  # fmt: skip


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def paid_out(home: House, minor: int, account: str = "stripe-eu", paid_at: datetime = PAID_AT) -> str:
    """Have a report told of a payout, and return its name."""
    name, batch, account_id = new_id("po_"), new_id("set_"), home.accounts[account]
    told = {"livemode": False, "merchant_account": account_id}
    row = BATCH | told | {"id": batch, "processor": "stripe", "status": "done", "source": "upload"}
    row |= {"requested_by": "ada", "lease_until": paid_at, "created_at": paid_at}
    payout = told | {"payout": name, "currency": "EUR", "lines": 3, "net_minor": minor, "paid_lines": 0}
    payout |= {"paid_minor": 0, "batch_id": batch, "updated_at": paid_at}
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(insert(settlement_batches).values(**row))
        await connection.execute(insert(settlement_payouts).values(**payout))
    return name


async def hand_in(home: House, *entries: str, **sent: Any) -> httpx.Response:
    """Hand in a statement in CSV of *entries*, such as `2026-11-12,10.00,po_…`."""
    lines = ["date,amount,reference,currency,id", *(f"{entry},EUR,{new_id('b')}" for entry in entries)]
    content = sent.pop("content", "\n".join(lines))
    headers = {"Content-Type": "text/csv"} | sent.pop("headers", {})
    return await home.hub.client.post(STATEMENTS, content=content, headers=headers)


async def matched(home: House, answer: httpx.Response) -> list[str | None]:
    """The payouts that a statement's entries are, the last entry first."""
    assert answer.status_code == 201, answer.text
    listed = await home.hub.get(f"{STATEMENTS}/{answer.json()['id']}/entries")
    return [one["payout"] for one in listed.json()["data"]]


async def about(home: House, payout: str, type_: str) -> list[dict[str, Any]]:
    """The exceptions of a type that name a payout, the newest first."""
    answer = await home.hub.get("/v1/exceptions", type=type_, limit=100)
    return [one for one in answer.json()["data"] if payout in one["detail"]]


async def test_a_payout_that_arrived_is_booked_from_what_was_on_its_way(home: House) -> None:
    name, account = await paid_out(home, 1000), home.accounts["stripe-eu"]

    told = await hand_in(home, f"2026-11-12,10.00,{name}", "2026-11-12,-400.00,rent")

    assert (told.json()["entries"], told.json()["entries_matched"]) == (2, 1)
    assert await matched(home, told) == [None, name]
    sql = "SELECT t.* FROM transfers t JOIN bank_entries b ON b.id = t.bank_entry_id WHERE b.payout = :name"
    (booked,) = await rows(home, sql, name=name)
    assert (booked["debit"], booked["credit"], booked["amount_minor"]) == (
        f"bank:{account}",
        f"bank_clearing:{account}",
        1000,
    )


async def test_the_same_statement_again_and_an_entry_told_again_change_nothing(home: House) -> None:
    name = await paid_out(home, 2000)
    content = f"date,amount,reference,currency,id\n2026-11-12,20.00,{name},EUR,{new_id('b')}\n"
    first = await hand_in(home, content=content)

    again = await hand_in(home, content=content)
    other = await hand_in(home, content=content + f"2026-11-13,1.00,else,EUR,{new_id('b')}\n")

    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert (other.json()["entries"], other.json()["entries_known"]) == (1, 1)
    assert len(await rows(home, "SELECT id FROM bank_entries WHERE payout = :name", name=name)) == 1


async def test_a_payout_that_is_short_is_booked_as_it_came_and_opens_an_exception(home: House) -> None:
    name = await paid_out(home, 3000)

    await hand_in(home, f"2026-11-12,29.50,{name}")

    (short,) = await about(home, name, "batch_total_mismatch")
    assert (short["amount"], short["variance"], short["severity"]) == (50, -50, "high")


async def test_a_payout_that_never_arrives_is_missed_and_closes_itself_when_it_does(home: House) -> None:
    name = await paid_out(home, 7777)
    after = (PAID_AT + LATE + timedelta(days=1)).date()
    await hand_in(home, f"{after},1.00,something else")
    (missing,) = await about(home, name, "payout_missing")
    assert missing["status"] == "open"
    await hand_in(home, f"{after},2.00,something else again")
    assert len(await about(home, name, "payout_missing")) == 1

    await hand_in(home, f"{after},77.77,{name}")

    (found,) = await about(home, name, "payout_missing")
    assert (found["status"], found["resolution"]["how"]) == ("resolved", "arrived")


async def test_two_payouts_alike_are_not_guessed_apart(home: House) -> None:
    names = [await paid_out(home, 4242) for _ in range(2)]

    told = await hand_in(home, "2026-11-12,42.42,no name")

    assert await matched(home, told) == [None]
    (unsure,) = await about(home, names[0], "ambiguous_match")
    assert all(name in unsure["detail"] for name in names)


async def test_a_payout_that_went_back_is_booked_back(home: House) -> None:
    name = await paid_out(home, 5151)
    await hand_in(home, f"2026-11-12,51.51,{name}")

    await hand_in(home, f"2026-11-14,-51.51,{name}")

    (returned,) = await about(home, name, "payment_returned")
    assert returned["amount"] == 5151
    tied = "FROM transfers t JOIN bank_entries b ON b.id = t.bank_entry_id WHERE b.payout = :name"
    sql = f"SELECT t.code {tied} ORDER BY t.id"
    assert [row["code"] for row in await rows(home, sql, name=name)] == ["payout_arrived", "payout_returned"]


async def test_what_a_processor_took_is_booked_the_other_way_and_told_by_nobody(home: House) -> None:
    name, account = await paid_out(home, -6161), home.accounts["stripe-eu"]

    told = await hand_in(home, f"2026-11-12,-61.61,{name}", "2026-11-12,0.00,nothing")

    assert await matched(home, told) == [None, name]
    assert await about(home, name, "payment_returned") == []
    sql = "SELECT t.* FROM transfers t JOIN bank_entries b ON b.id = t.bank_entry_id WHERE b.payout = :name"
    (booked,) = await rows(home, sql, name=name)
    assert (booked["debit"], booked["code"], booked["amount_minor"]) == (
        f"bank_clearing:{account}",
        "payout_arrived",
        6161,
    )


async def restated(home: House, payout: str, minor: int) -> None:
    """Have a later report say otherwise what was paid out, and the worker look."""
    async with home.hub.parts.database.transaction() as connection:
        said = update(settlement_payouts).where(settlement_payouts.c.payout == payout)
        await connection.execute(said.values(net_minor=minor))
    await tie_entries(home.hub.parts.shell)


async def test_an_entry_is_judged_again_when_its_payout_is_said_otherwise(home: House) -> None:
    name = await paid_out(home, 8300)
    await hand_in(home, f"2026-11-12,83.00,{name}")

    await restated(home, name, 8400)
    (short,) = await about(home, name, "batch_total_mismatch")
    await restated(home, name, 8300)
    (right,) = await about(home, name, "batch_total_mismatch")
    await restated(home, name, 8400)
    again, _ = await about(home, name, "batch_total_mismatch")
    await home.hub.post(f"/v1/exceptions/{again['id']}/resolve", {"how": "reason", "reason": "the bank's fee"})
    await restated(home, name, 8400)

    assert (short["status"], short["variance"]) == ("open", -100)
    assert (right["id"], right["status"], right["resolved_by"]) == (short["id"], "resolved", "hub")
    assert [one["status"] for one in await about(home, name, "batch_total_mismatch")] == ["resolved", "resolved"]


async def test_what_is_no_statement_is_refused_whole(home: House) -> None:
    assert refused(await hand_in(home, content="hello")) == (422, "not_a_statement")
    assert refused(await hand_in(home, headers={"Content-Type": "application/json"})) == (415, "unsupported_media_type")


async def test_a_card_number_in_a_text_is_kept_nowhere(home: House) -> None:
    content = "date,amount,currency,description\n2026-11-12,1.00,EUR,paid by 4111 1111 1111 1111\n"

    answers = [await hand_in(home, content=content + more) for more in ("", "2026-11-12,2.00,EUR,rent\n")]

    assert [answer.json()["entries"] for answer in answers] == [1, 1]
    kept = await rows(home, "SELECT key, texts FROM bank_entries")
    assert not [row for row in kept if "1111 1111" in f"{row['key']} {row['texts']}"]


async def test_a_key_of_some_accounts_and_other_roles_hand_in_none(home: House) -> None:
    some = await home.caller(Role.FINANCE, merchant_accounts=frozenset({home.accounts["stripe-eu"]}))
    operator = await home.caller(Role.OPERATOR)
    live = await home.caller(Role.FINANCE, livemode=True)
    made = (await hand_in(home, "2026-11-12,1.23,rent")).json()

    for headers in (some, operator):
        assert refused(await hand_in(home, "2026-11-12,1.24,rent", headers=headers)) == (403, "forbidden")
    other_mode = await home.hub.client.get(f"{STATEMENTS}/{made['id']}", headers=live)
    assert refused(other_mode) == (404, "not_found")


async def test_statements_are_listed_newest_first_in_pages_and_their_entries_by_what_they_are(home: House) -> None:
    name = await paid_out(home, 3_131)
    older = (await hand_in(home, f"2026-11-12,31.31,{name}", "2026-11-12,-9.00,rent")).json()
    newer = (await hand_in(home, "2026-11-13,-9.00,rent")).json()

    first = (await home.hub.get(STATEMENTS, limit=1)).json()
    second = (await home.hub.get(STATEMENTS, limit=1, cursor=first["next_cursor"])).json()
    entries = f"{STATEMENTS}/{older['id']}/entries"
    rest = (await home.hub.get(entries, status="unmatched")).json()["data"]
    live = await home.hub.client.get(STATEMENTS, headers=await home.caller(livemode=True))

    assert [one["id"] for one in first["data"] + second["data"]] == [newer["id"], older["id"]]
    assert second["data"] == [older]
    assert [entry["amount"] for entry in rest] == [-900]
    assert (await home.hub.get(entries, status="gone")).status_code == 422
    assert live.json()["data"] == []


async def test_entries_have_a_second_page(home: House) -> None:
    made = (await hand_in(home, *(f"2026-11-12,{n}.99,rent {n}" for n in range(1, 4)))).json()
    path = f"{STATEMENTS}/{made['id']}/entries"

    first = (await home.hub.get(path, limit=2)).json()
    second = (await home.hub.get(path, limit=2, cursor=first["next_cursor"])).json()

    amounts = [one["amount"] for one in (*first["data"], *second["data"])]
    assert (amounts, second["next_cursor"]) == ([399, 299, 199], None)


async def balance(home: House, account: str, **held: int) -> httpx.Response:
    body = {"as_of": datetime.now(UTC).isoformat(), "balances": held}
    return await home.hub.post(f"/v1/merchant_accounts/{home.accounts[account]}/balances", body)


async def test_a_balance_that_disagrees_opens_an_exception_until_a_later_one_agrees(home: House) -> None:
    charged = await home.hub.charge(payment_method=home.payment_method, merchant_account=home.accounts["adyen-eu"])
    assert charged.status_code in {201, 202}
    await home.hub.until(charged.json()["id"], "captured")
    answer = await balance(home, "adyen-eu", EUR=0)
    assert answer.status_code == 200, answer.text
    first = answer.json()
    owed = first["balances"][0]["owed"]
    assert owed >= 4999

    short = (await balance(home, "adyen-eu", EUR=owed - 100)).json()
    again = (await balance(home, "adyen-eu", EUR=owed - 100)).json()
    over = (await balance(home, "adyen-eu", EUR=owed + 1, DKK=5)).json()
    right = (await balance(home, "adyen-eu", EUR=owed)).json()

    (eur,) = short["balances"]
    assert (eur["drift"], short["agrees"]) == (eur["fees_unsettled"] - 100, False)
    assert again["balances"][0]["exception"] == eur["exception"]
    assert {one["currency"]: one["drift"] for one in over["balances"]} == {"DKK": 5, "EUR": 1}
    opened = (await home.hub.get(f"/v1/exceptions/{over['balances'][1]['exception']}")).json()
    assert (opened["type"], opened["amount"]) == ("balance_over", 1)
    assert (right["agrees"], right["balances"][0]["exception"]) == (True, None)
    now = (await home.hub.get(f"/v1/exceptions/{over['balances'][1]['exception']}")).json()
    assert (now["status"], now["resolution"]["how"]) == ("resolved", "balance_agrees")


async def test_two_balances_at_once_open_one_exception(home: House) -> None:
    account = await add_account(home, "balanced", "stripe", "balanced", currencies=["EUR"])
    stated = Stated(merchant_account=account, as_of=datetime.now(UTC), held={"EUR": 12})
    caller = Caller(key_id="key_1", principal="bea", role=None, scopes=frozenset(), livemode=False)
    database, shell = home.hub.parts.database, home.hub.parts.shell

    async with database.transaction() as connection:
        await take_turn(connection, account)
        both = [asyncio.ensure_future(balances.check(shell, caller, stated, f"req_{n}")) for n in range(2)]
        while database.is_postgresql and await waiting(home) < len(both):
            assert not any(one.done() for one in both)
    await asyncio.gather(*both)

    opened = await rows(home, "SELECT id FROM exceptions WHERE merchant_account = :account", account=account)
    assert len(opened) == 1


async def waiting(home: House) -> int:
    """How many wait for a lock in this database."""
    sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return len(await rows(home, sql))


async def test_a_payout_under_way_is_no_longer_the_processors(home: House) -> None:
    before = (await balance(home, "stripe-eu", EUR=0)).json()
    owed = before["balances"][0]["owed"] if before["balances"] else 0

    await paid_out(home, 600)

    (after,) = (await balance(home, "stripe-eu", EUR=0)).json()["balances"]
    assert after["owed"] == owed - 600


async def test_a_balance_ahead_of_time_or_of_no_account_of_ours_is_refused(home: House) -> None:
    tomorrow = {"as_of": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "balances": {}}
    account = home.accounts["stripe-eu"]

    ahead = await home.hub.post(f"/v1/merchant_accounts/{account}/balances", tomorrow)
    before_time = {"as_of": "0001-01-01T00:00:00+14:00", "balances": {}}
    ancient = await home.hub.post(f"/v1/merchant_accounts/{account}/balances", before_time)
    nobodys = await home.hub.post("/v1/merchant_accounts/ma_nobodys/balances", tomorrow)
    live = await home.hub.post(
        f"/v1/merchant_accounts/{account}/balances", tomorrow, headers=await home.caller(livemode=True)
    )

    assert refused(ahead) == refused(ancient) == (422, "validation_failed")
    assert refused(nobodys) == refused(live) == (404, "not_found")


async def test_a_payout_that_arrives_twice_is_not_taken_for_another_of_its_amount(home: House) -> None:
    first = await paid_out(home, 7_777)
    await hand_in(home, f"2026-11-12,77.77,{first}")
    second = await paid_out(home, 7_777)

    again = await hand_in(home, f"2026-11-13,77.77,{first}")

    assert await matched(home, again) == [None]
    assert await matched(home, await hand_in(home, f"2026-11-13,77.77,{second}")) == [second]


async def test_what_was_told_of_a_payout_in_another_currency_is_not_its_amount(home: House) -> None:
    name, account = await paid_out(home, 4_321), home.accounts["stripe-eu"]
    told = {"id": new_id("sn_"), "livemode": False, "merchant_account": account, "processor": "stripe"}
    told |= {"kind": "payout_paid", "processor_reference": name, "amount_minor": 5, "currency": "USD"}
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(insert(settlement_notices).values(**told, received_at=PAID_AT))

    arrived = await hand_in(home, "2026-11-12,43.21,")

    assert await matched(home, arrived) == [name]
