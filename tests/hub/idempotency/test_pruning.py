"""A key is forgotten when its time is over, and never before it was answered."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from hub.idempotency.jobs import prune_keys
from hub.idempotency.store import find_key
from hub.idempotency.tables import idempotency_keys
from hub.payments.shell import Shell
from tests.hub.payments.bare import bare

DAYS = 7


@pytest.fixture
async def shell(database_url: str) -> AsyncIterator[Shell]:
    async with bare(database_url) as made:
        yield made


async def used(shell: Shell, key: str, days_ago: int, *, answered: bool = True) -> None:
    row = {
        "livemode": False, "key": key, "fingerprint": b"", "location": "", "operation_id": None,
        "created_at": datetime.now(UTC) - timedelta(days=days_ago),
        "status": 201 if answered else None, "answer": b"{}" if answered else None,
    }  # fmt: skip
    async with shell.database.transaction() as connection:
        await connection.execute(insert(idempotency_keys), row)


async def test_answered_keys_are_forgotten_after_the_days_that_are_promised(shell: Shell) -> None:
    await used(shell, "old", DAYS + 1)
    await used(shell, "young", DAYS - 1)
    await used(shell, "under way", DAYS + 1, answered=False)

    await prune_keys(shell)

    kept = {key for key in ("old", "young", "under way") if await find_key(shell.database, livemode=False, key=key)}
    assert kept == {"young", "under way"}
