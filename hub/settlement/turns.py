"""Who writes about one account's lines does so alone: an import, the second look at what waits, and what is late.

Each of them reads what is open before it writes, so none may see what another is about to change.
"""

from typing import Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.settlement.lookups import is_postgresql

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:account, 7204118942))").bindparams(
    bindparam("account")
)


async def take_turn(connection: AsyncConnection, merchant_account: str) -> None:
    """Wait until nobody else writes about the account's lines, and keep others waiting until the transaction ends.

    SQLite has one writer at a time anyway.
    """
    if is_postgresql(connection):
        await connection.execute(_LOCK, {"account": merchant_account})
