"""Adyen's Checkout API v72 and its webhooks, field for field as on the wire; unknown fields are passed over.

Source: https://docs.adyen.com/api-explorer/Checkout/72/overview
"""

from collections.abc import Mapping

from msgspec import Raw, Struct, field


class Wire(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What every message has in common: camelCase, and nothing sent that was not set."""


class Amount(Wire, frozen=True, kw_only=True):
    """Money in Adyen's own minor unit, see `adapters.adyen.amounts`."""

    value: int
    currency: str


class ThreeDSRequestData(Wire, frozen=True, kw_only=True):
    """How a challenge may look."""

    native_three_ds: str = field(name="nativeThreeDS")


class AuthenticationData(Wire, frozen=True, kw_only=True):
    """Whether a challenge may be asked for."""

    attempt_authentication: str | None = None
    three_ds_request_data: ThreeDSRequestData | None = field(default=None, name="threeDSRequestData")


class PaymentRequest(Wire, frozen=True, kw_only=True):
    """POST /payments; of nothing where the bank is only asked about the card, with no order behind it."""

    amount: Amount
    merchant_account: str
    reference: str
    merchant_order_reference: str | None = None
    payment_method: object
    return_url: str
    channel: str
    shopper_interaction: str
    metadata: Mapping[str, str] | None = None
    authentication_data: AuthenticationData
    additional_data: Mapping[str, str] | None = None
    capture_delay_hours: int | None = None
    recurring_processing_model: str | None = None
    shopper_reference: object = None
    shopper_statement: str | None = None
    # What Adyen's client-side library adds to one-time data.
    billing_address: object = None
    browser_info: object = None
    delivery_address: object = None
    origin: object = None
    risk_data: object = None
    shopper_email: object = None
    shopper_ip: object = field(default=None, name="shopperIP")
    shopper_locale: object = None
    shopper_name: object = None
    store_payment_method: object = None


class PaymentMethodsRequest(Wire, frozen=True, kw_only=True):
    """POST /paymentMethods."""

    merchant_account: str
    channel: str
    shopper_reference: str
    amount: Amount | None = None
    country_code: str | None = None
    shopper_locale: str | None = None


class PaymentMethods(Wire, frozen=True, kw_only=True):
    """What a payer can be offered, for Adyen's client-side library to read."""

    payment_methods: list[dict[str, object]]
    stored_payment_methods: list[dict[str, object]] = []


class CompletionDetails(Wire, frozen=True, kw_only=True):
    """What the payer's browser brought back."""

    redirect_result: str | None = None
    md: str | None = field(default=None, name="MD")
    pa_res: str | None = field(default=None, name="PaRes")
    payload: str | None = None


class DetailsRequest(Wire, frozen=True, kw_only=True):
    """POST /payments/details."""

    details: CompletionDetails
    payment_data: str | None = None


class Action(Wire, frozen=True, kw_only=True):
    """What the payer has to do next."""

    type: str
    url: str | None = None
    method: str = "GET"
    data: dict[str, str] | None = None
    payment_data: str | None = None


class ReplyPaymentMethod(Wire, frozen=True, kw_only=True):
    """What was paid with."""

    brand: str | None = None


class PaymentReply(Wire, frozen=True, kw_only=True):
    """The answer of /payments and /payments/details; a refusal too is HTTP 200."""

    result_code: str
    psp_reference: str | None = None
    merchant_reference: str | None = None
    amount: Amount | None = None
    refusal_reason: str | None = None
    refusal_reason_code: str | None = None
    action: Action | None = None
    payment_method: ReplyPaymentMethod | None = None
    additional_data: dict[str, object] | None = None


class CaptureRequest(Wire, frozen=True, kw_only=True):
    """POST /payments/{psp}/captures, and /refunds of the same shape."""

    merchant_account: str
    amount: Amount
    reference: str


class CancelRequest(Wire, frozen=True, kw_only=True):
    """POST /payments/{psp}/cancels."""

    merchant_account: str
    reference: str


class CancelByReferenceRequest(Wire, frozen=True, kw_only=True):
    """POST /cancels."""

    merchant_account: str
    payment_reference: str
    reference: str


class ModificationReply(Wire, frozen=True, kw_only=True):
    """The answer to a capture, cancel or refund: accepted, the result comes by webhook."""

    status: str
    psp_reference: str
    reference: str | None = None
    amount: Amount | None = None


class Nothing(Wire, frozen=True, kw_only=True):
    """The empty body of DELETE /storedPaymentMethods/{id}."""


class StoredPaymentMethod(Wire, frozen=True, kw_only=True):
    """A stored card as Adyen tells it."""

    id: str
    brand: str | None = None
    last_four: str | None = None
    expiry_month: str | None = None
    expiry_year: str | None = None  # Two digits or four.
    card_bin: str | None = None


class StoredPaymentMethods(Wire, frozen=True, kw_only=True):
    """GET /storedPaymentMethods."""

    stored_payment_methods: list[StoredPaymentMethod] = []


class Item(Wire, frozen=True, kw_only=True):
    """One notification; all but `reason`, `payment_method` and `additional_data` is covered by the signature."""

    psp_reference: str
    merchant_account_code: str
    event_code: str
    success: str  # "true" or "false", a string.
    original_reference: str | None = None
    merchant_reference: str | None = None
    amount: Amount | None = None
    reason: str | None = None
    payment_method: object = None
    additional_data: dict[str, object] | None = None


class ItemEnvelope(Struct, frozen=True, rename={"item": "NotificationRequestItem"}):
    """The wrapper around each notification of a batch."""

    item: Raw


class Envelope(Wire, frozen=True, kw_only=True):
    """One webhook request; `live` is not signed."""

    live: str  # "true" or "false", a string.
    notification_items: list[ItemEnvelope]


class TokenFacts(Wire, frozen=True, kw_only=True):
    """What a message about a stored card is about."""

    merchant_account: str
    stored_payment_method_id: str
    shopper_reference: str | None = None


class Message(Wire, frozen=True, kw_only=True):
    """A webhook of the newer kind, signed as a whole in a header; `environment` is test or live.

    Source: https://docs.adyen.com/api-explorer/Tokenization-webhooks/1/overview
    """

    type: str
    event_id: str | None = None
    environment: str | None = None
    version: str | None = None
    data: Raw = Raw(b"{}")


class Shape(Wire, frozen=True, kw_only=True):
    """By what a message of the newer kind is told from a notification."""

    type: str | None = None
    event_code: str | None = None
