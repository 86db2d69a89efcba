"""Payouts are tied to what our bank received, booked, and missed where they do not come.

What an entry was tied to may be said otherwise later, by a corrected report: that is told too.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.banking.payouts import payouts
from hub.banking.rules import LATE, Entry, Payout, came_back, tie
from hub.banking.tables import bank_entries
from hub.exceptions.opening import OPEN, Opening
from hub.exceptions.store import HUB, close, open_exceptions
from hub.exceptions.types import ExceptionType
from hub.ledger import chart
from hub.ledger.tables import transfers
from hub.payments.rows import booking_values
from hub.payments.shell import Shell
from hub.payments.states import Booking
from hub.settlement.tables import exceptions
from normalization.money import Currency, Money, written

ENTRIES_MAX: Final = 10_000
"""Entries without a payout that are looked at in one go, the newest first."""
ARRIVED: Final = "arrived"
TOLD_AGAIN: Final = "told_again"
_LOCK: Final = text("SELECT pg_advisory_xact_lock(7204118943)")
"""One at a time ties, so that no two entries become one payout."""


async def tie_entries(shell: Shell) -> int:
    """Tie what can be tied in both modes; returns how many entries were."""
    tied = 0
    for livemode in (False, True):
        async with shell.database.reading() as connection:
            any_ = select(bank_entries.c.id).where(bank_entries.c.livemode == livemode).limit(1)
            if await connection.scalar(any_) is None:
                continue
        async with shell.database.transaction() as connection:
            if shell.database.is_postgresql:
                await connection.execute(_LOCK)
            tied += await tie_mode(connection, livemode=livemode, at=shell.clock())
    return tied


async def tie_mode(connection: AsyncConnection, *, livemode: bool, at: datetime) -> int:
    """Tie what can be tied in one mode, and say what is off, came back or is missing; returns how many were tied."""
    entries = [one for row in await _waiting(connection, livemode=livemode) if (one := _entry(row)).amount_minor]
    everything = await payouts(connection, livemode=livemode)
    before = await _arrived(connection, livemode=livemode)
    on_their_way = [one for one in everything if _name(one) not in before]
    ties = tie(entries, on_their_way, everything)
    back = _back(entries, ties.tied, everything)
    for entry, payout in ties.tied:
        await _book(connection, entry, payout, "matched", livemode=livemode, at=at)
    for entry, payout in back:
        await _book(connection, entry, payout, "returned", livemode=livemode, at=at)
    openings = [_off(entry, payout, livemode=livemode) for entry, payout in ties.tied if _differs(entry, payout)]
    openings += [_returned(entry, payout, livemode=livemode) for entry, payout in back]
    openings += [_unsure(entry, found, livemode=livemode) for entry, found in ties.ambiguous]
    came = {_name(payout) for _, payout in ties.tied}
    known = await _open_missing(connection, livemode=livemode)
    late = await _late(connection, [one for one in on_their_way if _name(one) not in came], livemode=livemode)
    openings += [_missing(one, livemode=livemode) for one in late if _name(one) not in known]
    settled = [id_ for name, id_ in known.items() if name in came]
    settled += [_of_entry(entry) for entry, _ in ties.tied]
    await close(connection, settled, ARRIVED, at)
    said = {_name(one): one for one in everything}
    off, past = await _judged_again(connection, before, said, livemode=livemode)
    await close(connection, [*past, *(id_ for name, id_ in known.items() if name not in said)], TOLD_AGAIN, at)
    await open_exceptions(connection, [*openings, *off], at)
    return len(ties.tied) + len(back)


async def _arrived(connection: AsyncConnection, *, livemode: bool) -> Mapping[str, tuple[Entry, Payout]]:
    """Read the entries that are payouts, by the payout's name; what that came to is not known here."""
    names = "id", "booked_on", "currency", "amount_minor"
    columns = [bank_entries.c[name] for name in (*names, "merchant_account", "payout")]
    matched = select(*columns).where(bank_entries.c.livemode == livemode, bank_entries.c.status == "matched")
    found = {}
    for row in (await connection.execute(matched)).mappings():
        entry = Entry(**{name: row[name] for name in names})
        payout = Payout(
            merchant_account=row["merchant_account"],
            name=row["payout"],
            currency=row["currency"],
            amount_minor=0,
            paid_on=row["booked_on"],
        )
        found[_name(payout)] = entry, payout
    return found


