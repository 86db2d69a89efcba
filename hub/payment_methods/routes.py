"""`/v1/payment_methods`: the hub's own tokens; those of the processors go in and never come out."""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import problems, request_id_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from hub.payment_methods import customers
from hub.payment_methods.bodies import PaymentMethod, method_body
from hub.payment_methods.service import Kept, Stored, Wallet
from normalization.tokens import CardFacts, ProcessorToken

READ: Final = [requires("payment_methods:read")]
WRITE: Final = [requires("payment_methods:write")]
Words = Annotated[str, Meta(min_length=1, max_length=255)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]


class TokenGiven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A processor's token; without `merchant_account` it serves every account of that processor."""

    processor: Words
    token: Words
    customer_reference: Words | None = None
    merchant_account: Words | None = None

    def read(self) -> ProcessorToken:
        """Give it in normalization's words."""
        return ProcessorToken(
            processor=self.processor,
            token=self.token,
            customer_reference=self.customer_reference,
            merchant_account=self.merchant_account,
        )


class CardGiven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller knows of the card; what the processor says counts more."""

    brand: Annotated[str, Meta(pattern=r"^[a-z_]{1,32}\Z")] | None = None
    last4: Annotated[str, Meta(pattern=r"^[0-9]{4}\Z")] | None = None
    exp_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Meta(ge=2000, le=2100)] | None = None
    funding: Literal["credit", "debit", "prepaid"] | None = None
    country: Country | None = None


class NewPaymentMethod(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tokenised card to keep.

    `network_transaction_id` is the card network's id of the payer's first charge, where that was made elsewhere.
    """

    type: Literal["card"]
    processor_tokens: Annotated[list[TokenGiven], Meta(min_length=1, max_length=20)]
    customer: Words | None = None
    card: CardGiven = CardGiven()
    network_transaction_id: Words | None = None


class PaymentMethods(Struct, frozen=True):
    """A page of payment methods, newest first."""

    data: list[PaymentMethod]
    next_cursor: str | None


@post("/v1/payment_methods", guards=WRITE, tags=["payment methods"], responses=problems(400, 413, 415, 422))
async def create_payment_method(
    request: Request[Any, Any, Any],
    data: JSONBody[NewPaymentMethod],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
) -> PaymentMethod:
    """Keep a payment method; a processor that can is asked what card it is."""
    told = msgspec.convert(msgspec.to_builtins(data.card), CardFacts)
    tokens = [token.read() for token in data.processor_tokens]
    kept = Kept(tokens=tokens, told=told, customer=data.customer, network_transaction_id=data.network_transaction_id)
    return shown(wallet, await wallet.add(caller, request_id_of(request), kept))


@get("/v1/payment_methods/{method_id:str}", guards=READ, tags=["payment methods"], responses=problems(404))
async def get_payment_method(
    method_id: FromPath[str], caller: NamedDependency[Caller], wallet: NamedDependency[Wallet]
) -> PaymentMethod:
    """Show a payment method without its tokens."""
    return shown(wallet, await wallet.find(caller, method_id))


@delete("/v1/payment_methods/{method_id:str}", guards=WRITE, tags=["payment methods"], responses=problems(404))
async def delete_payment_method(
    request: Request[Any, Any, Any],
    method_id: FromPath[str],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
) -> None:
    """Forget a payment method and its tokens, here at once and soon at the processors; payments made with it stay."""
    await wallet.forget(caller, request_id_of(request), method_id)


@post(
    "/v1/payment_methods/{method_id:str}/processor_tokens",
    guards=WRITE,
    tags=["payment methods"],
    responses=problems(400, 404, 409, 413, 415, 422),
)
async def add_processor_token(
    request: Request[Any, Any, Any],
    method_id: FromPath[str],
    data: JSONBody[TokenGiven],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
) -> PaymentMethod:
    """Put one more processor's token behind a payment method."""
    return shown(wallet, await wallet.add_token(caller, request_id_of(request), method_id, data.read()))


@get("/v1/customers/{customer_id:str}/payment_methods", guards=READ, tags=["customers"], responses=problems(404, 422))
async def list_payment_methods(
    customer_id: FromPath[str],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PaymentMethods:
    """List a customer's payment methods; those for accounts that the key does not reach are left out of their page."""
    found = await wallet.of_customer(caller, customer_id, read_cursor(cursor), limit + 1)
    following = write_cursor(found[limit - 1].row["id"]) if len(found) > limit else None
    return PaymentMethods([shown(wallet, one) for one in found[:limit] if one.reached_by(caller)], following)


def shown(wallet: Wallet, stored: Stored) -> PaymentMethod:
    """Show a payment method."""
    return method_body(stored.row, stored.tokens, reusable=wallet.desk.reusable(stored.tokens))


HANDLERS = [
    create_payment_method,
    get_payment_method,
    delete_payment_method,
    add_processor_token,
    list_payment_methods,
    *customers.HANDLERS,
]
