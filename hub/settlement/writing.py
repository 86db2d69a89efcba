"""Writing lines, and what was decided about them: matches, transfers and exceptions, many rows at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import ConflictError
from hub.exceptions.opening import Opening
from hub.exceptions.store import close, open_exceptions
from hub.ids import new_ids
from hub.ledger.tables import transfers
from hub.settlement.copying import add_rows
from hub.settlement.missing import close_arrived
from hub.settlement.tables import settlement_lines, settlement_matches
from hub.settlement.values import Decided, NewLine, Terms
from normalization.settlements import SettlementLine

_LINE: Final = (
    "id", "livemode", "batch_id", "number", "merchant_account", "key", "type", "raw_type", "gross_minor", "fee_minor",
    "net_minor", "currency", "presented_minor", "presented_currency", "exchange_rate", "booked_at", "payout", "tag",
    "processor_reference", "parent_reference", "facts", "raw", "digest", "status", "match_id", "subject", "payment_id",
    "operation_id", "created_at",
)  # fmt: skip
_MATCH: Final = ("expected_id", "line_id", "matched_at")
_TRANSFER: Final = (
    "id", "livemode", "debit", "credit", "amount_minor", "currency", "code", "payment_id", "operation_id", "line_id",
    "created_at",
)  # fmt: skip
_DECIDED: Final = ("status", "match_id", "payment_id", "operation_id", "facts")
_UPDATE: Final = (
    update(settlement_lines)
    .where(settlement_lines.c.id == bindparam("b_id"))
    .values(
        {name: bindparam(f"b_{name}", type_=settlement_lines.c[name].type) for name in _DECIDED} | {"subject": None}
    )
)


def subject_of(line: SettlementLine) -> str:
    """Say what a line is about: the same for all lines of one payment that have to be seen together."""
    return line.parent_reference or line.tag or line.processor_reference or ""


def line_rows(terms: Terms, lines: Sequence[NewLine], decided: Mapping[str, Decided]) -> Sequence[tuple[Any, ...]]:
    """Make the rows of *lines*; those that are *decided*, by their id, with what was decided about them."""
    return [_line(terms, new, decided.get(new.id)) for new in lines]


async def add_lines(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write the rows of lines."""
    await add_rows(connection, settlement_lines, _LINE, rows)


def _line(terms: Terms, new: NewLine, decided: Decided | None) -> tuple[Any, ...]:
    line, presented = new.line, new.line.presented
    if decided is None:
        came_of: tuple[Any, ...] = ("open", None, subject_of(line), None, None)
    else:
        came_of = (decided.status, decided.match_id, None, decided.payment_id, decided.operation_id)
    return (
        new.id, terms.livemode, terms.batch_id, new.number, terms.merchant_account, line.key, line.type,
        line.raw_type, line.gross_minor, line.fee_minor, line.net_minor, line.currency,
        presented.minor if presented else None, presented.currency if presented else None, line.exchange_rate,
        line.booked_at, line.batch, line.tag, line.processor_reference, line.parent_reference,
        facts_of(line, decided.info if decided else ()), new.raw, new.digest, *came_of, terms.now,
    )  # fmt: skip


def facts_of(line: SettlementLine, info: Sequence[Mapping[str, Any]]) -> str | None:
    """Write what else a line tells, and what is worth telling of it, as JSON."""
    told: dict[str, Any] = {}
    for name in ("fee_parts", "account", "card_brand", "card_funding", "card_country", "description"):
        value = getattr(line, name)
        if value is not None:
            told[name] = value
    if info:
        told["info"] = info
    return msgspec.json.encode(told).decode() if told else None


class Outcomes(Struct, frozen=True, kw_only=True):
    """What is written for decided lines: rows of matches and transfers, and exceptions.

    `late` are the expectations among the matched that were overdue.
    """

    matches: Sequence[tuple[Any, ...]]
    transfers: Sequence[tuple[Any, ...]]
    late: Sequence[str]
    openings: Sequence[Opening]


