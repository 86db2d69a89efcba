"""What a human had booked about money that then found its place by itself: it would be moved twice in silence."""

from typing import Final

from msgspec.structs import replace
from sqlalchemy import case, func, or_, select

from hub.database import Database
from hub.ledger.chart import suspense
from hub.ledger.tables import transfers
from hub.payments.states import Transition
from hub.settlement.tables import exceptions
from normalization.money import written

BY_ITSELF: Final = frozenset({"refund_covered", "surplus_counted"})
"""Codes of bookings that clear suspense by no word of its own, so that no exception tells of them."""


async def told(database: Database, transition: Transition) -> Transition:
    """Add an exception where *transition* clears suspense that a human's transfer had cleared before."""
    cleared = [booking for booking in transition.bookings if booking.code in BY_ITSELF]
    if not cleared:
        return transition
    held, table = suspense(transition.operation.merchant_account), transfers.c
    moved = func.sum(case((table.debit == held, table.amount_minor), else_=-table.amount_minor))
    booked = (
        select(func.coalesce(moved, 0))
        .join_from(transfers, exceptions, exceptions.c.id == table.exception_id)
        .where(
            exceptions.c.payment_id == transition.payment.id,
            table.currency == transition.payment.currency,
            or_(table.debit == held, table.credit == held),
        )
    )
    async with database.reading() as connection:
        by_hand = int(await connection.scalar(booked) or 0)
    if not by_hand:
        return transition
    minor = sum(booking.money.minor for booking in cleared)
    now, before = written(minor, transition.payment.currency), written(abs(by_hand), transition.payment.currency)
    why = f"{now} in suspense found its place, where a human had booked {before} before; open that exception again"
    return replace(transition, exceptions=(*transition.exceptions, ("amount_mismatch", why)))
