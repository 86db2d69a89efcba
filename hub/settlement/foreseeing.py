"""What a chunk of new lines will come to, read and decided while the database still writes the chunk before.

It holds where nobody else had a turn at the account meanwhile. Otherwise, and where a chunk tells again what stands
already, the chunk is read and decided within its own turn, as if nothing had been foreseen.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.settlement import settling
from hub.settlement.settling import Prepared
from hub.settlement.telling import CameOf, first_of_each, standing_of
from hub.settlement.turns import last_turn
from hub.settlement.values import NewLine, Terms


class Foresight(Struct, frozen=True, kw_only=True):
    """What new lines come to, if no turn but that of the chunk before comes between `turn` and theirs."""

    turn: int
    keys: frozenset[str]
    prepared: Prepared


class Turn(Struct, frozen=True, kw_only=True):
    """The last turn of an import, and whether the chunk was written in it as it had been foreseen."""

    number: int
    as_foreseen: bool


async def foresee(
    connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine], before: Foresight | None
) -> Foresight | None:
    """Decide about *lines*, which follow on those of *before*; None where one of them was told already.

    Whether those of *before* are written yet makes no difference: their keys and matches are known from it.
    """
    turn = await last_turn(connection, terms.merchant_account)  # First of all: what is read is not older than it.
    keys = frozenset(new.line.key for new in lines)
    if first_of_each(lines)[1] or (before is not None and keys & before.keys):
        return None
    if await standing_of(connection, terms.merchant_account, keys):
        return None
    taken = before.prepared.taken if before is not None else frozenset[str]()
    return Foresight(turn=turn, keys=keys, prepared=await settling.prepare(connection, terms, lines, taken))


def holds(foresight: Foresight, turn: int, before: Turn | None) -> bool:
    """Whether nothing that was foreseen can be different by *turn*, which follows on that of the chunk *before*.

    Nobody had a turn since it was read, or only the chunk before, and that wrote what it was expected to.
    """
    if before is not None and foresight.turn < before.number:
        return before.as_foreseen and foresight.turn == before.number - 1 and turn == before.number + 1
    return turn == foresight.turn + 1


async def write(connection: AsyncConnection, terms: Terms, foresight: Foresight) -> CameOf:
    """Write what was foreseen, in a turn in which it holds."""
    settled = await settling.write(connection, terms, foresight.prepared)
    return CameOf(added=len(foresight.prepared.lines), settled=settled)
