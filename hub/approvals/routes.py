"""`/v1/approvals`: what waits for a second person."""

from collections.abc import Coroutine
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.approvals import service, store
from hub.approvals.rules import ApprovalStatus, Kind
from hub.approvals.showing import ApprovalBody, approval_body
from hub.errors import problems, request_id_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.asked import Text
from hub.payments.shell import Shell, shielded

READ: Final = [requires("approvals:read")]
WRITE: Final = [requires("approvals:write")]
_DECIDES: Final = problems(404, 409, 413, 415, 422)


class Approvals(Struct, frozen=True):
    """A page of approvals, newest first."""

    data: list[ApprovalBody]
    next_cursor: str | None


class Decision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Text | None = None


@get("/v1/approvals", guards=READ, responses=problems(422), tags=["approvals"])
async def list_approvals(
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    status: FromQuery[ApprovalStatus | None] = None,
    kind: FromQuery[Kind | None] = None,
    object_id: FromQuery[str | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Approvals:
    """List approvals, newest first."""
    wanted = store.Filter(
        livemode=caller.livemode,
        before=read_cursor(cursor),
        status=status,
        kind=kind,
        object_id=object_id,
        merchant_accounts=caller.merchant_accounts,
    )
    async with shell.database.reading() as connection:
        rows, following = page(await store.before(connection, wanted, limit + 1), limit)
    return Approvals([approval_body(row) for row in rows], following)


@get("/v1/approvals/{approval_id:str}", guards=READ, responses=problems(404), tags=["approvals"])
async def get_approval(
    approval_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> ApprovalBody:
    """Show one approval, and what came of it."""
    return approval_body(await service.find(shell, caller, approval_id))


@post("/v1/approvals/{approval_id:str}/approve", status_code=200, guards=WRITE, responses=_DECIDES, tags=["approvals"])
async def approve(
    request: Request[Any, Any, Any],
    approval_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[Decision] = Decision(),  # noqa: B008 - a frozen value
) -> ApprovalBody:
    """Agree to what another person asked for, which is carried out at once, and once."""
    return await _shown(shell, service.approve(shell, caller, approval_id, data.reason, request_id_of(request)))


@post("/v1/approvals/{approval_id:str}/reject", status_code=200, guards=WRITE, responses=_DECIDES, tags=["approvals"])
async def reject(
    request: Request[Any, Any, Any],
    approval_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[Decision] = Decision(),  # noqa: B008 - a frozen value
) -> ApprovalBody:
    """Refuse it; whoever asked for it withdraws it so."""
    return await _shown(shell, service.reject(shell, caller, approval_id, data.reason, request_id_of(request)))


async def _shown(shell: Shell, deciding: Coroutine[Any, Any, RowMapping]) -> ApprovalBody:
    return approval_body(await shielded(shell, deciding))


HANDLERS = [list_approvals, get_approval, approve, reject]
