"""An endpoint that says it is gone is disabled, in one commit with the audit row and the event that tell so."""

from datetime import datetime

import structlog
from sqlalchemy import insert

from hub import metrics
from hub.access.store import AUDIT, audit_row
from hub.database import Database
from hub.events.rows import event_row
from hub.events.tables import events
from hub.webhook_endpoints import store
from hub.webhook_endpoints.showing import endpoint_body

REASON_GONE = "gone"
_log = structlog.get_logger(__name__)


async def disable_gone(database: Database, endpoint_id: str, url: str, at: datetime) -> None:
    """Disable an endpoint whose *url* answered 410, and skip what waits for it; one that has moved since stays."""
    async with database.transaction() as connection:
        await store.hold(connection)
        if (await store.endpoints_of(connection, [endpoint_id]))[endpoint_id]["url"] != url:
            return
        if not await store.disable(connection, endpoint_id, REASON_GONE, at):
            return
        skipped = await store.skip_waiting(connection, endpoint_id)
        row = (await store.endpoints_of(connection, [endpoint_id]))[endpoint_id]
        livemode = bool(row["livemode"])
        details = {"reason": REASON_GONE, "skipped": skipped}
        told = audit_row(None, "webhook_endpoint.disabled", endpoint_id, details, livemode=livemode, at=at)
        await connection.execute(AUDIT, told)
        event = event_row("webhook_endpoint.disabled", endpoint_id, endpoint_body(row), livemode=livemode, at=at)
        await connection.execute(insert(events), event)
    metrics.ENDPOINTS_DISABLED.inc()
    _log.warning("endpoint_disabled", endpoint=endpoint_id, reason=REASON_GONE, skipped=skipped)
