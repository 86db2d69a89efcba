"""All SQL of backtests: the ones asked for, and the payments they replay, page by page."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Float,
    RowMapping,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from hub.backtests.rules import Tally
from hub.backtests.tables import backtests
from hub.database import Database, in_seconds
from hub.payments.tables import payments
from hub.rulesets.tables import rulesets
from routing.rules import RuleSet

COLUMNS: Final = (
    payments.c.facts,
    payments.c.routing,
    payments.c.status,
    payments.c.authorized_minor,
    payments.c.merchant_account,
    payments.c.created_at,
    payments.c.id,
)
Place = tuple[datetime, str]
"""A payment's instant and id: where a reader stands."""


class Backtest(Struct, frozen=True, kw_only=True):
    """One that somebody works at: what is wanted, and how far it has come."""

    id: str
    livemode: bool
    ruleset: str
    version: int
    rules: RuleSet
    from_at: datetime
    to_at: datetime
    merchant_account: str | None
    allowed: frozenset[str] | None
    total: int | None
    done: int
    place: Place | None
    tally: Tally
    tries: int


async def add(database: Database, row: Mapping[str, Any]) -> None:
    """Keep a new one."""
    async with database.transaction() as connection:
        await connection.execute(insert(backtests), dict(row))


def reached(allowed: Collection[str] | None) -> str | None:
    """Write down the accounts that a key reaches, None for all; the same ones always read alike."""
    return None if allowed is None else msgspec.json.encode(sorted(allowed)).decode()


async def find(
    database: Database, *, livemode: bool, backtest_id: str, allowed: Collection[str] | None
) -> RowMapping | None:
    """Read one as it stands, if a key that reaches *allowed* accounts may."""
    async with database.reading() as connection:
        wanted = _readable(allowed, livemode=livemode).where(backtests.c.id == backtest_id)
        found: RowMapping | None = (await connection.execute(wanted)).mappings().one_or_none()
    return found


async def before(
    database: Database, *, livemode: bool, last: str | None, most: int, allowed: Collection[str] | None
) -> Sequence[RowMapping]:
    """Read the newest ones that a key that reaches *allowed* accounts may read, from the one before *last* on."""
    wanted = _readable(allowed, livemode=livemode)
    if last is not None:
        wanted = wanted.where(backtests.c.id < last)
    async with database.reading() as connection:
        asked = wanted.order_by(backtests.c.id.desc()).limit(most)
        found: Sequence[RowMapping] = (await connection.execute(asked)).mappings().all()
    return found


def _readable(allowed: Collection[str] | None, *, livemode: bool) -> Select[Any]:
    """Choose those of a mode; a key of some accounts reads what was made with a key of the very same ones."""
    wanted = select(backtests).where(backtests.c.livemode == livemode)
    return wanted if allowed is None else wanted.where(backtests.c.merchant_accounts == reached(allowed))


async def ruleset(database: Database, ruleset_id: str) -> RowMapping | None:
    """Read a ruleset's version, of whichever mode."""
    async with database.reading() as connection:
        return (await connection.execute(select(rulesets).where(rulesets.c.id == ruleset_id))).mappings().one_or_none()


async def opened(database: Database, row: Mapping[Any, Any]) -> Backtest:
    """Make ready what was claimed."""
    found = await ruleset(database, row["ruleset"])
    assert found is not None  # noqa: S101 - a foreign key says so
    return Backtest(
        id=row["id"],
        livemode=bool(row["livemode"]),
        ruleset=row["ruleset"],
        version=found["version"],
        rules=msgspec.json.decode(found["document"], type=RuleSet),
        from_at=row["from_at"],
        to_at=row["to_at"],
        merchant_account=row["merchant_account"],
        allowed=None if row["merchant_accounts"] is None else frozenset(msgspec.json.decode(row["merchant_accounts"])),
        total=row["total"],
        done=row["done"],
        place=None if row["cursor_at"] is None else (row["cursor_at"], row["cursor_id"]),
        tally=Tally() if row["tally"] is None else msgspec.msgpack.decode(row["tally"], type=Tally),
        tries=row["tries"],
    )


async def count(database: Database, wanted: Backtest) -> int:
    """Count the payments to replay."""
    async with database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(payments).where(*_meant(wanted))) or 0)


async def page(database: Database, wanted: Backtest, place: Place | None, most: int) -> Sequence[Any]:
    """Read the next payments, the oldest first, with `COLUMNS`."""
    asked: Select[Any] = select(*COLUMNS).where(*_meant(wanted))
    if place is not None:
        at, last = place
        # Not a comparison of pairs: SQLite would not go by the index for that.
        asked = asked.where(payments.c.created_at >= at, or_(payments.c.created_at > at, payments.c.id > literal(last)))
    async with database.reading() as connection:
        rows: Sequence[Any] = (
            await connection.execute(asked.order_by(payments.c.created_at, payments.c.id).limit(most))
        ).all()
    return rows


def _meant(wanted: Backtest) -> list[ColumnElement[bool]]:
    meant = [
        payments.c.livemode == wanted.livemode,
        payments.c.created_at >= wanted.from_at,
        payments.c.created_at < wanted.to_at,
    ]
    if wanted.merchant_account is not None:
        meant.append(payments.c.merchant_account == wanted.merchant_account)
    if wanted.allowed is not None:
        meant.append(payments.c.merchant_account.in_(sorted(wanted.allowed)))
    return meant


async def keep(database: Database, wanted: Backtest, values: Mapping[str, Any], lease_s: float | None) -> bool:
    """Write *values* if nobody else came further meanwhile; the lease begins anew, or ends with None."""
    due = None if lease_s is None else in_seconds(bindparam("lease_s", lease_s, type_=Float))
    still = and_(backtests.c.id == wanted.id, backtests.c.done == wanted.done, backtests.c.due_at.is_not(None))
    async with database.transaction() as connection:
        written = await connection.execute(update(backtests).where(still).values(**values, due_at=due))
    return written.rowcount == 1


async def release(database: Database, backtest_id: str) -> None:
    """Give one back before its lease ends, to whoever comes next."""
    again = update(backtests).where(backtests.c.id == backtest_id, backtests.c.due_at.is_not(None))
    async with database.transaction() as connection:
        await connection.execute(again.values(due_at=in_seconds(literal(0.0))))
