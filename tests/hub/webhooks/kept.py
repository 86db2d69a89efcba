"""Deliveries as the inbox keeps them, written straight into the table."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select

from hub.access.tables import audit_log
from hub.database import Database
from hub.ids import new_id
from hub.webhooks.tables import webhook_deliveries


def delivery(**changes: Any) -> dict[str, Any]:
    """A row that was read; `body` may be given as an object."""
    body = changes.pop("body", {"id": "evt_1"})
    row = {
        "id": new_id("wd_"),
        "livemode": False,
        "merchant_account": "ma_1",
        "delivery_key": new_id("evt_"),
        "subject": "pi_1",
        "body": body if isinstance(body, bytes) else msgspec.json.encode(body),
        "status": "done",
        "tries": 1,
        "due_at": None,
        "payment_id": None,
        "error": None,
        "received_at": datetime.now(UTC),
    }
    return row | changes


async def write(database: Database, *rows: dict[str, Any]) -> list[str]:
    """Commit *rows* together and return their ids."""
    async with database.transaction() as connection:
        for row in rows:
            await connection.execute(insert(webhook_deliveries).values(row))
    return [row["id"] for row in rows]


async def audited(database: Database, object_id: str) -> list[dict[str, Any]]:
    """Who did what to it, oldest first."""
    wanted = select(audit_log).where(audit_log.c.object_id == object_id).order_by(audit_log.c.id)
    async with database.reading() as connection:
        rows = (await connection.execute(wanted)).mappings().all()
    return [dict(row) | {"details": msgspec.json.decode(row["details"])} for row in rows]
