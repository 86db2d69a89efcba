"""Wrapping everything anew with the first key: in small commits, from wherever an earlier run ended."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct, field

from hub.database import Database
from hub.key_rotation import store
from hub.key_rotation.columns import SEALED, Sealed
from hub.sealing import SealBrokenError, Sealer, head_bytes

BATCH: Final = 200
"""Values that are wrapped in one commit: SQLite's other writers wait for it."""
FAILURES_TOLD_MAX: Final = 20
Told = Callable[[Sealed, int], None]
"""Is called with a column and how many of its values were gone through since the last call."""


class Values(Struct, frozen=True):
    """How many values of a column a key wraps; `key_id` is empty for what is no sealed value."""

    column: str
    key_id: str
    values: int


class Rotation(Struct):
    """What a run did: how many values it wrapped anew, and the first of those that it could not, each in a sentence."""

    rewrapped: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)


async def census(database: Database, sealer: Sealer) -> list[Values]:
    """Count everything that is sealed, by column and key."""
    found: list[Values] = []
    async with database.reading() as connection:
        for sealed in SEALED:
            counted = await store.count(connection, sealed, sealer.key_ids)
            found += [Values(str(sealed), key_id, values) for key_id, values in counted.items()]
    return found


def left(found: Sequence[Values], sealer: Sealer) -> list[Values]:
    """Pick what another key than the first wraps."""
    return [one for one in found if one.key_id != sealer.key_ids[0]]


async def rotate(
    database: Database, sealer: Sealer, told: Told = lambda _column, _values: None, *, batch: int = BATCH
) -> Rotation:
    """Wrap what other keys wrap with the first one.

    Killed at any point, what was committed stays and the next run does the rest. What a process writes back meanwhile
    as it had read it before is found by the next run, too.
    """
    done = Rotation()
    for sealed in SEALED:
        after = ""
        while True:
            async with database.reading() as connection:
                heads = await store.heads(connection, sealed, sealer.key_ids[0], after, batch)
            if not heads:
                break
            await _rewrap(database, sealer, sealed, heads, done)
            told(sealed, len(heads))
            after = heads[-1][0]
    return done


async def _rewrap(
    database: Database, sealer: Sealer, sealed: Sealed, heads: Sequence[tuple[str, bytes]], done: Rotation
) -> None:
    async with database.transaction() as connection:
        for id_, head in heads:
            try:
                old = head[: head_bytes(head)]
                new = sealer.rewrap(old, sealed.identity(id_))
            except SealBrokenError as broken:
                done.failed += 1
                if len(done.failures) < FAILURES_TOLD_MAX:
                    done.failures.append(f"{sealed} of {id_}: {broken}")
                continue
            # Where it is another by now, whoever wrote it sealed it with the first key, or the next run finds it.
            done.rewrapped += await store.replace_head(database, connection, sealed, id_, old, new)
