"""Who holds a payment's reference: it is charged once, until that payment has come to nothing for sure."""

from typing import Final

from sqlalchemy import Integer, and_, bindparam, exists, literal_column, or_, select

from hub.database import Database, Query
from hub.exceptions.opening import OPEN
from hub.payments.states import Status
from hub.payments.tables import payments
from hub.settlement.tables import exceptions

_PAID_AFTER_ALL: Final = exists().where(
    exceptions.c.payment_id == payments.c.id,
    exceptions.c.status == OPEN,
    or_(exceptions.c.type == "failed_but_settled", exceptions.c.type == "void_not_cleared"),
)
"""The processor settled what came to nothing in our books, and nobody has said yet what is to become of it."""
_STANDS: Final = or_(and_(payments.c.status != Status.FAILED, payments.c.status != Status.CANCELED), _PAID_AFTER_ALL)
_SAME: Final = payments.c.livemode == bindparam("p_livemode"), payments.c.reference == bindparam("p_reference")
FREE: Final = select(literal_column("1", Integer)).where(~exists().where(*_SAME, _STANDS))
"""No open or successful payment has the reference: also none that was allowed to repeat it, or that was paid late.

Nor has one that failed in our books and was settled, until somebody has settled that exception.
"""
OPEN_BY_REFERENCE: Final = Query(
    select(payments.c.id).where(
        payments.c.livemode == bindparam("livemode"),
        payments.c.reference == bindparam("reference"),
        _STANDS,
    )
)


async def find_open(database: Database, livemode: bool, reference: str) -> str | None:  # noqa: FBT001 - the mode
    """Find the payment that holds *reference*."""
    rows = await database.fetch(OPEN_BY_REFERENCE, {"livemode": livemode, "reference": reference})
    return rows[0]["id"] if rows else None
