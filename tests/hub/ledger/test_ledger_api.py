"""`/v1/ledger/…` as finance reads it, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from hub.access.rules import Role
from hub.ledger.closing import close_next
from tests.hub.ledger.booking import AT, OWED, open_account, sell, transfer, write
from tests.hub.periphery_app import Periphery, periphery

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATHS = ("accounts", "balances", "transfers")
OTHER = "settlement_receivable:ma_2"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(module_database_url: str) -> AsyncIterator[Periphery]:
    """A sale of 10.00 EUR, one of 500 yen at another account a day later, and one in live mode."""
    async with periphery(module_database_url) as running:
        await open_account(running.database)
        await sell(running.database)
        await close_next(running.database, AT)
        later = AT + timedelta(days=1)
        await write(running.database, transfer(500, debit=OTHER, currency="JPY", created_at=later))
        await write(running.database, transfer(7, livemode=True))
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def finance(hub: Periphery) -> dict[str, str]:
    return await hub.key(Role.FINANCE)


async def listed(hub: Periphery, headers: dict[str, str], path: str, **query: Any) -> dict[str, Any]:
    answer = await hub.client.get(f"/v1/ledger/{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def balances(hub: Periphery, headers: dict[str, str], **query: Any) -> dict[tuple[str, str], int]:
    page = await listed(hub, headers, "balances", **query)
    return {(one["account"], one["currency"]): one["balance"] for one in page["data"]}


async def test_accounts_are_listed_with_what_they_mean_and_hold_now(hub: Periphery, finance: dict[str, str]) -> None:
    page = await listed(hub, finance, "accounts")

    assert [(one["account"], one["currency"], one["balance"]) for one in page["data"]] == [
        ("sales", "EUR", 1000), ("sales", "JPY", 500), (OWED, "EUR", 1000), (OTHER, "JPY", 500),
    ]  # fmt: skip
    assert page["data"][2] == {
        "account": OWED,
        "merchant_account": "ma_1",
        "currency": "EUR",
        "debits": 1000,
        "credits": 0,
        "balance": 1000,
        "grows_by": "debit",
        "object": "ledger_account",
        "kind": "settlement_receivable",
        "meaning": "What the processor owes us and has not settled yet.",
    }


async def test_balances_are_those_of_any_instant(hub: Periphery, finance: dict[str, str]) -> None:
    euro, all_of_it = {("sales", "EUR"): 1000, (OWED, "EUR"): 1000}, await balances(hub, finance)

    assert await balances(hub, finance, at=AT.isoformat()) == {}
    assert await balances(hub, finance, at="2026-11-20T13:00:01+01:00") == euro
    assert all_of_it == euro | {("sales", "JPY"): 500, (OTHER, "JPY"): 500}
    assert await balances(hub, finance, at="2027-01-01T00:00:00Z") == all_of_it


async def test_balances_of_one_account_currency_and_merchant_account(hub: Periphery, finance: dict[str, str]) -> None:
    assert await balances(hub, finance, account="sales", currency="JPY") == {("sales", "JPY"): 500}
    assert await balances(hub, finance, merchant_account="ma_1") == {(OWED, "EUR"): 1000}
    assert await balances(hub, finance, account="bribes") == {}


async def test_a_transfer_is_shown_with_what_caused_it(hub: Periphery, finance: dict[str, str]) -> None:
    (one,) = (await listed(hub, finance, "transfers", payment="pay_1"))["data"]

    assert one.pop("id").startswith("trf_")
    assert one == {
        "object": "ledger_transfer", "livemode": False, "debit": OWED, "credit": "sales", "amount": 1000,
        "currency": "EUR", "code": "capture", "payment": "pay_1", "operation": "att_1", "line": None,
        "exception": None, "approval": None, "bank_entry": None, "created_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ({}, [500, 1000]),
        ({"operation": "att_1"}, [1000]),
        ({"operation": "att_2"}, []),
        ({"line": "stl_1"}, []),
        ({"exception": "exc_1"}, []),
        ({"account": OWED}, [1000]),
        ({"merchant_account": "ma_2"}, [500]),
        ({"currency": "EUR"}, [1000]),
        ({"code": "capture"}, [500, 1000]),
        ({"code": "refund"}, []),
        ({"created_after": "2026-11-21T00:00:00Z"}, [500]),
        ({"created_before": "2026-11-21T00:00:00Z"}, [1000]),
    ],
    ids=str,
)
async def test_transfers_by_what_they_are_about(
    hub: Periphery, finance: dict[str, str], query: dict[str, str], amounts: list[int]
) -> None:
    page = await listed(hub, finance, "transfers", **query)

    assert [one["amount"] for one in page["data"]] == amounts


@pytest.mark.parametrize(("path", "count"), [("accounts", 4), ("balances", 4), ("transfers", 2)])
async def test_pages_follow_one_another(hub: Periphery, finance: dict[str, str], path: str, count: int) -> None:
    whole = (await listed(hub, finance, path))["data"]
    pages: list[Any] = []
    cursor: dict[str, Any] = {}
    for _ in range(count):
        page = await listed(hub, finance, path, limit=1, **cursor)
        pages += page["data"]
        cursor = {"cursor": page["next_cursor"]}

    assert (pages, cursor, len(whole)) == (whole, {"cursor": None}, count)


@pytest.mark.parametrize("path", PATHS)
async def test_live_and_test_mode_are_apart(hub: Periphery, path: str) -> None:
    live = await hub.key(Role.FINANCE, livemode=True)

    told = (await listed(hub, live, path))["data"]

    assert {one.get("amount", one.get("balance")) for one in told} == {7}


@pytest.mark.parametrize("path", PATHS)
async def test_who_charges_may_not_read_the_books(hub: Periphery, path: str) -> None:
    answer = await hub.client.get(f"/v1/ledger/{path}", headers=await hub.key(Role.SERVICE))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_of_one_merchant_account_sees_its_accounts_alone(hub: Periphery) -> None:
    narrow = await hub.key(Role.FINANCE, merchant_accounts=frozenset({"ma_2"}))

    assert await balances(hub, narrow) == {(OTHER, "JPY"): 500}
    assert await balances(hub, narrow, merchant_account="ma_1") == {}
    assert [one["amount"] for one in (await listed(hub, narrow, "transfers"))["data"]] == [500]
    assert (await listed(hub, narrow, "transfers", payment="pay_1"))["data"] == []


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("balances", {"at": "2026-11-20T12:00:00"}, "at"),
        ("balances", {"at": "9999-12-31T23:59:59-05:00"}, "at"),
        ("transfers", {"created_after": "2026-11-20T12:00:00"}, "created_after"),
        ("transfers", {"cursor": "nonsense"}, "cursor"),
        ("accounts", {"cursor": "ü"}, "cursor"),
        ("accounts", {"account": "sales"}, "account"),
    ],
    ids=str,
)
async def test_a_parameter_that_cannot_be_read_is_refused(
    hub: Periphery, finance: dict[str, str], path: str, query: dict[str, str], field: str
) -> None:
    answer = await hub.client.get(f"/v1/ledger/{path}", params=query, headers=finance)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
