"""Where payers come by: out to a challenge that wants a form, and back from any challenge. Public."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import FromPath, FromQuery

from hub.access.guards import PUBLIC, addressed
from hub.errors import OUTSIDE, ProblemError, problems
from hub.payments import store
from hub.payments.challenges import brings_secret, challenge_of, complete, form_page, return_target
from hub.payments.recording import hold
from hub.payments.shell import Shell, shielded
from hub.payments.states import Payment, Status

FIELDS_MAX: Final = 50
FIELD_MAX: Final = 20_000
_PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def _payment(shell: Shell, payment_id: str, secret: str) -> Payment:
    """Find a payment by the secret that its payer was given.

    Raises:
        ProblemError: not_found, whether the payment or the secret is wrong.
    """
    for livemode in (False, True):
        payment = await store.find_payment(shell.database, livemode, payment_id)
        if payment is not None and brings_secret(shell, payment, secret):
            return payment
    raise ProblemError("not_found", "this address is not valid, or not valid any more")


@get(
    "/redirect/{payment_id:str}",
    guards=[addressed],
    security=PUBLIC,
    responses=problems(404, anywhere=OUTSIDE),
    tags=["payers"],
    media_type="text/html",
)
async def show_challenge(
    payment_id: FromPath[str], shell: NamedDependency[Shell], s: FromQuery[str] = ""
) -> Response[bytes]:
    """Send the payer on to a challenge that takes a form."""
    payment = await _payment(shell, payment_id, s)
    held = await hold(shell, payment, payment.attempt_id or "")
    challenge = challenge_of(shell, held)
    if payment.status is not Status.REQUIRES_ACTION or challenge is None:
        raise ProblemError("not_found", "this payment waits for nobody any more")
    return Response(form_page(challenge), media_type="text/html", headers=_PAGE_HEADERS)


@get(
    "/return/{payment_id:str}",
    guards=[addressed],
    security=PUBLIC,
    responses=problems(404, anywhere=OUTSIDE),
    status_code=303,
    media_type="text/html",
    tags=["payers"],
)
async def come_back(
    request: Request[Any, Any, Any], payment_id: FromPath[str], shell: NamedDependency[Shell], s: FromQuery[str] = ""
) -> Response[bytes]:
    """Complete the payment with what the payer's browser brings, and send the payer on to the caller's address."""
    payment = await _payment(shell, payment_id, s)
    return await _completed(shell, payment, request.query_params.items())


@post(
    "/return/{payment_id:str}",
    guards=[addressed],
    security=PUBLIC,
    responses=problems(404, 413, anywhere=OUTSIDE),
    status_code=303,
    media_type="text/html",
    tags=["payers"],
    request_max_body_size=256 * 1024,
)
async def come_back_with_form(
    request: Request[Any, Any, Any], payment_id: FromPath[str], shell: NamedDependency[Shell], s: FromQuery[str] = ""
) -> Response[bytes]:
    """Complete the payment with the form that the payer's browser posts, and send the payer on."""
    payment = await _payment(shell, payment_id, s)
    form = await request.body() if request.content_type[0] == RequestEncodingType.URL_ENCODED else b""
    try:
        posted = parse_qsl(form.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise ProblemError(
            "malformed_request", "the form cannot be read, or has more fields than any processor sends"
        ) from None
    return await _completed(shell, payment, [*request.query_params.items(), *posted])


async def _completed(shell: Shell, payment: Payment, brought: Iterable[tuple[str, str]]) -> Response[bytes]:
    returned = {name: value for name, value in brought if name != "s"}
    if len(returned) > FIELDS_MAX or any(len(value) > FIELD_MAX for value in returned.values()):
        raise ProblemError("malformed_request", "more came back than any processor sends, or no text")
    held = await shielded(shell, complete(shell, payment, returned))
    target = return_target(held.payment)
    if target is None:
        raise ProblemError("not_found", "this payment has no address to return to")
    return Response(b"", status_code=303, media_type="text/html", headers={"Location": target, **_PAGE_HEADERS})


HANDLERS = [show_challenge, come_back, come_back_with_form]
