"""What becomes of an approval is written once, and only what waits for somebody expires."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.access.tables import audit_log
from hub.approvals import store
from hub.approvals.rules import ApprovalStatus, Kind
from hub.approvals.tables import approvals
from hub.database import Database, open_database

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


def approval(name: str, status: ApprovalStatus, expires_at: datetime = NOON) -> dict[str, Any]:
    row = dict.fromkeys(column.name for column in approvals.c) | {"id": name, "status": status, "kind": Kind.REFUND}
    row |= {"livemode": True, "object_id": "pay_1", "summary": "refund", "request": b"", "requested_by": "ada"}
    return row | {"tries": 0, "expires_at": expires_at, "created_at": NOON - timedelta(days=7)}


async def statuses(database: Database) -> dict[str, str]:
    async with database.reading() as connection:
        found = await connection.execute(select(approvals.c.id, approvals.c.status))
        return {row.id: row.status for row in found}


async def test_only_what_waits_expires_and_that_is_on_record(database: Database) -> None:
    later = approval("later", ApprovalStatus.PENDING, NOON + timedelta(microseconds=1))
    async with database.transaction() as connection:
        for row in (*(approval(one, one) for one in ApprovalStatus), later):
            await store.add(connection, row)

        assert await store.expire(connection, NOON, 20) == 1
        told = (await connection.execute(select(audit_log))).mappings().all()

    unchanged = {one: one for one in ApprovalStatus if one is not ApprovalStatus.PENDING}
    assert await statuses(database) == unchanged | {"pending": "expired", "later": "pending"}
    assert [(row["action"], row["object_id"], bool(row["livemode"])) for row in told] == [
        ("approval.expired", "pending", True)
    ]


async def test_what_came_of_it_is_said_once_and_only_of_what_was_approved(database: Database) -> None:
    async with database.transaction() as connection:
        for one in ApprovalStatus:
            await store.add(connection, approval(one, one))

        ended = {
            one: await store.end(connection, one, ApprovalStatus.FAILED, NOON, error="why") for one in ApprovalStatus
        }
        again = await store.end(connection, "approved", ApprovalStatus.CARRIED_OUT, NOON, result="ref_1")

    assert [one for one, is_ended in ended.items() if is_ended] == [ApprovalStatus.APPROVED]
    assert (again, (await statuses(database))["approved"]) == (False, "failed")