async def _judged_again(
    connection: AsyncConnection,
    arrived: Mapping[str, tuple[Entry, Payout]],
    said: Mapping[str, Payout],
    *,
    livemode: bool,
) -> tuple[list[Opening], list[str]]:
    """Hold what arrived before against what is *said* of it now; gives what is off, and the ids of what is no more."""
    told = await _told_off(connection, livemode=livemode)
    off: list[Opening] = []
    past: list[str] = []
    for name, (entry, nothing) in arrived.items():
        payout = said.get(name, nothing)
        last = told.get(entry.id)
        if last is None:
            off += [_off(entry, payout, livemode=livemode)] if _differs(entry, payout) else []
            continue
        same = last["paid"] == payout.amount_minor
        if last["status"] == OPEN and not same:
            past.append(last["id"])
        if _differs(entry, payout) and not (same and (last["status"] == OPEN or last["resolved_by"] != HUB)):
            off.append(_off(entry, payout, livemode=livemode))
    return off, past


async def _told_off(connection: AsyncConnection, *, livemode: bool) -> Mapping[str, Mapping[str, Any]]:
    """Read what was told last of each entry that is not what was paid out, and what became of that."""
    one = exceptions.c
    told = (
        select(one.id, one.status, one.resolved_by, one.context)
        .where(one.livemode == livemode, one.type == "batch_total_mismatch")
        .order_by(one.id)
    )
    found: dict[str, Mapping[str, Any]] = {}
    for row in (await connection.execute(told)).mappings():
        context = msgspec.json.decode(row["context"]) if row["context"] else {}
        if "bank_entry" in context:  # The others are about what the lines of a payout add up to.
            found[context["bank_entry"]] = {**row, "paid": context["paid"]}
    return found


def _unmatched(*, livemode: bool) -> Any:  # noqa: ANN401 - an SQL expression
    return (bank_entries.c.livemode == livemode) & (bank_entries.c.status == "unmatched")


async def _waiting(connection: AsyncConnection, *, livemode: bool) -> Sequence[RowMapping]:
    newest = bank_entries.c.booked_on.desc()
    wanted = select(bank_entries).where(_unmatched(livemode=livemode)).order_by(newest).limit(ENTRIES_MAX)
    found: Sequence[RowMapping] = (await connection.execute(wanted)).mappings().all()
    return found


def _back(
    entries: Sequence[Entry], tied: Sequence[tuple[Entry, Payout]], known: Sequence[Payout]
) -> Sequence[tuple[Entry, Payout]]:
    """Find the payouts that left our bank again, which only their names can tell."""
    taken = {entry.id for entry, _ in tied}
    left = [one for one in entries if one.amount_minor < 0 and one.texts and one.id not in taken]
    return [(entry, payout) for entry in left if (payout := came_back(entry, known)) is not None]


async def _book(
    connection: AsyncConnection, entry: Entry, payout: Payout, status: str, *, livemode: bool, at: datetime
) -> None:
    mine = update(bank_entries).where(bank_entries.c.id == entry.id)
    of = {"merchant_account": payout.merchant_account, "payout": payout.name}
    await connection.execute(mine.values(status=status, **of))
    ours, theirs = chart.bank(payout.merchant_account), chart.bank_clearing(payout.merchant_account)
    debit, credit = (ours, theirs) if entry.amount_minor > 0 else (theirs, ours)
    code = "payout_arrived" if status == "matched" else "payout_returned"
    booked = booking_values(Booking(debit, credit, Money(abs(entry.amount_minor), Currency(entry.currency)), code), at)
    await connection.execute(insert(transfers).values(booked | {"livemode": livemode, "bank_entry_id": entry.id}))


async def _late(connection: AsyncConnection, waiting: Sequence[Payout], *, livemode: bool) -> Sequence[Payout]:
    """Choose the payouts that statements should have by now: of an account whose payouts came to one they are of.

    An account none of whose payouts has come to any of our accounts at the bank is looked for in all of them.
    """
    newest = func.max(bank_entries.c.booked_on)
    columns = bank_entries.c.account, bank_entries.c.currency
    seen = select(*columns, newest).where(bank_entries.c.livemode == livemode).group_by(*columns)
    told = {(account, currency): day for account, currency, day in await connection.execute(seen)}
    homes = select(bank_entries.c.merchant_account, *columns).where(
        bank_entries.c.livemode == livemode, bank_entries.c.status == "matched"
    )
    at_home: dict[tuple[str, str], set[str | None]] = {}
    for merchant_account, account, currency in await connection.execute(homes.distinct()):
        at_home.setdefault((merchant_account, currency), set()).add(account)
    return [one for one in waiting if _is_late(one, told, at_home.get((one.merchant_account, one.currency)))]


