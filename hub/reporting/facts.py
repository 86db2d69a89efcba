"""Reading the facts that figures are made of: transfers by their position, authorizations by their event's."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, Select, Text, and_, case, cast, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.events.tables import events
from hub.ledger.places import position, utc_day
from hub.ledger.tables import transfers
from hub.payments.tables import payments
from hub.reporting.rules import Alike, Figures, Key, by_key
from hub.settlement.tables import settlement_lines

_AUTHORIZING: Final = ("payment.authorized", "payment.captured")
_LATER: Final = "manual"
"""Payments that are captured at once are authorized by the same transfer."""


class Part(Struct, frozen=True, kw_only=True):
    """Which facts are meant: those after one place and up to another; without an end, all that are there.

    `livemode` None: of both modes. Days are those that the facts count under.
    """

    after: int = 0
    to: int | None = None
    events_after: int = 0
    events_to: int | None = None
    livemode: bool | None = None
    until: date | None = None  # This day included.


async def figures_of(database: Database, connection: AsyncConnection, part: Part) -> dict[Key, Figures]:
    """Add up the figures of a part of the facts."""
    rows = (await connection.execute(_transfers(database, part))).all()
    moved = [
        Alike._make((bool(row[0]), *row[1:7], bool(row[7]), bool(row[8]), *row[9:11], int(row[11]))) for row in rows
    ]
    told = (await connection.execute(_authorized(database, part))).all()
    return by_key(moved, [(Key(bool(row[0]), *row[1:6]), int(row[6])) for row in told])


def _transfers(database: Database, part: Part) -> Select[Any]:
    """Add up transfers alike; what a settlement line moved stands under the day of the line."""
    table, line, place = transfers.c, settlement_lines.c, position(database)
    by_line = and_(table.line_id.is_not(None), table.exception_id.is_(None))
    day = case((by_line, utc_day(line.booked_at)), else_=utc_day(table.created_at))
    alike = (
        table.livemode, day, table.debit, table.credit, table.currency, table.code, line.merchant_account,
        table.exception_id.is_not(None), func.coalesce(payments.c.capture, "") != _LATER,
        func.coalesce(payments.c.ruleset, ""), func.coalesce(payments.c.rule, ""),
    )  # fmt: skip
    narrow: list[ColumnElement[bool]] = [place > part.after]
    narrow += [] if part.to is None else [place <= part.to]
    narrow += [] if part.livemode is None else [table.livemode == part.livemode]
    narrow += [] if part.until is None else [day <= part.until]
    joined = transfers.outerjoin(settlement_lines, line.id == table.line_id).outerjoin(
        payments, payments.c.id == table.payment_id
    )
    numbers = range(1, len(alike) + 1)
    return (
        select(*alike, func.sum(table.amount_minor))
        .select_from(joined)
        .where(*narrow)
        .group_by(*(text(str(number)) for number in numbers))
    )


def _authorized(database: Database, part: Part) -> Select[Any]:
    """Add up what was authorized to be captured later, by the first event of each payment that tells of it."""
    table, before = events.c, events.alias("before").c
    sooner = or_(
        before.position < table.position,
        and_(before.position.is_not(None), table.position.is_(None)),
        and_(before.position.is_(None), table.position.is_(None), before.id < table.id),
    )
    earlier = exists().where(before.object_id == table.object_id, before.type.in_(_AUTHORIZING), sooner)
    narrow: list[ColumnElement[bool]] = [
        table.type.in_(_AUTHORIZING), payments.c.capture == _LATER, ~earlier, _placed(part),
    ]  # fmt: skip
    day = utc_day(table.created_at)
    narrow += [] if part.livemode is None else [table.livemode == part.livemode]
    narrow += [] if part.until is None else [day <= part.until]
    account = func.coalesce(_told(database, "merchant_account"), "")
    of = (table.livemode, day, account, payments.c.currency, _or_empty("ruleset"), _or_empty("rule"))
    minor = cast(_told(database, "amount_authorized"), BigInteger)
    return (
        select(*of, func.sum(minor))
        .join_from(events, payments, payments.c.id == table.object_id)
        .where(*narrow)
        .group_by(*(text(str(number)) for number in range(1, len(of) + 1)))
    )


def _placed(part: Part) -> ColumnElement[bool]:
    place = events.c.position
    if part.events_to is not None:
        return and_(place > part.events_after, place <= part.events_to)
    return or_(place > part.events_after, place.is_(None))


def _told(database: Database, name: str) -> ColumnElement[Any]:
    """Read a member of the object that an event shows."""
    told: ColumnElement[Any]
    if database.is_postgresql:
        told = cast(func.convert_from(events.c.data, "UTF8"), JSON)[name].astext
    else:
        told = func.json_extract(cast(events.c.data, Text), f"$.{name}")
    return told


def _or_empty(name: str) -> ColumnElement[str]:
    return func.coalesce(payments.c[name], "")


async def newest_event(connection: AsyncConnection) -> int:
    """Tell the newest position that the relay has given."""
    newest = select(func.coalesce(func.max(events.c.position), 0)).where(events.c.position.is_not(None))
    return int(await connection.scalar(newest) or 0)


def rows_of(roll: int, found: dict[Key, Figures]) -> Sequence[dict[str, Any]]:
    """Make the rows of `report_days`."""
    return [
        {"roll": roll, **key._asdict(), **{name: getattr(figures, name) for name in Figures.__struct_fields__}}
        for key, figures in found.items()
    ]
