"""The SQL that says in a payment which payment method came of it; the caller owns the transaction."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.payments.tables import payments


async def name_method(connection: AsyncConnection, payment_id: str, method_id: str) -> bool:
    """Name the payment method that came of a payment; False where one is named already."""
    unnamed = payments.c.id == payment_id, payments.c.payment_method.is_(None)
    named = await connection.execute(update(payments).where(*unnamed).values(payment_method=method_id))
    return named.rowcount > 0
