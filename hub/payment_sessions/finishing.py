"""What ends a payment session: a token, whoever told of it; or a no. The caller owns the transaction."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.store import AUDIT, audit_row
from hub.payment_methods import keeping
from hub.payment_methods.keeping import Found
from hub.payment_sessions import store
from normalization.tokens import CardFacts, ProcessorToken

OPEN: Final = "open"
PROCESSING: Final = "processing"
COMPLETED: Final = "completed"
DECLINED: Final = "declined"


async def finish(
    connection: AsyncConnection,
    session_id: str,
    stored: ProcessorToken,
    at: datetime,
    *,
    shared: bool,
    card: CardFacts | None = None,
    network_transaction_id: str | None = None,
) -> str | None:
    """Make a payment method of what the processor stored, once; None where there is no such session.

    The customer that the hub asked the processor to keep it for counts more than what came with the token.
    *shared*: the processor's other accounts can charge it too.
    """
    row = await store.find(connection, session_id, to_change=True)
    if row is None:
        return None
    if row["status"] == COMPLETED:
        method: str = row["payment_method"]
        return method
    reference = row["customer_reference"] or stored.customer_reference
    found = Found(
        livemode=bool(row["livemode"]),
        customer=row["customer"],
        merchant_account=row["merchant_account"],
        shared=shared,
        stored=replace(stored, customer_reference=reference),
        card=card or CardFacts(),
        network_transaction_id=network_transaction_id,
    )
    method_id = await keeping.keep(connection, found, at)
    await store.change(connection, session_id, at, status=COMPLETED, payment_method=method_id)
    details = {"payment_method": method_id, "processor": row["processor"]}
    audit = audit_row(None, "payment_session.completed", session_id, details, livemode=found.livemode, at=at)
    await connection.execute(AUDIT, audit)
    return method_id


async def give_up(connection: AsyncConnection, session_id: str, status: str, at: datetime) -> None:
    """Have a session wait for what the browser brings next; one that is completed stays so."""
    row = await store.find(connection, session_id, to_change=True)
    if row is not None and row["status"] == PROCESSING:
        await store.change(connection, session_id, at, status=status)
