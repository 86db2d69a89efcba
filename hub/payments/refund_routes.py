"""`/v1/refunds`: read one, list many."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import ProblemError, problems
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments import lists, store
from hub.payments.answers import RefundBody, refund_body
from hub.payments.rows import to_operation
from hub.payments.shell import Shell
from normalization.outcome import Operation


class Refunds(Struct, frozen=True):
    """A page of refunds, newest first."""

    data: list[RefundBody]
    next_cursor: str | None


@get("/v1/refunds", guards=[requires("payments:read")], responses=problems(422), tags=["refunds"])
async def list_refunds(
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    payment: FromQuery[str | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Refunds:
    """List refunds, newest first; also those made outside the hub."""
    wanted = lists.Filter(
        livemode=caller.livemode,
        payment=payment,
        merchant_accounts=caller.merchant_accounts,
        before=read_cursor(cursor),
    )
    rows = await lists.refunds_before(shell.database, wanted, limit + 1)
    shown, following = page(rows, limit)
    return Refunds([refund_body(to_operation(row)) for row in shown], following)


@get("/v1/refunds/{refund_id:str}", guards=[requires("payments:read")], responses=problems(404), tags=["refunds"])
async def get_refund(
    refund_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> RefundBody:
    """Show one refund."""
    refund = await store.find_operation(shell.database, refund_id)
    if (
        refund is None
        or refund.kind is not Operation.REFUND
        or refund.livemode != caller.livemode
        or not caller.may_use(refund.merchant_account)
    ):
        raise ProblemError("not_found", "there is no such refund")
    return refund_body(refund)


HANDLERS = [list_refunds, get_refund]
