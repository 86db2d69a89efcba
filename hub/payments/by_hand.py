"""What a human had booked about money that then found its place by itself: it would be moved twice in silence."""

from typing import Final

from msgspec.structs import replace

from hub.database import Database
from hub.exceptions import store
from hub.ledger.chart import suspense
from hub.payments.states import Transition
from normalization.money import written

BY_ITSELF: Final = frozenset({"refund_covered", "surplus_counted"})
"""Codes of bookings that clear suspense by no word of its own, so that no exception tells of them.

Nor does one tell of what is given back of an attempt that was passed over: suspense held it from the beginning.
"""


async def told(database: Database, transition: Transition) -> Transition:
    """Add an exception where *transition* clears suspense that a human's transfer had cleared before."""
    payment, held = transition.payment, suspense(transition.operation.merchant_account)
    silent = not transition.exceptions
    cleared = [
        one for one in transition.bookings if one.code in BY_ITSELF or (silent and held in {one.debit, one.credit})
    ]
    if not cleared:
        return transition
    async with database.reading() as connection:
        booked = await store.booked_by_hand(connection, payment.id, held, payment.currency)
    if not booked:
        return transition
    minor = sum(booking.money.minor for booking in cleared)
    now, before = written(minor, payment.currency), written(abs(booked), payment.currency)
    why = f"{now} in suspense found its place, where a human had booked {before} before; open that exception again"
    return replace(transition, exceptions=(*transition.exceptions, ("amount_mismatch", why)))
