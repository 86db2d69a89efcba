"""`/v1/payment_methods/{id}/verify`: whether a card is good, without charging it."""

from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import problems
from hub.idempotency.documented import MovesMoney
from hub.idempotency.keyed import answer, key_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payment_methods import verifications
from hub.payment_methods.service import Wallet
from hub.payment_methods.showing import VerificationBody, verification_body
from hub.payment_methods.verifying import Wish, verify
from hub.payments.asked import CountryCode, check_country
from hub.payments.shell import Shell, shielded
from normalization.money import Currency

Words = Annotated[str, Meta(min_length=1, max_length=255)]
_ACCEPTED: Final = {
    202: ResponseSpec(VerificationBody, description="The bank's answer is not known yet", generate_examples=False)
}


class VerifyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to ask: `currency` is one that the account takes, `country` the payer's, for the rules."""

    currency: Currency
    country: CountryCode | None = None
    merchant_account: Words | None = None

    def __post_init__(self) -> None:
        if self.country is not None:
            check_country(self.country)


class Verifications(Struct, frozen=True):
    """A page of verifications, newest first."""

    data: list[VerificationBody]
    next_cursor: str | None


@post(
    "/v1/payment_methods/{method_id:str}/verify",
    guards=[requires("payment_methods:write")],
    responses=problems(404, 409, 413, 415, 422) | _ACCEPTED,
    operation_class=MovesMoney,
    tags=["payment methods"],
)
async def verify_payment_method(
    request: Request[Any, Any, Any],
    method_id: FromPath[str],
    data: JSONBody[VerifyRequest],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
    shell: NamedDependency[Shell],
) -> Response[VerificationBody]:
    """Have the card's bank asked whether it is good; no money is reserved."""
    path = f"/v1/payment_methods/{method_id}/verify"
    wish = Wish(
        caller=caller,
        key=key_of(request, data, f"POST {path}", f"/v1/payment_methods/{method_id}/verifications"),
        wallet=wallet,
        method_id=method_id,
        currency=data.currency,
        country=data.country,
        merchant_account=data.merchant_account,
    )
    return answer(await shielded(shell, verify(shell, wish)))


@get(
    "/v1/payment_methods/{method_id:str}/verifications",
    guards=[requires("payment_methods:read")],
    responses=problems(404),
    tags=["payment methods"],
)
async def list_verifications(
    method_id: FromPath[str],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Verifications:
    """List what banks answered about a payment method, newest first."""
    await wallet.find(caller, method_id)
    async with wallet.database.reading() as connection:
        rows = await verifications.before(
            connection, livemode=caller.livemode, method_id=method_id, before=read_cursor(cursor), limit=limit + 1
        )
    shown, following = page(rows, limit)
    return Verifications([verification_body(row) for row in shown], following)


HANDLERS = [verify_payment_method, list_verifications]
