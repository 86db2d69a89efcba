"""The loop: what settled lines show of an account's fees becomes what routing reckons with."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import ConflictError, Database
from hub.figures.fees import Kind, Sample, differ, learned
from hub.figures.store import effective
from hub.figures.tables import effective_fees, fee_lessons
from hub.ids import new_id
from hub.payments.shell import Shell
from hub.payments.tables import payments
from hub.settlement.tables import settlement_batches, settlement_lines
from normalization.money import Currency
from normalization.regions import REGION
from normalization.settlements import LineType
from normalization.tokens import CardFacts
from routing.costs import EffectiveFee

LINES_MAX: Final = 5_000
"""Lines that one account's fees are learned from, the newest."""
BATCHES_MAX: Final = 90
_batches: Final = settlement_batches.c
_lines: Final = settlement_lines.c


class _Seen(Struct, frozen=True):
    """What a payment's stored facts tell of its card."""

    card: CardFacts = CardFacts()


class _Told(Struct, frozen=True):
    """What a settled line tells of the card."""

    card_brand: str | None = None
    card_funding: str | None = None
    card_country: str | None = None


async def learn_fees(shell: Shell) -> int:
    """Learn the fees of one account with reports that are newer than what is known; returns whether there was one."""
    async with shell.database.reading() as connection:
        behind = await _behind(connection)
    if behind is None:
        return 0
    try:
        await learn(shell.database, *behind, shell.clock())
    except ConflictError:
        return 0  # Another worker did it.
    return 1


async def learn(
    database: Database,
    account: str,
    livemode: bool,  # noqa: FBT001 - a column's value
    seen: datetime,
    at: datetime,
) -> Sequence[EffectiveFee]:
    """Learn the fees of *account* from its newest settled charges, and write down what reports until *seen* show.

    Raises:
        ConflictError: when somebody else did it meanwhile.
    """
    async with database.reading() as connection:
        samples = await _samples(connection, account)
        known = (await effective(connection)).get(account, ())
    found = await asyncio.to_thread(learned, samples)  # Fractions take their time.
    async with database.transaction() as connection:
        if differ(found, known):
            await connection.execute(delete(effective_fees).where(effective_fees.c.merchant_account == account))
            if found:
                await connection.execute(insert(effective_fees), [_row(fee, account, livemode, at) for fee in found])
        lesson = {"merchant_account": account, "seen_until": seen, "learned_at": at}
        await connection.execute(delete(fee_lessons).where(fee_lessons.c.merchant_account == account))
        await connection.execute(insert(fee_lessons), lesson)
    return found


async def _behind(connection: AsyncConnection) -> tuple[str, bool, datetime] | None:
    """Find an account with reports that nothing was learned from yet, and when the newest of them was done."""
    newest, lesson = func.max(_batches.ended_at), fee_lessons.c.seen_until
    joined = settlement_batches.outerjoin(fee_lessons, fee_lessons.c.merchant_account == _batches.merchant_account)
    waiting = (
        select(_batches.merchant_account, _batches.livemode, newest)
        .select_from(joined)
        .where(
            _batches.status == "done", _batches.ended_at.is_not(None), or_(lesson.is_(None), _batches.ended_at > lesson)
        )
        .group_by(_batches.merchant_account, _batches.livemode)
        .limit(1)
    )
    row = (await connection.execute(waiting)).one_or_none()
    return None if row is None else (row[0], bool(row[1]), row[2])


async def _samples(connection: AsyncConnection, account: str) -> list[tuple[Kind, Sample]]:
    """Read the newest charges that were settled in their own currency, each by one line; the newest first."""
    newest = (
        select(_batches.id)
        .where(_batches.merchant_account == account, _batches.status == "done")
        .order_by(_batches.id.desc())
        .limit(BATCHES_MAX)
    )
    settled = (
        select(_lines.gross_minor, _lines.fee_minor, _lines.currency, _lines.facts, payments.c.facts.label("known"))
        .join_from(settlement_lines, payments, payments.c.id == _lines.payment_id)
        .where(
            _lines.batch_id.in_(newest),
            _lines.type == LineType.CHARGE,
            _lines.status == "matched",
            _lines.match_id == _lines.id,
            _lines.gross_minor > 0,
            _lines.presented_currency.is_(None),
        )
        .order_by(_lines.batch_id.desc(), _lines.number.desc())
        .limit(LINES_MAX)
    )
    return [
        (_kind(row.currency, row.facts, row.known), Sample(row.gross_minor, row.fee_minor))
        for row in await connection.execute(settled)
    ]


def _kind(currency: str, told: str | None, known: bytes) -> Kind:
    """Say what kind of card was charged: as routing saw it, else as the processor told."""
    card = msgspec.json.decode(known, type=_Seen).card
    line = msgspec.json.decode(told, type=_Told) if told else _Told()
    return Kind(
        Currency(currency),
        card.brand or line.card_brand,
        card.funding or line.card_funding,
        REGION.get(card.country or line.card_country or ""),
    )


def _row(fee: EffectiveFee, account: str, livemode: bool, at: datetime) -> dict[str, Any]:  # noqa: FBT001 - a column
    return {
        "id": new_id("fee_"),
        "livemode": livemode,
        "merchant_account": account,
        "currency": fee.currency.value,
        "card_brand": fee.card_brand or "",
        "card_funding": fee.card_funding or "",
        "card_region": fee.card_region or "",
        "percent_ppm": fee.percent_ppm,
        "fixed_minor": fee.fixed_minor,
        "lines": fee.lines,
        "learned_at": at,
    }
