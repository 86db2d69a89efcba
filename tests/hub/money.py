"""The hub's books beside the processors' own: what every suite ends with."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import text

from hub.ledger.checks import verify
from tests.hub.house import House

RECEIVABLE: Final = "settlement_receivable:"


class Truth(Struct):
    """What a processor's book says about one payment: minor units, and how many charges stand there."""

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    voided: int = 0
    charges: int = 0


async def rows(made: House, sql: str, **values: Any) -> list[dict[str, Any]]:
    """Read from the hub's database."""
    async with made.hub.parts.database.reading() as connection:
        found = await connection.execute(text(sql), values)
        return [dict(row) for row in found.mappings()]


def book(made: House, processor: str, sql: str) -> list[tuple[Any, ...]]:
    """Read from a processor's book, which lies outside the hub's processes."""
    with closing(sqlite3.connect(made.folder / f"{processor}.book", timeout=10)) as opened:
        return opened.execute(sql).fetchall()


async def truths(made: House) -> dict[str, Truth]:
    """Sum what all the processors' books say, by the hub's payment."""
    owners = {row["id"]: row["payment_id"] for row in await rows(made, "SELECT id, payment_id FROM operations")}
    found: dict[str, Truth] = defaultdict(Truth)
    for processor in made.sandboxes:
        charged = set()
        for tag, payment, kind, minor in book(made, processor, "SELECT tag, payment, kind, amount_minor FROM money"):
            truth = found[owners.get(tag, tag)]
            if kind in {"authorized", "captured"} and payment not in charged:
                charged.add(payment)
                truth.charges += 1
            if kind != "disputed":
                setattr(truth, kind, getattr(truth, kind) + minor)
    return found


async def agrees(made: House, *, doubled: Iterable[str] = (), apart: Iterable[str] = ()) -> None:
    """Hold the ledger against the processors' money, and every payment against what was charged for it.

    *doubled* are payments that were charged twice on purpose, *apart* those whose amounts are meant to differ.
    """
    await _ledger_agrees(made)
    assert await verify(made.hub.parts.database) == []
    found = await truths(made)
    payments = await rows(made, "SELECT * FROM payments")
    for payment in payments:
        truth = found.pop(payment["id"], Truth())
        assert truth.charges <= (2 if payment["id"] in {*doubled} else 1), (payment["id"], truth)
        if payment["id"] not in {*doubled, *apart}:
            told = (payment["captured_minor"], payment["refunded_minor"] + payment["refunded_externally_minor"])
            assert told == (truth.captured, truth.refunded), (payment["id"], payment["status"], told, truth)
    assert not found, f"charged for nobody: {dict(found)}"


async def _ledger_agrees(made: House) -> None:
    owed: Mapping[tuple[str, str, str], int] = await _receivables(made)
    theirs: dict[tuple[str, str, str], int] = {}
    for processor in made.sandboxes:
        money = await made.control(processor, "GET", "money")
        for account, currencies in money["accounts"].items():
            for currency, sums in currencies.items():
                theirs[processor, account, currency] = sums["captured"] - sums["refunded"] - sums["disputed"]
    differing = {key: (owed.get(key, 0), theirs.get(key, 0)) for key in {*owed, *theirs}}
    assert not {k: v for k, v in differing.items() if v[0] != v[1]}, differing


async def _receivables(made: House) -> dict[tuple[str, str, str], int]:
    """Sum what each processor owes us, by processor, account there and currency; debits and credits must balance."""
    owed: dict[tuple[str, str, str], int] = defaultdict(int)
    balance: dict[str, int] = defaultdict(int)
    for row in await rows(made, "SELECT debit, credit, amount_minor, currency FROM transfers"):
        for side, sign in ((row["debit"], 1), (row["credit"], -1)):
            balance[row["currency"]] += sign * row["amount_minor"]
            if side.startswith(RECEIVABLE):
                place = made.places[side.removeprefix(RECEIVABLE)]
                owed[*place, row["currency"]] += sign * row["amount_minor"]
    assert not any(balance.values()), dict(balance)
    return dict(owed)
