"""A rare type is found by an index, however often it was asked for, on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text

from hub.database import Database, open_database
from hub.events.store import Wanted, published
from hub.events.tables import events

MANY = 5_000


@pytest.fixture
async def crowded(database_url: str) -> Database:
    """A database with many events of one type and one of another."""
    database = await open_database(database_url)
    at = datetime.now(UTC)
    rows = [
        {
            "id": f"evt_{number:026}",
            "livemode": False,
            "type": "dispute.lost" if number == MANY // 2 else "payment.captured",
            "object_id": f"pay_{number}",
            "data": b"{}" + b" " * 900,
            "position": number,
            "created_at": at,
        }
        for number in range(1, MANY + 1)
    ]
    async with database.transaction() as connection:
        await connection.execute(insert(events), rows)
    async with database.transaction() as connection:
        await connection.execute(text("ANALYZE events"))
    return database


async def test_the_plan_for_a_rare_type_goes_by_the_index_on_types(crowded: Database) -> None:
    rows, _ = await published(crowded, Wanted(livemode=False, types=["dispute.lost"]), 100)
    plan = await plan_of(crowded)
    await crowded.close()

    assert [row["position"] for row in rows] == [MANY // 2]
    assert "ix_events_type" in plan


async def test_no_plan_is_kept_for_any_type(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    for _ in range(8):
        await published(database, Wanted(livemode=False, types=["dispute.lost"]), 100)
    async with database.reading() as connection:
        counted = await connection.execute(
            text(
                "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements "
                "WHERE statement LIKE '%events.type = %' AND statement NOT LIKE '%pg_prepared%'"
            )
        )
        generic, custom = counted.one()
    await database.close()

    assert (generic, custom) == (0, 8)


async def plan_of(database: Database) -> str:
    explain = "EXPLAIN " if database.is_postgresql else "EXPLAIN QUERY PLAN "
    listed = (
        "SELECT * FROM events WHERE position > 0 AND position <= 5000 AND livemode = false "
        "AND type = 'dispute.lost' ORDER BY position LIMIT 100"
    )
    async with database.reading() as connection:
        return "\n".join(str(tuple(row)) for row in await connection.execute(text(explain + listed)))
