"""
Requests of Checkout.com's API, the fields a sandbox acts on.

Source: https://api-reference.checkout.com/
"""

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from hub.sandbox.checkout_com.errors import invalid

T = TypeVar("T", bound=Struct)

VALUE_MAX: Final = (1 << 53) - 1
Value = Annotated[int, Meta(ge=-VALUE_MAX, le=VALUE_MAX)]


class Source(Struct, frozen=True):
    """What is paid with: `id` (a stored card), `token` (of the client-side library) or `card`."""

    type: str = ""
    id: str = ""
    token: str = ""
    number: str = ""
    expiry_month: int = 0
    expiry_year: int = 0
    cvv: str = ""
    stored: bool = False
    store_for_future_use: bool = False


class ThreeDs(Struct, frozen=True):
    """How 3D Secure is wanted."""

    enabled: bool = False
    attempt_n3d: bool = False
    challenge_indicator: str = ""


class Customer(Struct, frozen=True):
    """Who pays."""

    id: str = ""
    email: str = ""


class PaymentRequest(Struct, frozen=True):
    """POST /payments."""

    source: Source | None = None
    amount: Value = 0
    currency: str = ""
    capture: bool = True
    reference: str = ""
    payment_type: str = "Regular"
    merchant_initiated: bool = False
    previous_payment_id: str = ""
    processing_channel_id: str = ""
    success_url: str = ""
    failure_url: str = ""
    customer: Customer = Customer()
    metadata: dict[str, Any] = {}
    three_ds: ThreeDs = field(default=ThreeDs(), name="3ds")


class ActionRequest(Struct, frozen=True):
    """POST /payments/{id}/captures, refunds and voids."""

    amount: Value | None = None
    reference: str = ""
    capture_type: str = "Final"
    metadata: dict[str, Any] = {}


class TokenRequest(Struct, frozen=True):
    """POST /tokens, which the payer's browser sends with the public key."""

    type: str = ""
    number: str = ""
    expiry_month: int = 0
    expiry_year: int = 0
    cvv: str = ""


class InstrumentRequest(Struct, frozen=True):
    """POST /instruments."""

    type: str = ""
    token: str = ""
    customer: Customer = Customer()


_PAYMENT: Final = (
    "source amount currency capture capture_on reference description payment_type merchant_initiated "
    "previous_payment_id processing_channel_id success_url failure_url customer metadata 3ds billing_descriptor "
    "shipping risk payment_ip recipient sender processing items authorization_type partial_authorization"
)
_ACTION: Final = "amount reference capture_type metadata description customer"

_KNOWN: Final[dict[type[Struct], frozenset[str]]] = {
    PaymentRequest: frozenset(_PAYMENT.split()),
    ActionRequest: frozenset(_ACTION.split()),
}


def read(raw: bytes, into: type[T]) -> T:
    """
    Read a request's body; an empty one is an empty object.

    Raises:
        WireError: when it is no JSON object, has a field the endpoint does not know, or one of the wrong type.

    """
    try:
        body = msgspec.json.decode(raw or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("request_json_invalid") from None
    strangers = sorted(set(body) - _KNOWN.get(into, frozenset(body)))
    if strangers:
        raise invalid(*(f"{name}_invalid" for name in strangers))
    try:
        return msgspec.convert(body, into)
    except msgspec.ValidationError as error:
        wrong = str(error).rpartition("$.")[2].rstrip("`").replace(".", "_")
        raise invalid(f"{wrong}_invalid") from None
