"""All SQL of the inbox."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Float,
    Insert,
    Integer,
    RowMapping,
    Text,
    Update,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contract import Delivery
from hub import metrics
from hub.database import Database, Unit, in_seconds
from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.ids import new_id
from hub.pan import mask, may_hold_card_number
from hub.webhooks.concerns import Concern
from hub.webhooks.tables import webhook_deliveries

_LOCK: Final = 7_204_118_938
"""Who claims deliveries holds this advisory lock of PostgreSQL meanwhile, and so sees what others have in hand."""
_NOW: Final = in_seconds(literal_column("0"))


class Waiting(Struct, frozen=True, kw_only=True):
    """One kept delivery that has to be read; `tries` counts this one too."""

    id: str
    merchant_account: str
    livemode: bool
    tries: int
    received_at: datetime
    delivery: Delivery


class Ended(Struct, frozen=True, kw_only=True):
    """What became of a delivery; with `again_s` it is looked at again, so many seconds from now.

    `status` is done, ignored, unmatched, parked, or still waiting. `tries` is how many it has had. `concern` is what a
    human must look at, where it is not looked at again by itself.
    """

    waiting: Waiting
    status: str
    tries: int
    payment_id: str | None = None
    error: str | None = None
    again_s: float | None = None
    concern: Concern | None = None


# A statement of PostgreSQL's dialect, which SQLite writes in the same words.
_KEEP_ROW: Final[Insert] = (
    insert_or_nothing(webhook_deliveries)
    .values(
        {
            **{
                name: bindparam(name, type_=webhook_deliveries.c[name].type)
                for name in ("id", "livemode", "merchant_account", "delivery_key", "subject", "body", "api_version",
                             "received_at")
            },
            "status": literal_column("'waiting'"),
            "tries": literal_column("0"),
            "due_at": _NOW,
        }
    )
    .on_conflict_do_nothing(index_elements=["merchant_account", "delivery_key"])
)  # fmt: skip
_KEEP: Final = Unit((), (_KEEP_ROW,), locks="delivery_key")


async def keep(
    database: Database, merchant_account: str, deliveries: Sequence[Delivery], received_at: datetime
) -> None:
    """Keep verified *deliveries*; those that are kept already change nothing.

    They are committed one by one, in company with others: whoever brings them is told when all of them are.
    """
    rows = [
        {
            "id": new_id("wd_"),
            "livemode": delivery.livemode,
            "merchant_account": merchant_account,
            "delivery_key": delivery.key,
            "subject": delivery.subject,
            "body": _masked(delivery.body),
            "api_version": delivery.api_version,
            "received_at": received_at,
        }
        for delivery in deliveries
    ]
    if len(rows) == 1:
        await database.run(_KEEP, rows[0])
    else:
        await asyncio.gather(*(database.run(_KEEP, row) for row in rows))


def _masked(body: bytes) -> bytes:
    """Keep no card number, should a processor ever send one; what was verified are the bytes before."""
    if not may_hold_card_number(body):
        return body
    text, found = mask(body.decode("utf-8", "replace"))
    if not found:
        return body
    metrics.MASKED.inc(found)
    return text.encode()


async def claim(database: Database, most: int, lease_s: float) -> list[Waiting]:
    """Take at most *most* deliveries that are due, those of one subject in order of arrival.

    Nobody else gets them for *lease_s*, nor any other of their subjects.
    """
    due = _due(most)
    async with database.reading() as connection:
        if await connection.scalar(due) is None:
            return []  # So that an idle worker does not take SQLite's one writer every second.
    async with database.transaction() as connection:
        if database.is_postgresql:
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        ids = (await connection.execute(due)).scalars().all()  # A statement of its own: it sees others' leases.
        taken = (
            update(webhook_deliveries)
            .where(webhook_deliveries.c.id.in_(ids))
            .values(lease_until=_after("lease_s", lease_s), tries=webhook_deliveries.c.tries + 1)
            .returning(webhook_deliveries)
        )
        rows = (await connection.execute(taken)).mappings().all()
    return sorted((_waiting(row) for row in rows), key=lambda waiting: waiting.id)


def _due(most: int) -> Any:  # noqa: ANN401 - a SELECT of ids
    mine, other = webhook_deliveries, webhook_deliveries.alias()
    # As a subquery the time is asked for once, and an index can be read up to it.
    now: ColumnElement[datetime] = select(_NOW).scalar_subquery()
    in_hand = exists().where(
        other.c.merchant_account == mine.c.merchant_account,
        other.c.subject == mine.c.subject,
        other.c.lease_until > now,
    )
    return select(mine.c.id).where(mine.c.due_at <= now, ~in_hand).order_by(mine.c.due_at, mine.c.id).limit(most)


def _waiting(row: RowMapping) -> Waiting:
    return Waiting(
        id=row["id"],
        merchant_account=row["merchant_account"],
        livemode=row["livemode"],
        tries=row["tries"],
        received_at=row["received_at"],
        delivery=Delivery(
            key=row["delivery_key"],
            subject=row["subject"],
            account=None,
            livemode=row["livemode"],
            body=row["body"],
            api_version=row["api_version"],
        ),
    )


def _after(name: str, seconds: float | None = None) -> in_seconds:
    bound = bindparam(name, type_=Float) if seconds is None else bindparam(name, seconds, type_=Float)
    return in_seconds(bound)


_MINE: Final = (
    webhook_deliveries.c.id == bindparam("b_id"),
    webhook_deliveries.c.tries == bindparam("b_claimed", type_=Integer),
)
"""The row as it was claimed: who claimed it since, after our lease had run out, is not written over."""
_SAID: Final = {
    "status": bindparam("b_status", type_=Text),
    "tries": bindparam("b_tries", type_=Integer),
    "payment_id": bindparam("b_payment_id", type_=Text),
    "error": bindparam("b_error", type_=Text),
    "lease_until": null(),
}
_FINISH: Final[Update] = update(webhook_deliveries).where(*_MINE).values(**_SAID, due_at=null())
_PUT_OFF: Final[Update] = update(webhook_deliveries).where(*_MINE).values(**_SAID, due_at=_after("b_again_s"))
_WAKE: Final[Update] = (
    update(webhook_deliveries)
    .where(
        webhook_deliveries.c.merchant_account == bindparam("b_merchant_account"),
        webhook_deliveries.c.subject == bindparam("b_subject"),
        webhook_deliveries.c.status == literal_column("'unmatched'"),
        or_(webhook_deliveries.c.due_at.is_(None), webhook_deliveries.c.due_at > _NOW),
    )
    .values(due_at=_NOW)
)


async def settle(database: Database, ended: Sequence[Ended], at: datetime) -> None:
    """Write what became of deliveries, all in one commit.

    A parked one becomes an exception for a human, and so does what concerns one, once a delivery. What was unmatched is
    looked at again at once where another delivery of its subject was matched.
    """
    finished = [one for one in ended if one.again_s is None and one.status != "parked"]
    put_off = [one for one in ended if one.again_s is not None]
    matched = {(one.waiting.merchant_account, one.waiting.delivery.subject) for one in ended if one.status == "done"}
    async with database.transaction() as connection:
        if finished:
            await connection.execute(_FINISH, [_values(one) for one in finished])
        if put_off:
            await connection.execute(_PUT_OFF, [_values(one) | {"b_again_s": one.again_s} for one in put_off])
        for one in ended:
            if one.again_s is None and one.status == "parked":
                await _park(connection, one, at)
        if concerning := [one for one in finished if one.concern is not None]:
            await _tell_of(connection, concerning, at)
        if matched:
            await connection.execute(
                _WAKE, [{"b_merchant_account": account, "b_subject": subject} for account, subject in sorted(matched)]
            )


def _values(one: Ended) -> dict[str, Any]:
    return {
        "b_id": one.waiting.id,
        "b_claimed": one.waiting.tries,
        "b_status": one.status,
        "b_tries": one.tries,
        "b_payment_id": one.payment_id,
        "b_error": one.error,
    }


async def _park(connection: AsyncConnection, one: Ended, at: datetime) -> None:
    if (await connection.execute(_FINISH, _values(one))).rowcount != 1:
        return
    parked = Concern("delivery_parked", f"could not be read: {one.error}", None)
    await open_exceptions(connection, [_opening(one.waiting, parked)], at)


async def _tell_of(connection: AsyncConnection, ended: Sequence[Ended], at: datetime) -> None:
    """Open an exception for each; its id is made of the delivery's, so that there is one however often it is read."""
    openings = [
        _opening(one.waiting, one.concern, f"exc_{one.waiting.id.removeprefix('wd_')}")
        for one in ended
        if one.concern is not None
    ]
    await open_exceptions(connection, openings, at)


def _opening(waiting: Waiting, concern: Concern, id: str | None = None) -> Opening:
    return Opening(
        id=id,
        type=concern.type,
        livemode=waiting.livemode,
        merchant_account=waiting.merchant_account,
        amount_minor=concern.money.minor if concern.money else 0,
        currency=concern.money.currency if concern.money else "",
        detail=f"{waiting.id} {concern.what}",
        delivery_id=waiting.id,
    )
