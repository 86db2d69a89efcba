"""All SQL of what is on its way to our bank: payouts as reports and webhooks tell of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.banking.rules import Payout
from hub.settlement.tables import settlement_lines, settlement_notices, settlement_payouts
from normalization.settlements import LineType

_payouts = settlement_payouts.c
_lines = settlement_lines.c


async def payouts(
    connection: AsyncConnection, *, livemode: bool, merchant_account: str | None = None
) -> Sequence[Payout]:
    """Read the payouts of a mode, or of one account."""
    notice = and_(
        settlement_notices.c.merchant_account == _payouts.merchant_account,
        settlement_notices.c.kind == "payout_paid",
        settlement_notices.c.processor_reference == _payouts.payout,
        settlement_notices.c.currency == _payouts.currency,
    )
    line = (
        _lines.merchant_account == _payouts.merchant_account,
        _lines.payout == _payouts.payout,
        _lines.currency == _payouts.currency,
        _lines.type == LineType.PAYOUT,
        _lines.type.in_(("payout", "payout_reversal")),  # As the index says.
        _lines.status != "superseded",
    )
    booked = select(func.min(_lines.booked_at)).where(*line).scalar_subquery()
    posted = _lines.status == "posted"  # One of another account may have the same batch number.
    reference = select(func.min(_lines.processor_reference)).where(*line, posted).scalar_subquery()
    told = (
        select(
            *_payouts,
            settlement_notices.c.amount_minor.label("told_minor"),
            func.coalesce(booked, settlement_notices.c.received_at, _payouts.updated_at).label("paid_at"),
            reference.label("reference"),
        )
        .select_from(settlement_payouts.outerjoin(settlement_notices, notice))
        .where(_payouts.livemode == livemode)
    )
    if merchant_account is not None:
        told = told.where(_payouts.merchant_account == merchant_account)
    rows = (await connection.execute(told.order_by(_payouts.merchant_account, _payouts.payout))).mappings().all()
    return [found for row in rows if (found := _payout(row)).amount_minor]


async def returned_minor(connection: AsyncConnection, merchant_account: str, at: datetime) -> Mapping[str, int]:
    """Add up, by currency, what came back from our bank to a processor until an instant."""
    back = (
        select(_lines.currency, func.sum(_lines.net_minor))
        .where(
            _lines.merchant_account == merchant_account,
            _lines.type == LineType.PAYOUT_REVERSAL,
            _lines.type.in_(("payout", "payout_reversal")),
            _lines.status != "superseded",
            _lines.booked_at <= at,
        )
        .group_by(_lines.currency)
    )
    return {currency: int(minor) for currency, minor in await connection.execute(back)}


def _payout(row: RowMapping | Mapping[str, Any]) -> Payout:
    """Take the amount from the payout's own line, else from the webhook, else from what its lines add up to."""
    told = row["told_minor"] if row["told_minor"] is not None else row["net_minor"]
    return Payout(
        merchant_account=row["merchant_account"],
        name=row["payout"],
        currency=row["currency"],
        amount_minor=int(row["paid_minor"] if row["paid_lines"] else told),
        paid_on=row["paid_at"].date(),
        reference=row["reference"],
    )
