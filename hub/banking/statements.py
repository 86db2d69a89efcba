"""Taking a bank statement in: each file once, each entry once, whichever statement tells of it."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.banking.tables import bank_entries, bank_statements
from hub.banking.tying import tie_entries
from hub.database import ConflictError
from hub.ids import new_id
from hub.pan import mask
from hub.payments.shell import Shell
from hub.settlement.bank_entries import BankEntry, BrokenEntry
from hub.settlement.bank_files import read_bank_file

BYTES_MAX: Final = 32 * 1024 * 1024
ENTRIES_MAX: Final = 50_000
BROKEN_MAX: Final = 100
"""How many broken entries are told of."""
EntryStatus = Literal["unmatched", "matched", "returned"]
_PIECE: Final = 64 * 1024
_AT_ONCE: Final = 500
_TIED: Final = (
    select(func.count())
    .where(bank_entries.c.statement_id == bank_statements.c.id, bank_entries.c.status != "unmatched")
    .scalar_subquery()
)
_STATEMENTS: Final = select(bank_statements, _TIED.label("tied"))


class TooLargeError(Exception):
    """The statement is larger than what is taken; nothing of it was kept."""


class BrokenShown(Struct, frozen=True, kw_only=True):
    """An entry that could not be read, where it stands, and why."""

    line: int
    column: str | None
    message: str


class StatementBody(Struct, frozen=True, kw_only=True):
    """A bank statement: `entries` that were new, those `known` from another one, and how many are payouts of ours."""

    id: str
    object: str = "bank_statement"
    livemode: bool
    entries: int
    entries_known: int
    entries_matched: int
    broken: list[BrokenShown]
    created_at: datetime


class EntryBody(Struct, frozen=True, kw_only=True):
    """What our bank booked; `payout` names the payout of `merchant_account` that it is."""

    id: str
    object: str = "bank_entry"
    account: str | None
    booked_on: date
    amount: int
    currency: str
    texts: list[str]
    status: EntryStatus
    merchant_account: str | None
    payout: str | None


async def take(shell: Shell, caller: Caller, content: bytes, request_id: str) -> tuple[str, bool]:
    """Keep a statement, and tie its entries to payouts; gives its id, and whether it was there before.

    Raises:
        NotAStatementError: when it is none.
        TooLargeError: when it has more entries than are taken.
    """
    told = await asyncio.to_thread(_read, content)
    file_hash, at = sha256(content).hexdigest(), shell.clock()
    try:
        async with shell.database.transaction() as connection:
            known = await _known(connection, file_hash, livemode=caller.livemode)
            if known is not None:
                return known, True
            kept = await _keep(connection, caller, told, file_hash, at)
            details = {"entries": len(told)}
            entry = audit_row(
                caller, "bank_statement.taken", kept, details, livemode=caller.livemode, at=at, request_id=request_id
            )
            await connection.execute(AUDIT, entry)
    except ConflictError:  # The same file, or one of its entries, came in the same moment.
        return await take(shell, caller, content, request_id)
    await tie_entries(shell)
    return kept, False


async def statement(connection: AsyncConnection, statement_id: str, *, livemode: bool) -> StatementBody | None:
    """Read one statement."""
    mine = _STATEMENTS.where(bank_statements.c.id == statement_id, bank_statements.c.livemode == livemode)
    row = (await connection.execute(mine)).mappings().one_or_none()
    return None if row is None else statement_body(row)


async def statements_before(
    connection: AsyncConnection, before: str | None, most: int, *, livemode: bool
) -> Sequence[RowMapping]:
    """Read at most *most* statements, the newest first."""
    wanted = _STATEMENTS.where(bank_statements.c.livemode == livemode)
    if before is not None:
        wanted = wanted.where(bank_statements.c.id < before)
    found = await connection.execute(wanted.order_by(bank_statements.c.id.desc()).limit(most))
    return found.mappings().all()


def statement_body(row: Mapping[Any, Any]) -> StatementBody:
    """Show a row of `bank_statements` with how many of its entries are `tied`."""
    same = {name: row[name] for name in ("id", "entries", "entries_known", "created_at")}
    return StatementBody(
        **same,
        livemode=bool(row["livemode"]),
        entries_matched=int(row["tied"]),
        broken=msgspec.json.decode(row["broken"], type=list[BrokenShown]),
    )


async def entries_before(
    connection: AsyncConnection, statement_id: str, before: str | None, most: int, *, status: str | None
) -> Sequence[RowMapping]:
    """Read at most *most* entries of a statement, the last first, of one *status* where it is given."""
    wanted = select(bank_entries).where(bank_entries.c.statement_id == statement_id)
    if status is not None:
        wanted = wanted.where(bank_entries.c.status == status)
    if before is not None:
        wanted = wanted.where(bank_entries.c.id < before)
    found: Sequence[RowMapping] = (
        (await connection.execute(wanted.order_by(bank_entries.c.id.desc()).limit(most))).mappings().all()
    )
    return found


def entry_body(row: RowMapping) -> EntryBody:
    """Show a row of `bank_entries`."""
    plain = ("id", "account", "booked_on", "currency", "status", "merchant_account", "payout")
    texts = msgspec.json.decode(row["texts"])
    return EntryBody(**{name: row[name] for name in plain}, amount=row["amount_minor"], texts=texts)


def _read(content: bytes) -> list[BankEntry | BrokenEntry]:
    told: list[BankEntry | BrokenEntry] = []
    for one in read_bank_file(_pieces(content)):
        told.append(one)
        if len(told) > ENTRIES_MAX:
            raise TooLargeError(f"the statement has more than the {ENTRIES_MAX} entries that are taken at once")
    return told


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[at : at + _PIECE] for at in range(0, len(content), _PIECE))


async def _known(connection: AsyncConnection, file_hash: str, *, livemode: bool) -> str | None:
    same = bank_statements.c.livemode == livemode, bank_statements.c.file_hash == file_hash
    found: str | None = await connection.scalar(select(bank_statements.c.id).where(*same))
    return found


async def _keep(
    connection: AsyncConnection,
    caller: Caller,
    told: Sequence[BankEntry | BrokenEntry],
    file_hash: str,
    at: datetime,
) -> str:
    read = {_key(one): one for one in told if isinstance(one, BankEntry)}
    broken = [one for one in told if isinstance(one, BrokenEntry)]
    known = await _told_before(connection, list(read), livemode=caller.livemode)
    fresh = {key: one for key, one in read.items() if key not in known}
    statement_id = new_id("bst_")
    row = {
        "id": statement_id,
        "livemode": caller.livemode,
        "file_hash": file_hash,
        "entries": len(fresh),
        "entries_known": len(known),
        "broken": msgspec.json.encode([_broken(one) for one in broken[:BROKEN_MAX]]).decode(),
        "stated_by": caller.principal,
        "created_at": at,
    }
    await connection.execute(insert(bank_statements).values(row))
    if fresh:
        rows = [_row(key, one, statement_id, livemode=caller.livemode, at=at) for key, one in fresh.items()]
        await connection.execute(insert(bank_entries), rows)
    return statement_id


async def _told_before(connection: AsyncConnection, keys: Sequence[str], *, livemode: bool) -> set[str]:
    known: set[str] = set()
    for first in range(0, len(keys), _AT_ONCE):
        some = bank_entries.c.key.in_(keys[first : first + _AT_ONCE])
        found = await connection.execute(select(bank_entries.c.key).where(bank_entries.c.livemode == livemode, some))
        known |= set(found.scalars())
    return known


def _broken(one: BrokenEntry) -> BrokenShown:
    return BrokenShown(line=one.line, column=one.column, message=mask(one.message)[0])


def _key(one: BankEntry) -> str:
    """Name an entry; its digest stands for a name in which there is a card number."""
    return sha256(one.key.encode()).hexdigest() if mask(one.key)[1] else one.key


def _row(key: str, one: BankEntry, statement_id: str, *, livemode: bool, at: datetime) -> dict[str, Any]:
    texts = [mask(text)[0] for text in one.references]
    return {
        "id": new_id("ben_"),
        "livemode": livemode,
        "statement_id": statement_id,
        "key": key,
        "account": one.account,
        "booked_on": one.booked_on,
        "amount_minor": one.money.minor,
        "currency": one.money.currency,
        "texts": msgspec.json.encode(texts).decode(),
        "status": "unmatched",
        "merchant_account": None,
        "payout": None,
        "created_at": at,
    }
