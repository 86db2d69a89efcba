"""All SQL of sealed values by the key that wraps them: only their first bytes are ever read or written."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, LargeBinary, and_, case, cast, func, literal, not_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.key_rotation.columns import Sealed
from hub.sealing import HEAD_BYTES_MAX, SealBrokenError, key_id_of, sealed_by

UNREADABLE: Final = ""
"""Stands for a key's id where a value does not begin as a sealed one does."""
_EXAMPLES: Final = 100


async def count(connection: AsyncConnection, sealed: Sealed, key_ids: Sequence[str]) -> Counter[str]:
    """Count a column's values by the id of their key, which may be another than one of *key_ids*."""
    by = [func.coalesce(func.sum(case((_begins(sealed, key_id), 1), else_=0)), 0) for key_id in key_ids]
    row = (await connection.execute(select(func.count(), *by).where(sealed.column.is_not(None)))).one()
    found = Counter({key_id: int(number) for key_id, number in zip(key_ids, row[1:], strict=True) if number})
    others = int(row[0]) - found.total()
    if others:
        strange = and_(sealed.column.is_not(None), *(not_(_begins(sealed, key_id)) for key_id in key_ids))
        heads = (
            await connection.execute(select(_first(sealed, HEAD_BYTES_MAX)).where(strange).limit(_EXAMPLES))
        ).scalars()
        names = sorted({_named(head) for head in heads})
        found[", ".join(names)] += others
    return found


async def heads(
    connection: AsyncConnection, sealed: Sealed, active: str, after: str, most: int
) -> list[tuple[str, bytes]]:
    """Read how values begin that another key than *active* wraps: at most *most*, after the id *after*."""
    due = (
        select(sealed.table.c.id, _first(sealed, HEAD_BYTES_MAX))
        .where(sealed.table.c.id > after, sealed.column.is_not(None), not_(_begins(sealed, active)))
        .order_by(sealed.table.c.id)
        .limit(most)
    )
    return [(id_, bytes(head)) for id_, head in (await connection.execute(due)).all()]


async def replace_head(
    database: Database, connection: AsyncConnection, sealed: Sealed, id_: str, old: bytes, new: bytes
) -> bool:
    """Put *new* in the place of *old* at the beginning of a value; False where it begins otherwise by now."""
    rest = func.substr(sealed.column, len(old) + 1)
    whole: ColumnElement[Any] = literal(new, LargeBinary).op("||")(type_coerce(rest, LargeBinary))
    if not database.is_postgresql:
        whole = cast(whole, LargeBinary)  # SQLite joins bytes as they are, and calls what comes of it text.
    same = sealed.table.c.id == id_, _first(sealed, len(old)) == literal(old, LargeBinary)
    done = await connection.execute(update(sealed.table).where(*same).values({sealed.name: whole}))
    return done.rowcount == 1


def _first(sealed: Sealed, length: int) -> ColumnElement[bytes]:
    return type_coerce(func.substr(sealed.column, 1, length), LargeBinary)


def _begins(sealed: Sealed, key_id: str) -> ColumnElement[bool]:
    begins = sealed_by(key_id)
    return _first(sealed, len(begins)) == literal(begins, LargeBinary)


def _named(head: bytes) -> str:
    try:
        return key_id_of(bytes(head))
    except SealBrokenError:
        return UNREADABLE
