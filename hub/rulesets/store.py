"""All SQL of rulesets; the caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.rulesets.tables import ruleset_activations, rulesets, shadow_counts
from routing.rollout import Change, Kind


async def changes(connection: AsyncConnection, *, livemode: bool) -> list[Change]:
    """List every change of what decides in a mode, in the order in which they were made."""
    made = ruleset_activations.c
    rows = await connection.execute(select(ruleset_activations).where(made.livemode == livemode).order_by(made.number))
    return [
        Change(
            id=row["id"],
            kind=Kind(row["kind"]),
            ruleset=row["ruleset"],
            percent=row["rollout_percent"],
            starts_at=row["starts_at"],
            made_at=row["created_at"],
            reason=row["reason"],
        )
        for row in rows.mappings()
    ]


async def documents(connection: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """Read version and document of the rulesets with these ids."""
    wanted = select(rulesets.c.id, rulesets.c.version, rulesets.c.document).where(rulesets.c.id.in_(ids))
    return {ruleset_id: (version, document) for ruleset_id, version, document in await connection.execute(wanted)}


async def titles(connection: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[str, int]]:
    """Read name and version of the rulesets with these ids."""
    wanted = select(rulesets.c.id, rulesets.c.name, rulesets.c.version).where(rulesets.c.id.in_(ids))
    return {ruleset_id: (name, version) for ruleset_id, name, version in await connection.execute(wanted)}


async def last_version(connection: AsyncConnection, *, livemode: bool, name: str) -> RowMapping | None:
    """Read the last version of the ruleset called *name*."""
    wanted = select(rulesets).where(rulesets.c.livemode == livemode, rulesets.c.name == name)
    return (await connection.execute(wanted.order_by(rulesets.c.version.desc()).limit(1))).mappings().one_or_none()


async def next_version(connection: AsyncConnection, *, livemode: bool, name: str) -> int:
    """Number the next version of the ruleset called *name*; who is second to insert it gets a conflict."""
    last = await connection.scalar(
        select(func.max(rulesets.c.version)).where(rulesets.c.livemode == livemode, rulesets.c.name == name)
    )
    return (last or 0) + 1


async def add_ruleset(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a version."""
    await connection.execute(insert(rulesets), dict(row))


async def add_change(connection: AsyncConnection, change: Change, *, livemode: bool, number: int) -> None:
    """Insert the mode's change with this *number*; who is second to insert it gets a conflict."""
    row = {
        "id": change.id,
        "livemode": livemode,
        "number": number,
        "kind": change.kind,
        "ruleset": change.ruleset,
        "rollout_percent": change.percent,
        "starts_at": change.starts_at,
        "reason": change.reason,
        "created_at": change.made_at,
    }
    await connection.execute(insert(ruleset_activations), row)


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


async def add_counts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add to the counts of shadows."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = dialect.insert(shadow_counts)
    grown = {"payments": shadow_counts.c.payments + added.excluded.payments}
    key = list(shadow_counts.primary_key.columns)
    await connection.execute(added.on_conflict_do_update(index_elements=key, set_=grown), [dict(row) for row in rows])


async def counts(connection: AsyncConnection, change: str) -> Sequence[RowMapping]:
    """Read what was counted of the shadow that *change* began, the most payments first."""
    wanted = select(shadow_counts).where(shadow_counts.c.change == change)
    return (await connection.execute(wanted.order_by(shadow_counts.c.payments.desc()))).mappings().all()
