"""`/v1/audit_log`: who did what, newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from hub.access.guards import of_all_accounts, requires
from hub.access.rules import Caller
from hub.audit import store
from hub.database import Database
from hub.errors import problems
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.routes import instant

Principal = Annotated[str | None, QueryParameter(description="Who did it; `hub` is the hub itself.")]


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One change: who made it, to what, and why where that was said.

    `position` and `hash` chain it to every change before; they are there within a minute.
    """

    id: str
    object: str = "audit_entry"
    livemode: bool
    principal: str
    api_key: str | None
    action: str
    object_id: str
    details: dict[str, Any]
    request_id: str | None
    created_at: datetime
    position: int | None
    hash: str | None


class AuditLog(Struct, frozen=True):
    """A page of the audit log, newest first."""

    data: list[AuditEntry]
    next_cursor: str | None


@get(
    "/v1/audit_log",
    guards=[requires("audit_log:read"), of_all_accounts],
    tags=["audit log"],
    responses=problems(422),
)
async def list_audit_log(  # noqa: PLR0913, PLR0917 - one argument for each query parameter of the API
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    object_id: FromQuery[str | None] = None,
    principal: Principal = None,
    action: FromQuery[str | None] = None,
    created_after: FromQuery[datetime | None] = None,
    created_before: FromQuery[datetime | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> AuditLog:
    """List who did what, newest first; a key of certain merchant accounts reads none of it."""
    wanted = store.Wanted(
        livemode=caller.livemode,
        before=read_cursor(cursor),
        object_id=object_id,
        principal=principal,
        action=action,
        created_after=instant("created_after", created_after),
        created_before=instant("created_before", created_before),
    )
    async with database.reading() as connection:
        rows = await store.listed(connection, wanted, limit + 1)
    shown, following = page(rows, limit)
    return AuditLog([_shown(row) for row in shown], following)


def _shown(row: Mapping[Any, Any]) -> AuditEntry:
    same = ("id", "principal", "action", "object_id", "request_id", "created_at", "position", "hash")
    return AuditEntry(
        **{name: row[name] for name in same},
        livemode=bool(row["livemode"]),
        api_key=row["key_id"],
        details=msgspec.json.decode(row["details"]),
    )


HANDLERS = [list_audit_log]
