"""All SQL of what routing learns and counts."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contract import ATTEMPT_PREFIX
from hub.disputes.tables import disputes
from hub.figures.days import COUNT, NAMED_MAX, Attempt, Found, Used
from hub.figures.rules import OPEN, Charged
from hub.figures.tables import effective_fees
from hub.ids import first_id
from hub.payments.states import OperationStatus
from hub.payments.tables import operations, payments
from normalization.disputes import Stage
from normalization.money import Currency, Money
from normalization.outcome import OPENING
from normalization.regions import Region
from routing.costs import EffectiveFee, Learned

CLOCKS_APART: timedelta = timedelta(minutes=5)
"""How far the clock that made an id may be from the one that started its attempt."""
_ENDED = (OperationStatus.DECLINED, OperationStatus.NOT_SENT)


async def used_on(connection: AsyncConnection, day: date, accounts: Collection[str], young_since: datetime) -> Found:
    """Find what was charged, or may have been, at *accounts* on *day*.

    Named are the newest `NAMED_MAX` of those whose end is open or that were made at *young_since* or later. The ids of
    attempts sort by time, so only those of the day are looked at.
    """
    begins = datetime.combine(day, time(), UTC)
    counted = (
        operations.c.id >= first_id(ATTEMPT_PREFIX, begins - CLOCKS_APART),
        operations.c.id < first_id(ATTEMPT_PREFIX, begins + timedelta(days=1) + CLOCKS_APART),
        operations.c.started_at >= begins,
        operations.c.started_at < begins + timedelta(days=1),
        operations.c.kind.in_(OPENING),
        operations.c.status.not_in(_ENDED),
        operations.c.merchant_account.in_(accounts),
    )
    is_young = operations.c.id >= first_id(ATTEMPT_PREFIX, young_since)
    newest = select(operations.c.id).where(*counted, or_(is_young, operations.c.status.in_(OPEN)))
    named = newest.order_by(operations.c.id.desc()).limit(NAMED_MAX).subquery()
    account, currency = operations.c.merchant_account, operations.c.currency
    attempts, minor = func.count().label("attempts"), func.sum(operations.c.amount_minor).label("minor")
    rows = await connection.execute(
        select(named.c.id, account, currency, attempts, minor)
        .select_from(operations.outerjoin(named, named.c.id == operations.c.id))
        .where(*counted)
        .group_by(named.c.id, account, currency)
        .order_by(named.c.id)
    )
    found, others = dict[str, Attempt](), Counter[Used]()
    for row in rows:
        if row.id is not None:
            found[row.id] = Attempt(row.merchant_account, Money(int(row.minor), Currency(row.currency)))
            continue
        others[row.merchant_account, COUNT] += row.attempts
        others[row.merchant_account, row.currency] += int(row.minor)
    return Found(named=found, others=others)


async def charged_since(connection: AsyncConnection, since: datetime) -> dict[str, Charged]:
    """Count by account the payments captured *since* then, and the chargebacks that began since."""
    captured = await connection.execute(
        select(payments.c.merchant_account, func.count().label("number"))
        .where(payments.c.created_at >= since, payments.c.captured_minor > 0, payments.c.merchant_account.is_not(None))
        .group_by(payments.c.merchant_account)
    )
    disputed = await connection.execute(
        select(disputes.c.merchant_account, func.count().label("number"))
        .where(disputes.c.created_at >= since, disputes.c.stage != Stage.INQUIRY)
        .group_by(disputes.c.merchant_account)
    )
    charged_back: dict[str, int] = {row.merchant_account: row.number for row in disputed}
    return {row.merchant_account: Charged(row.number, charged_back.get(row.merchant_account, 0)) for row in captured}


async def effective(connection: AsyncConnection) -> Learned:
    """Read what accounts of both modes really charged."""
    rows = (await connection.execute(select(effective_fees).order_by(effective_fees.c.id))).mappings()
    found: dict[str, list[EffectiveFee]] = {}
    for row in rows:
        fee = EffectiveFee(
            currency=Currency(row["currency"]),
            card_brand=row["card_brand"] or None,
            card_funding=row["card_funding"] or None,
            card_region=Region(row["card_region"]) if row["card_region"] else None,
            percent_ppm=row["percent_ppm"],
            fixed_minor=row["fixed_minor"],
            lines=row["lines"],
        )
        found.setdefault(row["merchant_account"], []).append(fee)
    return found
