"""What processors hold and what our bank received: `…/balances` and `/v1/bank_statements`."""

from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.banking import balances, statements
from hub.banking.balances import BalanceBody, Stated
from hub.banking.documented import TYPES, TakesStatement
from hub.banking.statements import BYTES_MAX, EntryBody, EntryStatus, StatementBody, TooLargeError
from hub.errors import FieldError, ProblemError, problems, request_id_of
from hub.merchants.editing import not_found
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.routes import instant
from hub.payments.shell import Shell, shielded
from hub.settlement.bank_entries import NotAStatementError
from normalization.money import AMOUNT_MAX, Currency

READ: Final = [requires("settlements:read")]
WRITE: Final = [requires("settlements:write")]
OK: Final = 200
CREATED: Final = 201
Held = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="Negative where we owe the processor.")]


class Balances(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the processor held at `as_of`, by currency, pending money included; what is left out counts as zero."""

    as_of: Annotated[datetime, Meta(tz=True)]
    balances: Annotated[dict[Currency, Held], Meta(max_length=200)]


class BalancesCompared(Struct, frozen=True, kw_only=True):
    """A balance beside our books, a row for each currency of either."""

    object: str = "balance_comparison"
    merchant_account: str
    as_of: datetime
    agrees: bool
    balances: list[BalanceBody]


class Entries(Struct, frozen=True):
    """A page of bank entries, the last of the statement first."""

    data: list[EntryBody]
    next_cursor: str | None


class Statements(Struct, frozen=True):
    """A page of bank statements, newest first."""

    data: list[StatementBody]
    next_cursor: str | None


@post(
    "/v1/merchant_accounts/{account_id:str}/balances",
    status_code=OK,
    guards=WRITE,
    responses=problems(404, 413, 415, 422),
    tags=["banking"],
)
async def state_balances(
    request: Request[Any, Any, Any],
    account_id: FromPath[str],
    data: JSONBody[Balances],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> BalancesCompared:
    """Hold what a processor says that it holds against our books; what disagrees is an exception until it agrees."""
    connected = await shell.directory.find(account_id)
    if connected is None or connected.account.livemode != caller.livemode or not caller.may_use(account_id):
        raise not_found()
    instant("as_of", data.as_of)
    if data.as_of > shell.clock():
        errors = [FieldError("as_of", "lies ahead: a balance is of an instant that has been")]
        raise ProblemError("validation_failed", "the balance cannot be compared", errors=errors)
    held = {str(currency): minor for currency, minor in data.balances.items()}
    stated = Stated(merchant_account=account_id, as_of=data.as_of, held=held)
    compared = await shielded(shell, balances.check(shell, caller, stated, request_id_of(request)))
    return BalancesCompared(
        merchant_account=account_id,
        as_of=data.as_of,
        agrees=all(one.drift == 0 for one in compared),
        balances=list(compared),
    )


@post(
    "/v1/bank_statements",
    guards=WRITE,
    responses=problems(413, 415, 422)
    | {OK: ResponseSpec(StatementBody, description="The same file was handed in before", generate_examples=False)},
    operation_class=TakesStatement,
    request_max_body_size=BYTES_MAX,
    opt={"uploads": True},
    tags=["banking"],
)
async def hand_in_statement(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> Response[StatementBody]:
    """Hand in a bank statement; payouts that arrived are booked, and the same statement again changes nothing."""
    _must_reach_all(caller)
    content = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {*TYPES, "text/xml"}:
        raise ProblemError("unsupported_media_type", f"send the statement as {' or '.join(TYPES)}")
    try:
        taking = statements.take(shell, caller, content, request_id_of(request))
        statement_id, known = await shielded(shell, taking)
    except TooLargeError as large:
        raise ProblemError("body_too_large", str(large)) from large
    except NotAStatementError as refused:
        raise ProblemError("not_a_statement", f"the file {refused}") from refused
    headers = {"Location": f"/v1/bank_statements/{statement_id}"}
    if known:
        headers["Idempotent-Replayed"] = "true"
    shown = await _found(shell, caller, statement_id)
    return Response(shown, status_code=OK if known else CREATED, headers=headers)


@get("/v1/bank_statements", guards=READ, responses=problems(422), tags=["banking"])
async def list_statements(
    caller: NamedDependency[Caller], shell: NamedDependency[Shell], limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Statements:
    """List bank statements that were handed in, newest first."""
    _must_reach_all(caller)
    before = read_cursor(cursor)
    async with shell.database.reading() as connection:
        found = await statements.statements_before(connection, before, limit + 1, livemode=caller.livemode)
    rows, following = page(found, limit)
    return Statements([statements.statement_body(row) for row in rows], following)


@get("/v1/bank_statements/{statement_id:str}", guards=READ, responses=problems(404), tags=["banking"])
async def get_statement(
    statement_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> StatementBody:
    """Show what came of a bank statement."""
    _must_reach_all(caller)
    return await _found(shell, caller, statement_id)


@get("/v1/bank_statements/{statement_id:str}/entries", guards=READ, responses=problems(404), tags=["banking"])
async def list_entries(
    statement_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    status: FromQuery[EntryStatus | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Entries:
    """List a statement's entries, each with the payout that it is, by `status` where wanted."""
    _must_reach_all(caller)
    before = read_cursor(cursor)
    await _found(shell, caller, statement_id)
    async with shell.database.reading() as connection:
        found = await statements.entries_before(connection, statement_id, before, limit + 1, status=status)
    rows, following = page(found, limit)
    return Entries([statements.entry_body(row) for row in rows], following)


def _must_reach_all(caller: Caller) -> None:
    if caller.merchant_accounts is not None:
        raise ProblemError("forbidden", "the API key is for certain accounts only, and a bank statement is of all")


async def _found(shell: Shell, caller: Caller, statement_id: str) -> StatementBody:
    async with shell.database.reading() as connection:
        found = await statements.statement(connection, statement_id, livemode=caller.livemode)
    if found is None:
        raise ProblemError("not_found", "there is no such bank statement in this mode")
    return found


HANDLERS = [state_balances, hand_in_statement, list_statements, get_statement, list_entries]
