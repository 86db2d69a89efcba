"""Who writes about one account's lines does so alone: an import, the second look at what waits, and what is late.

Each of them reads what is open before it writes, so none may see what another is about to change. Turns are numbered:
who has read before its turn came knows by the number whether anybody else has written since.
"""

from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.settlement.tables import settlement_turns

_turns: Final = settlement_turns.c
_TAKE: Final = (
    insert_or_update(settlement_turns)
    .values(merchant_account=bindparam("account"), number=1)
    .on_conflict_do_update(index_elements=["merchant_account"], set_={"number": _turns.number + 1})
    .returning(_turns.number)
)
_LAST: Final = select(_turns.number).where(_turns.merchant_account == bindparam("account"))


async def take_turn(connection: AsyncConnection, merchant_account: str) -> int:
    """Wait until nobody else writes about the account's lines, and keep others waiting until the transaction ends.

    Returns the turn's number: one more than that of the last turn that was not rolled back.
    """
    return int((await connection.execute(_TAKE, {"account": merchant_account})).scalar_one())


async def last_turn(connection: AsyncConnection, merchant_account: str) -> int:
    """Give the number of the last turn that is over; 0 before the first."""
    return int(await connection.scalar(_LAST, {"account": merchant_account}) or 0)
