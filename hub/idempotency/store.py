"""All SQL about callers' keys. The key is inserted with what it pays for and answered with what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Integer, LargeBinary, bindparam, insert, select, update

from hub.database import Database, Query
from hub.idempotency.tables import idempotency_keys


class Key(Struct, frozen=True, kw_only=True):
    """A caller's key and the fingerprint of what was asked with it; `location` is where the outcome is read.

    `also` are fingerprints that the same request may have had before.
    """

    key: str
    fingerprint: bytes
    location: str
    also: tuple[bytes, ...] = ()


class Stored(Struct, frozen=True, kw_only=True):
    """What stands under a key; `status` and `answer` are None while the first request is under way."""

    fingerprint: bytes
    location: str
    operation_id: str | None
    status: int | None
    answer: bytes | None


class Answer(Struct, frozen=True):
    """What a key answers from now on, byte for byte."""

    key: str
    status: int
    body: bytes


INSERT_KEY: Final = insert(idempotency_keys).values(
    {column.name: bindparam(f"k_{column.name}", type_=column.type) for column in idempotency_keys.c}
)
"""Part of the first commit: of two requests with one key the database lets one through."""

STORE_ANSWER: Final = (
    update(idempotency_keys)
    .where(
        idempotency_keys.c.livemode == bindparam("answer_livemode", type_=idempotency_keys.c.livemode.type),
        idempotency_keys.c.key == bindparam("answer_key", type_=idempotency_keys.c.key.type),
        idempotency_keys.c.answer.is_(None),
    )
    .values(status=bindparam("answer_status", type_=Integer), answer=bindparam("answer_body", type_=LargeBinary))
)
"""Part of the second commit: the first complete answer stays."""

FIND_KEY: Final = Query(
    select(idempotency_keys).where(
        idempotency_keys.c.livemode == bindparam("livemode"), idempotency_keys.c.key == bindparam("key")
    )
)


def key_values(key: Key, operation_id: str | None, livemode: bool, at: datetime) -> dict[str, Any]:  # noqa: FBT001 - the mode
    """Fill `INSERT_KEY`."""
    return {
        "k_livemode": livemode,
        "k_key": key.key,
        "k_fingerprint": key.fingerprint,
        "k_operation_id": operation_id,
        "k_location": key.location,
        "k_status": None,
        "k_answer": None,
        "k_created_at": at,
    }


def answer_values(answer: Answer, livemode: bool) -> dict[str, Any]:  # noqa: FBT001 - the mode
    """Fill `STORE_ANSWER`."""
    return {
        "answer_livemode": livemode,
        "answer_key": answer.key,
        "answer_status": answer.status,
        "answer_body": answer.body,
    }


async def find_key(database: Database, livemode: bool, key: str) -> Stored | None:  # noqa: FBT001 - the mode
    """Read what stands under *key* in a mode."""
    rows = await database.fetch(FIND_KEY, {"livemode": livemode, "key": key})
    if not rows:
        return None
    return to_stored(rows[0])


def to_stored(row: Mapping[str, Any]) -> Stored:
    """Read a row of `idempotency_keys`."""
    return Stored(
        fingerprint=row["fingerprint"],
        location=row["location"],
        operation_id=row["operation_id"],
        status=row["status"],
        answer=row["answer"],
    )
