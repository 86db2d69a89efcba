"""`/v1/settlements`: hand in a processor's report, and see what came of it."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.database import ConflictError, Database
from hub.errors import FieldError, ProblemError, problems
from hub.merchants.service import Connected
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor, read_position, write_position
from hub.payments.answers import ACCEPTED, OK
from hub.payments.shell import Shell, shielded
from hub.settlement import batches, lists
from hub.settlement.bodies import report_body
from hub.settlement.documented import TakesReport
from hub.settlement.showing import (
    BatchBody,
    BatchStatus,
    BrokenRowBody,
    LineBody,
    LineStatus,
    batch_body,
    line_body,
)
from hub.settlement.uploads import TooLargeError, Wanted, take
from normalization.settlements import LineType, NotAReportError

READ: Final = [requires("settlements:read")]
WRITE: Final = [requires("settlements:write")]
Payout = Annotated[str | None, QueryParameter(description="The processor's name of a payout.")]
_TAKES: Final = problems(413, 415, 422) | {
    200: ResponseSpec(BatchBody, description="The same file was handed in before", generate_examples=False)
}


class Settlements(Struct, frozen=True):
    """A page of batches, newest first."""

    data: list[BatchBody]
    next_cursor: str | None


class Lines(Struct, frozen=True):
    """A page of lines, in the order of their file."""

    data: list[LineBody]
    next_cursor: str | None


class BrokenRows(Struct, frozen=True):
    """A page of broken rows, in the order of their file."""

    data: list[BrokenRowBody]
    next_cursor: str | None


@post(
    "/v1/settlements",
    guards=WRITE,
    status_code=ACCEPTED,
    responses=_TAKES,
    operation_class=TakesReport,
    request_max_body_size=None,
    tags=["settlements"],
)
async def hand_in_settlement(
    request: Request[Any, Any, Any],
    merchant_account: FromQuery[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Response[BatchBody]:
    """Hand in a report of a merchant account; a worker imports it, and the same file again changes nothing."""
    connected = await _connected(shell, caller, merchant_account)
    wanted = Wanted(connected=connected, source="upload", by=caller.principal)
    body = report_body(request, shell.settings)
    try:
        taken = await shielded(shell, take(shell, wanted, body))
    except NotAReportError as refused:
        raise ProblemError("not_a_report", str(refused)) from refused
    except TooLargeError as large:
        raise ProblemError("body_too_large", str(large)) from large
    headers = {"Location": f"/v1/settlements/{taken.row['id']}"}
    if taken.known:
        headers["Idempotent-Replayed"] = "true"
    return Response(batch_body(taken.row), status_code=OK if taken.known else ACCEPTED, headers=headers)


@get("/v1/settlements", guards=READ, responses=problems(422), tags=["settlements"])
async def list_settlements(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    merchant_account: FromQuery[str | None] = None,
    status: FromQuery[BatchStatus | None] = None,
    payout: Payout = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Settlements:
    """List reports that were handed in or fetched, newest first."""
    wanted = lists.Filter(
        livemode=caller.livemode,
        before=read_cursor(cursor),
        merchant_account=merchant_account,
        status=status,
        payout=payout,
        merchant_accounts=caller.merchant_accounts,
    )
    async with database.reading() as connection:
        rows, following = page(await lists.batches_before(connection, wanted, limit + 1), limit)
    return Settlements([batch_body(row) for row in rows], following)


@get("/v1/settlements/{settlement_id:str}", guards=READ, responses=problems(404), tags=["settlements"])
async def get_settlement(
    settlement_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> BatchBody:
    """Show how far the import of a report is, and what came of its rows."""
    return batch_body(await _found(database, caller, settlement_id))


@get("/v1/settlements/{settlement_id:str}/lines", guards=READ, responses=problems(404), tags=["settlements"])
async def list_settlement_lines(
    settlement_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    status: FromQuery[LineStatus | None] = None,
    type: FromQuery[LineType | None] = None,
    payout: Payout = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Lines:
    """List a report's lines with what each was matched with, its row, and the exceptions about it."""
    after = read_position(cursor)
    batch = await _found(database, caller, settlement_id)
    header = msgspec.json.decode(batch["header"], type=list[str])
    async with database.reading() as connection:
        narrowed = {"status": status, "type": type, "payout": payout}
        rows = await lists.lines_after(connection, batch["id"], after, limit + 1, **narrowed)
        ties = await lists.ties_of(connection, rows)
    shown = [line_body(row, header, ties) for row in rows[:limit]]
    return Lines(shown, write_position(shown[-1].number) if len(rows) > limit else None)


@get("/v1/settlements/{settlement_id:str}/broken_rows", guards=READ, responses=problems(404), tags=["settlements"])
async def list_broken_rows(
    settlement_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> BrokenRows:
    """List a report's rows that could not be read, each with its line in the file and what is wrong with it."""
    after = read_position(cursor)
    batch = await _found(database, caller, settlement_id)
    async with database.reading() as connection:
        rows = await lists.broken_after(connection, batch["id"], after, limit + 1)
    shown = [BrokenRowBody(**{name: row[name] for name in BrokenRowBody.__struct_fields__}) for row in rows[:limit]]
    return BrokenRows(shown, write_position(shown[-1].number) if len(rows) > limit else None)


@post(
    "/v1/settlements/{settlement_id:str}/retry",
    guards=WRITE,
    status_code=ACCEPTED,
    responses=problems(404, 409),
    tags=["settlements"],
)
async def retry_settlement(
    settlement_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> Response[BatchBody]:
    """Let the import of a report that failed go on where it was."""
    batch = await _found(shell.database, caller, settlement_id)
    try:
        row = await batches.again(shell.database, livemode=caller.livemode, batch_id=batch["id"])
    except ConflictError:
        raise ProblemError("settlement_not_failed", "the same file was handed in again, and stands") from None
    if row is None:
        raise ProblemError("settlement_not_failed", f"its status is {batch['status']}; only failed ones can be retried")
    shell.wake()
    return Response(batch_body(row), headers={"Location": f"/v1/settlements/{row['id']}"})


async def _connected(shell: Shell, caller: Caller, merchant_account: str) -> Connected:
    found = await shell.directory.find(merchant_account)
    usable = found is not None and found.account.livemode == caller.livemode and caller.may_use(merchant_account)
    if found is None or not usable:
        error = FieldError("merchant_account", "is no merchant account of this mode that this key reaches")
        raise ProblemError("validation_failed", "the report cannot be taken", errors=[error])
    return found


async def _found(database: Database, caller: Caller, settlement_id: str) -> RowMapping:
    row = await batches.find(database, livemode=caller.livemode, batch_id=settlement_id)
    if row is None or not caller.may_use(row["merchant_account"]):
        raise ProblemError("not_found", "there is no such settlement in this mode")
    return row


HANDLERS: Final = [
    hand_in_settlement,
    list_settlements,
    get_settlement,
    list_settlement_lines,
    list_broken_rows,
    retry_settlement,
]
