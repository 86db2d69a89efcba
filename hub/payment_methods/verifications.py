"""All SQL of verifications; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Float, RowMapping, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import due_rows
from hub.database import Database, in_seconds
from hub.idempotency.store import INSERT_KEY, Key, key_values
from hub.payment_methods.tables import verifications

UNSETTLED: Final = ("sending", "unknown")
"""Where the bank's answer is not known, and the worker asks again."""


class Waiting(Struct, frozen=True, kw_only=True):
    """A verification as far as whoever asks, or asks again, needs it."""

    id: str
    livemode: bool
    payment_method: str | None
    session: str | None
    merchant_account: str
    processor: str
    request: bytes | None
    idempotency_key: str | None
    tries: int


async def open_verification(
    connection: AsyncConnection, row: Mapping[str, Any], key: Key | None, lease_s: float
) -> None:
    """Write down what is about to be asked; the worker asks when the lease has ended without an answer."""
    due_at = in_seconds(bindparam("lease_s", lease_s, type_=Float))
    await connection.execute(insert(verifications).values(**row, tries=0, status="sending", due_at=due_at))
    if key is not None:
        await connection.execute(INSERT_KEY, key_values(key, row["id"], row["livemode"], row["created_at"]))


async def settle(connection: AsyncConnection, verification_id: str, values: Mapping[str, Any]) -> bool:
    """Write down an answer; False where another one stands already."""
    mine = verifications.c.id == verification_id, verifications.c.status.in_(UNSETTLED)
    done = await connection.execute(update(verifications).where(*mine).values(dict(values)))
    return bool(done.rowcount)


async def name(connection: AsyncConnection, verification_id: str, method_id: str | None) -> None:
    """Say which payment method came of it."""
    mine = verifications.c.id == verification_id
    await connection.execute(update(verifications).where(mine).values(payment_method=method_id))


def after(seconds: float | None) -> Any:  # noqa: ANN401 - an SQL expression
    """Say when the worker asks again; None: never."""
    return None if seconds is None else in_seconds(bindparam("after_s", seconds, type_=Float))


async def find(connection: AsyncConnection, verification_id: str) -> RowMapping | None:
    """Read one verification of either mode."""
    found = await connection.execute(select(verifications).where(verifications.c.id == verification_id))
    return found.mappings().one_or_none()


async def before(
    connection: AsyncConnection, *, livemode: bool, method_id: str, before: str | None, limit: int
) -> list[RowMapping]:
    """Read a payment method's verifications, newest first, from the one before *before* on."""
    wanted = select(verifications).where(
        verifications.c.livemode == livemode, verifications.c.payment_method == method_id
    )
    if before is not None:
        wanted = wanted.where(verifications.c.id < before)
    return list((await connection.execute(wanted.order_by(verifications.c.id.desc()).limit(limit))).mappings())


async def claim(database: Database, most: int, lease_s: float) -> list[Waiting]:
    """Take at most *most* that are due, the longest due first; nobody else gets them for *lease_s*."""
    rows = await due_rows.claim_due(database, verifications, most, lease_s)
    return [to_waiting(row) for row in rows]


async def give_back(database: Database, ids: Sequence[str]) -> None:
    """Let others take these at once: they were claimed, and nothing was begun with them."""
    await due_rows.give_back(database, verifications, ids)


def to_waiting(row: RowMapping) -> Waiting:
    """Read a row of `verifications`."""
    return Waiting(**{name: row[name] for name in Waiting.__struct_fields__})


def row_of(waiting: Waiting, *, requested_by: str, key_id: str, at: datetime) -> dict[str, Any]:
    """Make the columns of a new verification that `open_verification` does not set by itself."""
    return {
        "id": waiting.id,
        "livemode": waiting.livemode,
        "payment_method": waiting.payment_method,
        "session": waiting.session,
        "merchant_account": waiting.merchant_account,
        "processor": waiting.processor,
        "request": waiting.request,
        "idempotency_key": waiting.idempotency_key,
        "requested_by": requested_by,
        "key_id": key_id,
        "created_at": at,
    }
