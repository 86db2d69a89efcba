"""What humans do about exceptions: take one on, settle it by a transfer or a reason, open it again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.approvals.rules import passes
from hub.errors import FieldError, ProblemError
from hub.events.tables import events
from hub.exceptions import store
from hub.exceptions.lists import one
from hub.exceptions.opening import OPEN, RESOLVED, told_by
from hub.exceptions.rules import REOPENED, Posting, posting_errors
from hub.exceptions.showing import ExceptionBody, Resolution, exception_body
from hub.exceptions.store import history_row
from hub.exceptions.tables import exception_history
from hub.ledger.chart import suspense
from hub.ledger.tables import transfers
from hub.payments.rows import booking_values
from hub.payments.states import Booking
from hub.payments.tables import payments
from hub.settlement.tables import exceptions, settlement_lines
from hub.settlement.taking_back import posted_back
from normalization.money import Currency, Money, written

SETTLED: Final = "exception_settled"
"""Why money moved: the code of the transfer."""


class Author(Struct, frozen=True, kw_only=True):
    """Who does something about an exception; `approval` is the one that a second person gave to it."""

    caller: Caller
    request_id: str | None
    at: datetime
    approval: str | None = None


class Settling(Struct, frozen=True, kw_only=True):
    """How an exception is settled: in which words, and by which transfer where one is to be booked."""

    reason: str
    posting: Posting | None = None


class SecondPersonNeededError(Exception):
    """What opening an exception again books back is more than one person may book alone; nothing was changed."""

    def __init__(self, row: RowMapping, amount_minor: int) -> None:
        super().__init__(row["id"])
        self.row = row
        self.amount_minor = amount_minor


async def hold(connection: AsyncConnection, caller: Caller, exception_id: str) -> RowMapping:
    """Read an exception that nobody else changes until the transaction ends.

    Raises:
        ProblemError: not_found.
    """
    row = await one(connection, livemode=caller.livemode, exception_id=exception_id, to_change=True)
    if row is None or not caller.may_use(row["merchant_account"]):
        raise not_found()
    return row


async def assign(connection: AsyncConnection, author: Author, exception_id: str, owner: str | None) -> ExceptionBody:
    """Make somebody the owner of an open exception; None takes the owner off.

    Raises:
        ProblemError: not_found, exception_not_open.
    """
    row = await hold(connection, author.caller, exception_id)
    _must_be(row, OPEN)
    return await _change(connection, author, row, "assigned", {"owner": owner}, {"owner": owner})


async def resolve(connection: AsyncConnection, author: Author, exception_id: str, settling: Settling) -> ExceptionBody:
    """Settle an open exception, and book its transfer.

    Raises:
        ProblemError: not_found, exception_not_open, validation_failed for a transfer that is not allowed.
    """
    row = await hold(connection, author.caller, exception_id)
    check(row, settling)
    posting = settling.posting
    if posting is not None and await _is_restated(connection, row["line_id"]):
        errors = [FieldError("transfer", "moves what its line has posted, and another line stands in its place now")]
        raise ProblemError("validation_failed", "the transfer cannot be booked", errors=errors)
    if posting is not None:
        await _must_fit(connection, row, posting)
    booked = None if posting is None else await _book(connection, author, row, posting, SETTLED)
    how = "reason" if posting is None else "transfer"
    resolution = Resolution(how=how, reason=settling.reason, transfer=booked)
    details = msgspec.to_builtins(resolution) | ({"approval": author.approval} if author.approval else {})
    values = {
        "status": RESOLVED,
        "resolution": msgspec.json.encode(resolution).decode(),
        "resolved_by": author.caller.principal,
        "resolved_at": author.at,
    }
    return await _change(connection, author, row, "resolved", values, details)


async def reopen(
    connection: AsyncConnection,
    author: Author,
    exception_id: str,
    reason: str,
    limit: Mapping[Currency, int] | None = None,
) -> ExceptionBody:
    """Open an exception again; what was booked to settle it, and still stands, is booked back.

    Raises:
        ProblemError: not_found, exception_not_resolved.
        SecondPersonNeededError: when that is more than *limit* lets pass.
    """
    row = await hold(connection, author.caller, exception_id)
    _must_be(row, RESOLVED)
    details: dict[str, Any] = {"reason": reason}
    mine = select(transfers).where(transfers.c.exception_id == exception_id).order_by(transfers.c.id)
    back = posted_back((await connection.execute(mine)).mappings().all(), author.at, REOPENED)
    if back:
        amount_minor = sum(one["amount_minor"] for one in back)
        if passes(limit, amount_minor, row["currency"]):
            raise SecondPersonNeededError(row, amount_minor)
        await connection.execute(insert(transfers), [one | {"approval_id": author.approval} for one in back])
        details["transfer"] = back[0]["id"]
    if author.approval:
        details["approval"] = author.approval
    values = {"status": OPEN} | dict.fromkeys(("resolution", "resolved_by", "resolved_at"))
    return await _change(connection, author, row, "reopened", values, details)


async def carry_out(connection: AsyncConnection, author: Author, request: Mapping[str, Any]) -> str | None:
    """Do what a second person agreed to, as `service` asked for it; gives the id of the transfer.

    Raises:
        ProblemError: as `resolve` and `reopen`.
    """
    exception_id: str = request["exception"]
    if "reopening" in request:
        await reopen(connection, author, exception_id, request["reopening"])
        mine = transfers.c.exception_id == exception_id, transfers.c.approval_id == author.approval
        booked: str | None = await connection.scalar(select(func.min(transfers.c.id)).where(*mine))
        return booked
    settling = msgspec.convert(request["settling"], Settling)
    resolved = await resolve(connection, author, exception_id, settling)
    return resolved.resolution.transfer if resolved.resolution else None


def check(row: Mapping[Any, Any], settling: Settling) -> None:
    """Refuse what cannot settle the exception of *row*.

    Raises:
        ProblemError: exception_not_open, validation_failed.
    """
    _must_be(row, OPEN)
    posting = settling.posting
    if posting is None:
        return
    if errors := posting_errors(posting, row["merchant_account"], row["amount_minor"]):
        raise ProblemError("validation_failed", "the transfer cannot be booked", errors=errors)


async def _must_fit(connection: AsyncConnection, row: Mapping[Any, Any], posting: Posting) -> None:
    """Refuse a transfer that clears suspense of what has found its place by itself, while its exception stayed open.

    What a settlement line left there is looked at with its line.

    Raises:
        ProblemError: validation_failed.
    """
    held, payment = suspense(row["merchant_account"]), row["payment_id"]
    if held not in {posting.debit, posting.credit} or payment is None or row["line_id"] or row["expected_id"]:
        return
    # Whoever records something of the payment at this moment looks again at what people have booked.
    await connection.execute(update(payments).where(payments.c.id == payment).values(version=payments.c.version + 1))
    stood = await store.stands(connection, payment, held, row["currency"])
    after = stood.left_minor + (posting.amount_minor if posting.debit == held else -posting.amount_minor)
    if not stood.cleared or abs(after) + abs(stood.left_minor - after) == abs(stood.left_minor):
        return
    left = written(abs(stood.left_minor), row["currency"])
    told = f"takes from suspense what has found its place by itself since; {left} of this payment is left there"
    raise ProblemError("validation_failed", "the transfer cannot be booked", errors=[FieldError("transfer", told)])


async def _is_restated(connection: AsyncConnection, line_id: str | None) -> bool:
    status = await connection.scalar(select(settlement_lines.c.status).where(settlement_lines.c.id == line_id))
    return status == "superseded"


def not_found() -> ProblemError:
    """Say that an exception is not there, or not for this key."""
    return ProblemError("not_found", "there is no such exception in this mode")


def _must_be(row: Mapping[Any, Any], status: str) -> None:
    if row["status"] == status:
        return
    if status == OPEN:
        raise ProblemError("exception_not_open", f"it was resolved by {row['resolved_by']}; reopen it first")
    raise ProblemError("exception_not_resolved", "it is open, so it cannot be opened again")


async def _book(
    connection: AsyncConnection, author: Author, row: Mapping[Any, Any], posting: Posting, code: str
) -> str:
    money = Money(posting.amount_minor, Currency(row["currency"]))
    booked = booking_values(Booking(posting.debit, posting.credit, money, code), author.at)
    tied = {name: row[name] for name in ("livemode", "payment_id", "operation_id", "line_id")}
    tied |= {"exception_id": row["id"], "approval_id": author.approval}
    await connection.execute(insert(transfers).values(booked | tied))
    return str(booked["id"])


async def _change(
    connection: AsyncConnection,
    author: Author,
    row: Mapping[Any, Any],
    action: str,
    values: Mapping[str, Any],
    details: Mapping[str, Any],
) -> ExceptionBody:
    """Write one step: the exception as it is now, its history, its event and the audit row."""
    mine = update(exceptions).where(exceptions.c.id == row["id"])
    await connection.execute(mine.values(**values))
    now = dict(row) | dict(values)
    name, caller = f"exception.{action}", author.caller
    step = history_row(row["id"], action, caller.principal, details, author.at)
    await connection.execute(insert(exception_history).values(step))
    await connection.execute(insert(events).values(told_by(now, name, author.at)))
    entry = audit_row(
        caller, name, row["id"], details, livemode=caller.livemode, at=author.at, request_id=author.request_id
    )
    await connection.execute(AUDIT, entry)
    return exception_body(now)
