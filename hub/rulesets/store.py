"""All SQL of rulesets; the caller owns the transaction."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.rulesets.tables import ruleset_activations, rulesets
from routing.rules import RuleSet


async def active_ids(connection: AsyncConnection) -> dict[bool, str]:
    """Tell which ruleset decides in each mode."""
    latest = (
        select(ruleset_activations.c.livemode, func.max(ruleset_activations.c.number).label("number"))
        .group_by(ruleset_activations.c.livemode)
        .subquery()
    )
    rows = await connection.execute(
        select(ruleset_activations.c.livemode, ruleset_activations.c.ruleset).join(
            latest,
            (latest.c.livemode == ruleset_activations.c.livemode) & (latest.c.number == ruleset_activations.c.number),
        )
    )
    return {bool(livemode): ruleset for livemode, ruleset in rows}


async def active_rulesets(connection: AsyncConnection) -> dict[bool, tuple[str, int, RuleSet]]:
    """Read the rulesets that decide: id, version and rules of each mode that has one."""
    active = await active_ids(connection)
    rows = await connection.execute(select(rulesets).where(rulesets.c.id.in_(active.values())))
    return {
        bool(row["livemode"]): (row["id"], row["version"], msgspec.json.decode(row["document"], type=RuleSet))
        for row in rows.mappings()
    }


async def next_version(connection: AsyncConnection, *, livemode: bool, name: str) -> int:
    """Number the next version of the ruleset called *name*; who is second to insert it gets a conflict."""
    last = await connection.scalar(
        select(func.max(rulesets.c.version)).where(rulesets.c.livemode == livemode, rulesets.c.name == name)
    )
    return (last or 0) + 1


async def add_ruleset(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a version."""
    await connection.execute(insert(rulesets), dict(row))


async def activate(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Make a ruleset the one that decides."""
    last = await connection.scalar(
        select(func.max(ruleset_activations.c.number)).where(ruleset_activations.c.livemode == row["livemode"])
    )
    await connection.execute(insert(ruleset_activations), {**row, "number": (last or 0) + 1})


async def ruleset(connection: AsyncConnection, *, livemode: bool, ruleset_id: str) -> RowMapping | None:
    """Read one version."""
    found = await connection.execute(
        select(rulesets).where(rulesets.c.livemode == livemode, rulesets.c.id == ruleset_id)
    )
    return found.mappings().one_or_none()


async def rulesets_before(
    connection: AsyncConnection, *, livemode: bool, before: str | None, limit: int
) -> list[RowMapping]:
    """Read versions, newest first, from the one before *before* on."""
    wanted = select(rulesets).where(rulesets.c.livemode == livemode)
    if before is not None:
        wanted = wanted.where(rulesets.c.id < before)
    return list((await connection.execute(wanted.order_by(rulesets.c.id.desc()).limit(limit))).mappings())
