"""`/v1/payment_sessions`: what a processor's own client-side library needs to take a card, and what comes of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import problems, request_id_of
from hub.payment_methods.service import Wallet
from hub.payment_sessions import service
from hub.payment_sessions.finishing import PROCESSING
from hub.payment_sessions.service import Completion, Opening
from hub.payments.answers import ACCEPTED, OK, DeclineBody, decline_body
from hub.payments.asked import Amount, CountryCode, Text, check_country
from hub.payments.shell import Shell, shielded
from normalization.money import Currency

Client = dict[str, object]
SessionStatus = Literal["open", "processing", "completed", "declined"]


class NewSession(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which payer, and what they might pay; without `processor` or `merchant_account` the rules choose."""

    currency: Currency
    amount: Amount | None = None
    country: CountryCode | None = None
    customer: Text | None = None
    processor: Text | None = None
    merchant_account: Text | None = None
    locale: Annotated[str, Meta(pattern=r"^[a-z]{2}-[A-Z]{2}\Z", description="Such as nl-NL.")] | None = None

    def __post_init__(self) -> None:
        if self.country is not None:
            check_country(self.country)


class CompleteRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the browser brought back: `token` where the library made one, else its `data`."""

    token: Text | None = None
    data: dict[str, object] | None = None

    def __post_init__(self) -> None:
        if (self.token is None) == (self.data is None):
            raise ValueError("token: send either token or data")


class PaymentSession(Struct, frozen=True, kw_only=True):
    """A session; `client` goes to the payer's browser as it is, and is told once."""

    id: str
    object: Literal["payment_session"] = "payment_session"
    livemode: bool
    status: SessionStatus
    customer: str | None
    merchant_account: str
    processor: str
    currency: Currency
    client: Client | None
    complete_url: str
    payment_method: str | None
    decline: DeclineBody | None
    created_at: datetime
    updated_at: datetime


_ACCEPTED: Final = {
    202: ResponseSpec(PaymentSession, description="The processor tells of the token later", generate_examples=False)
}


@post(
    "/v1/payment_sessions",
    guards=[requires("payment_methods:write")],
    responses=problems(400, 413, 415, 422),
    tags=["payment sessions"],
)
async def create_payment_session(
    request: Request[Any, Any, Any],
    data: JSONBody[NewSession],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
    shell: NamedDependency[Shell],
) -> PaymentSession:
    """Open a session for a payer's browser; the card never touches the hub."""
    wanted = Opening(
        caller=caller,
        request_id=request_id_of(request),
        currency=data.currency,
        amount_minor=data.amount or 0,
        country=data.country,
        customer=data.customer,
        processor=data.processor,
        merchant_account=data.merchant_account,
        locale=data.locale,
    )
    opened = await service.open_session(shell, wallet.desk, wanted)
    return _shown(opened.row, client=dict(opened.session.client))


@get(
    "/v1/payment_sessions/{session_id:str}",
    guards=[requires("payment_methods:read")],
    responses=problems(404),
    tags=["payment sessions"],
)
async def get_payment_session(
    session_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> PaymentSession:
    """Show a session, and the payment method that came of it."""
    row = await service.read(shell, caller, session_id)
    return _shown(row, decline=decline_body(await service.decline_of(shell, row), row["updated_at"]))


@post(
    "/v1/payment_sessions/{session_id:str}/complete",
    status_code=OK,
    guards=[requires("payment_methods:write")],
    responses=problems(404, 413, 415, 422) | _ACCEPTED,
    tags=["payment sessions"],
)
async def complete_payment_session(
    session_id: FromPath[str],
    data: JSONBody[CompleteRequest],
    caller: NamedDependency[Caller],
    wallet: NamedDependency[Wallet],
    shell: NamedDependency[Shell],
) -> Response[PaymentSession]:
    """Make a payment method of what the browser brought back; bringing the same again changes nothing."""
    brought = Completion(caller=caller, session_id=session_id, token=data.token, data=data.data)
    row = await shielded(shell, service.complete(shell, wallet.desk, brought))
    decline = decline_body(await service.decline_of(shell, row), row["updated_at"])
    return Response(_shown(row, decline=decline), status_code=ACCEPTED if row["status"] == PROCESSING else OK)


def _shown(
    row: RowMapping | Mapping[str, Any], *, client: Client | None = None, decline: DeclineBody | None = None
) -> PaymentSession:
    return PaymentSession(
        id=row["id"],
        livemode=bool(row["livemode"]),
        status=row["status"],
        customer=row["customer"],
        merchant_account=row["merchant_account"],
        processor=row["processor"],
        currency=Currency(row["currency"]),
        client=client,
        complete_url=f"/v1/payment_sessions/{row['id']}/complete",
        payment_method=row["payment_method"],
        decline=decline,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


HANDLERS = [create_payment_session, get_payment_session, complete_payment_session]
