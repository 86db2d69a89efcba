"""`/v1/disputes`: list, read, accept, hand in evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.database import Database
from hub.disputes import lists, store
from hub.disputes.answers import DisputeBody, dispute_body
from hub.disputes.documented import SubmitsEvidence
from hub.disputes.evidence import BODY_BYTES_MAX, Evidence, read_evidence, said_of
from hub.disputes.rows import to_dispute
from hub.disputes.submitting import Wish, find, submit
from hub.disputes.values import Dispute, SubmissionKind
from hub.errors import problems, request_id_of
from hub.idempotency.documented import MovesMoney
from hub.idempotency.keyed import answer, key_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.routes import instant
from hub.payments.shell import Shell, shielded
from normalization.disputes import DisputeStatus, Stage

READ: Final = [requires("disputes:read")]
WRITE: Final = [requires("disputes:write")]
_ANSWERS: Final = problems(404, 409, 413, 415, 422) | {
    202: ResponseSpec(DisputeBody, description="It is not known yet whether it arrived", generate_examples=False)
}


class Disputes(Struct, frozen=True):
    """A page of disputes, newest first."""

    data: list[DisputeBody]
    next_cursor: str | None


class AcceptRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Leave the money to the payer; nothing to say."""


@get("/v1/disputes", guards=READ, responses=problems(422), tags=["disputes"])
async def list_disputes(  # noqa: PLR0913, PLR0917 - one argument for each query parameter of the API
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    status: FromQuery[DisputeStatus | None] = None,
    stage: FromQuery[Stage | None] = None,
    payment: FromQuery[str | None] = None,
    merchant_account: FromQuery[str | None] = None,
    due_before: FromQuery[datetime | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Disputes:
    """List disputes, newest first; `due_before` finds those whose evidence is due before then."""
    wanted = lists.Filter(
        livemode=caller.livemode,
        before=read_cursor(cursor),
        status=status,
        stage=stage,
        payment=payment,
        merchant_account=merchant_account,
        due_before=instant("due_before", due_before),
        merchant_accounts=caller.merchant_accounts,
    )
    async with database.reading() as connection:
        rows, following = page(await lists.disputes_before(connection, wanted, limit + 1), limit)
        return Disputes(await _shown(connection, [to_dispute(row) for row in rows]), following)


@get("/v1/disputes/{dispute_id:str}", guards=READ, responses=problems(404), tags=["disputes"])
async def get_dispute(
    dispute_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> DisputeBody:
    """Show one dispute, with everything that was said of it and every answer to it."""
    dispute = await find(shell, caller, dispute_id)
    async with shell.database.reading() as connection:
        return (await _shown(connection, [dispute]))[0]


async def _shown(connection: AsyncConnection, disputes: Sequence[Dispute]) -> list[DisputeBody]:
    ids = [dispute.id for dispute in disputes]
    histories = await store.histories_of(connection, ids)
    movements = await store.all_movements_of(connection, ids)
    submissions = await store.all_submissions_of(connection, ids)
    return [dispute_body(one, histories[one.id], movements[one.id], submissions[one.id]) for one in disputes]


@post(
    "/v1/disputes/{dispute_id:str}/accept",
    status_code=200,
    guards=WRITE,
    responses=_ANSWERS,
    operation_class=MovesMoney,
    tags=["disputes"],
)
async def accept_dispute(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[AcceptRequest] = AcceptRequest(),  # noqa: B008 - a frozen value
) -> Response[DisputeBody]:
    """Accept a dispute: the money stays with the payer, and nothing can be answered any more."""
    wish = _wish(request, "accept", dispute_id, caller, data)
    return answer(await shielded(shell, submit(shell, wish)))


@post(
    "/v1/disputes/{dispute_id:str}/evidence",
    status_code=200,
    guards=WRITE,
    responses=_ANSWERS,
    operation_class=SubmitsEvidence,
    request_max_body_size=BODY_BYTES_MAX,
    opt={"uploads": True},
    tags=["disputes"],
)
async def submit_evidence(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Response[DisputeBody]:
    """Answer a dispute with text and files; most processors take one answer only, so send all of it at once."""
    evidence = read_evidence(request.headers.get("content-type", ""), await request.body())
    wish = _wish(request, "evidence", dispute_id, caller, said_of(evidence), evidence)
    return answer(await shielded(shell, submit(shell, wish)))


def _wish(
    request: Request[Any, Any, Any],
    kind: SubmissionKind,
    dispute_id: str,
    caller: Caller,
    body: Struct,
    evidence: Evidence = Evidence(),  # noqa: B008 - a frozen value
) -> Wish:
    path = f"/v1/disputes/{dispute_id}"
    return Wish(
        kind=kind,
        dispute_id=dispute_id,
        caller=caller,
        key=key_of(request, body, f"POST {path}/{kind}", path),
        request_id=request_id_of(request),
        evidence=evidence,
    )


HANDLERS = [list_disputes, get_dispute, accept_dispute, submit_evidence]
