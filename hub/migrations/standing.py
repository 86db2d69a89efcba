"""Whether a process may work on the tables that it finds: neither on older ones nor on what has left it behind.

Tables are made before the processes that need them, so old processes meet newer tables in every rollout. Revisions add
first and take away later: one that takes something away writes into `schema_floor` which revision's code can go on.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct
from sqlalchemy import Column, Table, Text, column, inspect, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import metadata

schema_floor = Table("schema_floor", metadata, Column("revision", Text, primary_key=True))
"""One row: the oldest revision whose code can work on the tables as they are."""
NEWEST: Final = max(path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
"""The revision that this code was written for; revisions are numbers with leading noughts."""
_REVISION: Final = select(column("version_num", Text)).select_from(table("alembic_version"))
_FLOOR: Final = select(schema_floor.c.revision)


class Standing(StrEnum):
    """How the tables stand to this code."""

    BEHIND = "behind"  # They lack what this code needs.
    RIGHT = "right"
    AHEAD = "ahead"  # A newer version made them, and left everything that this code uses.
    BEYOND = "beyond"  # A newer version took away what this code uses.

    @property
    def serves(self) -> bool:
        """Whether this code may work on them."""
        return self in {Standing.RIGHT, Standing.AHEAD}


class Tables(Struct, frozen=True):
    """What a database says of its tables; None where it says nothing. `floor` is the oldest code that can go on."""

    revision: str | None
    floor: str | None


MEND: Final = {
    Standing.BEHIND: "the database does not have this version's tables; run `hub migrate` first",
    Standing.BEYOND: "the database has the tables of a version that this one cannot work with; run that version",
}
"""What to say where this code must not work."""


def judge(found: Tables, newest: str = NEWEST) -> Standing:
    """Hold what was *found* against code that was written for the revision *newest*."""
    if found.revision is None or found.revision < newest:
        return Standing.BEHIND
    if found.revision == newest:
        return Standing.RIGHT
    return Standing.AHEAD if (found.floor or found.revision) <= newest else Standing.BEYOND


async def look(connection: AsyncConnection) -> Tables:
    """Read what the database says of its tables."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return Tables(None, None)
    revision = await connection.scalar(_REVISION)
    floor = await connection.scalar(_FLOOR) if revision is not None and revision > NEWEST else None
    return Tables(revision, floor)