def _is_late(payout: Payout, told: Mapping[tuple[str | None, str], date], homes: set[str | None] | None) -> bool:
    days = [
        day
        for (account, currency), day in told.items()
        if currency == payout.currency and (homes is None or account in homes)
    ]
    return payout.amount_minor > 0 and bool(days) and max(days) > payout.paid_on + LATE


async def _open_missing(connection: AsyncConnection, *, livemode: bool) -> Mapping[str, str]:
    """Read which payouts are missed already, by name."""
    missed = select(exceptions.c.id, exceptions.c.context).where(
        exceptions.c.livemode == livemode, exceptions.c.status == OPEN, exceptions.c.type == "payout_missing"
    )
    return {msgspec.json.decode(context)["name"]: id_ for id_, context in await connection.execute(missed)}


def _name(payout: Payout) -> str:
    return f"{payout.merchant_account} {payout.name} {payout.currency}"


def _of_entry(entry: Entry) -> str:
    """Name the exception about an entry: there is one, however often it is looked at."""
    return f"exc_{entry.id.removeprefix('ben_')}"


def _differs(entry: Entry, payout: Payout) -> bool:
    return entry.amount_minor != payout.amount_minor


def _entry(row: RowMapping) -> Entry:
    same = {name: row[name] for name in ("id", "booked_on", "currency", "amount_minor")}
    return Entry(**same, texts=msgspec.json.decode(row["texts"], type=tuple[str, ...]))


def _opening(
    type_: ExceptionType,
    payout: Payout,
    minor: int,
    detail: str,
    *,
    livemode: bool,
    context: Mapping[str, Any],
    variance_minor: int | None = None,
    id_: str | None = None,
) -> Opening:
    return Opening(
        id=id_,
        type=type_,
        livemode=livemode,
        merchant_account=payout.merchant_account,
        amount_minor=abs(minor),
        currency=payout.currency,
        detail=detail,
        variance_minor=variance_minor,
        context={"name": _name(payout), **context},
    )


def _off(entry: Entry, payout: Payout, *, livemode: bool) -> Opening:
    off = entry.amount_minor - payout.amount_minor
    paid, arrived = (written(minor, payout.currency) for minor in (payout.amount_minor, entry.amount_minor))
    told = f"{payout.name}: {paid} were paid out, {arrived} arrived"
    context = {"bank_entry": entry.id, "paid": payout.amount_minor, "received": entry.amount_minor}
    return _opening("batch_total_mismatch", payout, off, told, livemode=livemode, context=context, variance_minor=off)


def _returned(entry: Entry, payout: Payout, *, livemode: bool) -> Opening:
    amount = written(abs(entry.amount_minor), payout.currency)
    told = f"{payout.name}: {amount} went back from our bank on {entry.booked_on}"
    context = {"bank_entry": entry.id}
    return _opening("payment_returned", payout, entry.amount_minor, told, livemode=livemode, context=context)


def _unsure(entry: Entry, found: Sequence[Payout], *, livemode: bool) -> Opening:
    candidates = [_name(one) for one in found]
    amount = written(entry.amount_minor, entry.currency)
    told = f"{amount} of {entry.booked_on} at our bank may be {', '.join(candidates)}"
    context = {"bank_entry": entry.id, "candidates": candidates}
    of = _of_entry(entry)
    return _opening("ambiguous_match", found[0], entry.amount_minor, told, livemode=livemode, context=context, id_=of)


def _missing(payout: Payout, *, livemode: bool) -> Opening:
    minor = payout.amount_minor
    amount = written(minor, payout.currency)
    told = f"{payout.name}: {amount} were paid out on {payout.paid_on} and are on no bank statement"
    return _opening("payout_missing", payout, minor, told, livemode=livemode, context={}, variance_minor=-minor)