def outcomes_of(terms: Terms, decided: Sequence[Decided]) -> Outcomes:
    """Make what is to be written for lines that are *decided*."""
    today = terms.now.date()
    return Outcomes(
        matches=[(wanted.id, one.match_id, terms.now) for one in decided for wanted in one.wanted],
        transfers=_transfers(terms, decided),
        late=[wanted.id for one in decided for wanted in one.wanted if wanted.due_on < today],
        openings=[opening for one in decided for opening in openings_of(terms, one)],
    )


async def add_outcomes(connection: AsyncConnection, outcomes: Outcomes, at: datetime) -> None:
    """Write the *outcomes* of lines that are written already."""
    await add_rows(connection, settlement_matches, _MATCH, outcomes.matches)
    await add_rows(connection, transfers, _TRANSFER, outcomes.transfers)
    if outcomes.late:
        await close_arrived(connection, outcomes.late, at)
    if outcomes.openings:
        await open_exceptions(connection, outcomes.openings, at)


async def close_mended(connection: AsyncConnection, ids: Sequence[str], at: datetime) -> None:
    """Close differences of amount that further lines have made good.

    Raises:
        ConflictError: when a human has settled one meanwhile, so that its line makes nothing good any more.
    """
    if ids and await close(connection, ids, "settled_later", at, reason="another line brought the rest") != len(ids):
        raise ConflictError("exceptions")


async def update_lines(connection: AsyncConnection, decided: Iterable[Decided]) -> None:
    """Write what was decided about lines that were open."""
    rows = [
        {
            "b_id": one.line.id,
            "b_status": one.status,
            "b_match_id": one.match_id,
            "b_payment_id": one.payment_id,
            "b_operation_id": one.operation_id,
            "b_facts": facts_of(one.line.line, one.info),
        }
        for one in decided
    ]
    if rows:
        await connection.execute(_UPDATE, rows)


def _transfers(terms: Terms, decided: Sequence[Decided]) -> list[tuple[Any, ...]]:
    booked = [(one, booking) for one in decided for booking in one.bookings]
    livemode, now = terms.livemode, terms.now
    return [
        (
            id_, livemode, booking.debit, booking.credit, booking.money.minor, booking.money.currency, booking.code,
            one.payment_id, one.operation_id, one.line.id, now,
        )
        for id_, (one, booking) in zip(new_ids("trf_", len(booked)), booked, strict=True)
    ]  # fmt: skip


def openings_of(terms: Terms, one: Decided) -> list[Opening]:
    """Make the exceptions that a line is in."""
    return [
        Opening(
            type=concern.type,
            livemode=terms.livemode,
            merchant_account=terms.merchant_account,
            amount_minor=abs(concern.variance_minor),
            currency=concern.currency,
            detail=concern.detail,
            variance_minor=concern.variance_minor,
            payment_id=concern.payment_id,
            operation_id=concern.operation_id,
            line_id=one.line.id,
            expected_id=concern.expected_id,
            batch_id=terms.batch_id,
            context=concern.context,
            id=once(concern.type, one.line.id),
        )
        for concern in one.concerns
    ]


def once(type_: str, line_id: str) -> str | None:
    """Give an exception that may be found twice an id by which it is opened once; None for any other."""
    return f"exc_{line_id.partition('_')[2]}" if type_ == "unknown_outcome_settled" else None


async def name_subjects(connection: AsyncConnection, merchant_account: str) -> None:
    """Say of lines that are open again what they are about."""
    lines = settlement_lines.c
    unnamed = (lines.merchant_account == merchant_account, lines.status == text("'open'"), lines.subject.is_(None))
    named = text("coalesce(nullif(parent_reference, ''), nullif(tag, ''), nullif(processor_reference, ''), '')")
    await connection.execute(update(settlement_lines).where(*unnamed).values(subject=named))
