"""`/v1/payments`: charge, read, capture, cancel, confirm, refund."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct
from msgspec.structs import replace

from hub.access.guards import provide_caller, requires
from hub.access.rules import Caller
from hub.approvals import refunds
from hub.approvals.showing import ApprovalBody
from hub.errors import FieldError, ProblemError, problems, request_id_of
from hub.idempotency.documented import MovesMoney
from hub.idempotency.keyed import answer, key_of
from hub.ids import new_id
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments import asking, follow_ups, lists, store
from hub.payments.answers import ACCEPTED, OK, PaymentBody, RefundBody, payment_body
from hub.payments.asked import CancelRequest, CaptureRequest, ConfirmRequest, PaymentRequest, RefundRequest
from hub.payments.challenges import complete
from hub.payments.charging import charge
from hub.payments.follow_ups import Wish, may_see
from hub.payments.inquiries import resolve_now
from hub.payments.opening import Charge
from hub.payments.shell import Shell, shielded
from hub.payments.states import Payment, Status
from hub.payments.timelines import Timeline, timeline_of
from normalization.outcome import Operation

VERSION_MAX: Final = 2_147_483_647
"""The largest number that the databases count versions by."""
_CHARGES: Final = problems(409, 413, 415, 422)
_MOVES_MONEY: Final = problems(404, 409, 413, 415, 422)
_COMPLETES: Final = problems(404, 413, 415, 422)
_YEARS: Final = (1, 9999)
"""In these an instant with an offset may not exist in UTC."""


class Payments(Struct, frozen=True):
    """A page of payments, newest first."""

    data: list[PaymentBody]
    next_cursor: str | None


def _accepted(body: type[Struct]) -> dict[int, ResponseSpec]:
    return {202: ResponseSpec(body, description="Accepted; the outcome is unknown or pending", generate_examples=False)}


_MAY_WAIT: Final = {
    202: ResponseSpec(
        RefundBody | ApprovalBody,
        description="Accepted; the outcome is pending, or a second person has to approve it first",
        generate_examples=False,
    )
}


def _wish(request: Request[Any, Any, Any], kind: Operation, payment_id: str, caller: Caller, body: Struct) -> Wish:
    verb = {Operation.CAPTURE: "capture", Operation.VOID: "cancel", Operation.REFUND: "refunds"}[kind]
    path = f"POST /v1/payments/{payment_id}/{verb}"
    return Wish(
        kind=kind,
        payment_id=payment_id,
        caller=caller,
        key=key_of(request, body, path, f"/v1/payments/{payment_id}"),
        request_id=request_id_of(request),
        reserve=asking.cancel,
    )


@post(
    "/v1/payments",
    before_request=requires("payments:write"),
    responses=_CHARGES | _accepted(PaymentBody),
    operation_class=MovesMoney,
    tags=["payments"],
    summary="Charge",
)
async def create_payment(
    request: Request[Any, Any, Any],
    data: JSONBody[PaymentRequest],
) -> Response[PaymentBody]:
    """Charge once; the same Idempotency-Key gives the same answer ever after."""
    # Litestar provides two dependencies or more in a task group: that costs a tenth of a millisecond.
    shell: Shell = request.app.state.parts.shell
    caller = provide_caller(request)
    began_at = shell.clock()
    payment_id = new_id("pay_")
    known = [data]
    if data.payment_method_data is not None:
        # The data itself is never kept, not even as a plain hash that could be guessed.
        told = msgspec.json.encode(data.payment_method_data.data, order="deterministic")
        known = [
            replace(data, payment_method_data=replace(data.payment_method_data, data={"hmac": one}))
            for one in shell.sealer.hmacs(told)
        ]
    wanted = Charge(
        request=data,
        caller=caller,
        key=key_of(request, known[0], "POST /v1/payments", f"/v1/payments/{payment_id}", others=known[1:]),
        payment_id=payment_id,
        request_id=request_id_of(request),
        began_at=began_at,
    )
    return answer(await shielded(shell, charge(shell, wanted)))


Version = Annotated[int | None, QueryParameter(ge=1, le=VERSION_MAX, description="A ruleset's version.")]


@get("/v1/payments", guards=[requires("payments:read")], responses=problems(422), tags=["payments"])
async def list_payments(  # noqa: PLR0913, PLR0917 - one argument for each query parameter of the API
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    reference: FromQuery[str | None] = None,
    status: FromQuery[Status | None] = None,
    merchant_account: FromQuery[str | None] = None,
    customer: FromQuery[str | None] = None,
    tag: FromQuery[str | None] = None,
    ruleset: FromQuery[str | None] = None,
    ruleset_version: Version = None,
    rule: FromQuery[str | None] = None,
    created_after: FromQuery[datetime | None] = None,
    created_before: FromQuery[datetime | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Payments:
    """List payments, newest first; a `tag` finds the payment of any operation, by its id or the processor's own.

    `ruleset` is the name of a ruleset, or the id of one version, and `rule` the name of a rule that decided.
    """
    wanted = lists.Filter(
        livemode=caller.livemode,
        reference=reference,
        status=status,
        merchant_account=merchant_account,
        customer=customer,
        tag=tag,
        ruleset=ruleset,
        ruleset_version=ruleset_version,
        rule=rule,
        created_after=instant("created_after", created_after),
        created_before=instant("created_before", created_before),
        merchant_accounts=caller.merchant_accounts,
        before=read_cursor(cursor),
    )
    rows = await lists.payments_before(shell.database, wanted, limit + 1)
    shown, following = page(rows, limit)
    return Payments(await lists.with_attempts(shell.database, shown), following)


def instant(field: str, given: datetime | None) -> datetime | None:
    """Read an instant that must say where it is.

    Raises:
        ProblemError: validation_failed without an offset from UTC, and where it may not exist in UTC.
    """
    if given is None:
        return None
    if given.tzinfo is None:
        error = FieldError(field, "needs an offset from UTC, such as 2026-11-21T09:00:00Z")
    elif given.year in _YEARS:
        error = FieldError(field, "is too far from now")
    else:
        return given
    raise ProblemError("validation_failed", "a parameter of the request is not valid", errors=[error])


@get("/v1/payments/{payment_id:str}", guards=[requires("payments:read")], responses=problems(404), tags=["payments"])
async def get_payment(
    payment_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> Response[PaymentBody]:
    """Show what is known; where the outcome is unknown, ask the processor for two seconds at most."""
    payment = await _read(shell, caller, payment_id)
    operations = await store.operations_of(shell.database, payment.id)
    if payment.status is Status.PROCESSING:
        await resolve_now(shell, [o for o in operations if o.id == payment.attempt_id])
        payment = await _read(shell, caller, payment_id)
        operations = await store.operations_of(shell.database, payment.id)
    return Response(payment_body(payment, operations))


async def _read(shell: Shell, caller: Caller, payment_id: str) -> Payment:
    payment = await store.find_payment(shell.database, caller.livemode, payment_id)
    if payment is None or not may_see(caller, payment):
        raise ProblemError("not_found", "there is no such payment")
    return payment


@post(
    "/v1/payments/{payment_id:str}/capture",
    status_code=200,
    guards=[requires("payments:write")],
    responses=_MOVES_MONEY | _accepted(PaymentBody),
    operation_class=MovesMoney,
    tags=["payments"],
)
async def capture_payment(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    data: JSONBody[CaptureRequest],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Response[PaymentBody]:
    """Take what was authorized, or a part of it."""
    wish = _wish(request, Operation.CAPTURE, payment_id, caller, data)
    return answer(await shielded(shell, follow_ups.capture(shell, wish, data)))


@post(
    "/v1/payments/{payment_id:str}/cancel",
    status_code=200,
    guards=[requires("payments:write")],
    responses=_MOVES_MONEY | _accepted(PaymentBody),
    operation_class=MovesMoney,
    tags=["payments"],
)
async def cancel_payment(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[CancelRequest] = CancelRequest(),  # noqa: B008 - a frozen value
) -> Response[PaymentBody]:
    """Give an authorization back; where the outcome is not known yet, as soon as it is."""
    wish = _wish(request, Operation.VOID, payment_id, caller, data)
    return answer(await shielded(shell, follow_ups.carry_out(shell, wish)))


@post(
    "/v1/payments/{payment_id:str}/confirm",
    status_code=200,
    guards=[requires("payments:write")],
    responses=_COMPLETES | _accepted(PaymentBody),
    tags=["payments"],
)
async def confirm_payment(
    payment_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[ConfirmRequest] = ConfirmRequest(),  # noqa: B008 - a frozen value
) -> Response[PaymentBody]:
    """Go on after a challenge with what the payer's browser brought back; without it the processor is asked."""
    payment = await _read(shell, caller, payment_id)
    held = await shielded(shell, complete(shell, payment, data.returned or {}))
    status = ACCEPTED if held.payment.status is Status.PROCESSING else OK
    return Response(payment_body(held.payment, held.operations), status_code=status)


@post(
    "/v1/payments/{payment_id:str}/refunds",
    guards=[requires("refunds:write")],
    responses=_MOVES_MONEY | _MAY_WAIT,
    operation_class=MovesMoney,
    tags=["refunds"],
)
async def create_refund(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    data: JSONBody[RefundRequest],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Response[RefundBody]:
    """Give back what was captured, or a part of it; several refunds of one payment are fine."""
    wish = _wish(request, Operation.REFUND, payment_id, caller, data)
    return answer(await shielded(shell, refunds.refund(shell, wish, data)))


@get(
    "/v1/payments/{payment_id:str}/timeline",
    guards=[requires("payments:read")],
    responses=problems(404),
    tags=["payments"],
)
async def get_timeline(
    payment_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> Timeline:
    """Show everything that happened to a payment, in order."""
    payment = await _read(shell, caller, payment_id)
    return await timeline_of(shell.database, payment)


HANDLERS = [
    create_payment,
    list_payments,
    get_payment,
    capture_payment,
    cancel_payment,
    confirm_payment,
    create_refund,
    get_timeline,
]
