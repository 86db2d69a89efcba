"""Checkout.com's answers and webhooks, field for field as on the wire; unknown fields are passed over.

Source: https://api-reference.checkout.com/ and, for webhooks,
https://www.checkout.com/docs/developer-resources/webhooks/webhook-event-types
"""

from msgspec import Struct, field


class Wire(Struct, frozen=True, kw_only=True):
    """What every message has in common."""


class Link(Wire, frozen=True, kw_only=True):
    """Where something is found."""

    href: str


class Links(Wire, frozen=True, kw_only=True):
    """What can be done next."""

    redirect: Link | None = None
    payment: Link | None = None
    itself: Link | None = field(default=None, name="self")


class Customer(Wire, frozen=True, kw_only=True):
    """Who pays."""

    id: str | None = None


class Source(Wire, frozen=True, kw_only=True):
    """What was paid with."""

    id: str | None = None
    type: str | None = None
    scheme: str | None = None
    last4: str | None = None
    bin: str | None = None
    expiry_month: int | None = None
    expiry_year: int | None = None  # Four digits.
    card_type: str | None = None
    issuer_country: str | None = None
    fingerprint: str | None = None
    avs_check: str | None = None
    cvv_check: str | None = None


class Instrument(Source, frozen=True, kw_only=True):
    """GET /instruments/{id}."""

    id: str
    type: str
    customer: Customer | None = None


class Processing(Wire, frozen=True, kw_only=True):
    """What the networks said, verbatim."""

    partner_response_code: str | None = None
    partner_merchant_advice_code: str | None = None
    recommendation_code: str | None = None


class Payment(Wire, frozen=True, kw_only=True):
    """The answer of POST /payments and of GET /payments/{id}; the latter has no response code."""

    id: str
    status: str
    reference: str | None = None
    amount: int | None = None
    currency: str | None = None
    approved: bool | None = None
    response_code: str | None = None
    source: Source | None = None
    processing: Processing | None = None
    customer: Customer | None = None
    scheme_id: str | None = None
    links: Links = field(default=Links(), name="_links")


class PaymentList(Wire, frozen=True, kw_only=True):
    """GET /payments?reference=…, newest first."""

    data: list[Payment]
    total_count: int


class Action(Wire, frozen=True, kw_only=True):
    """One of GET /payments/{id}/actions; without `approved` it is not done yet."""

    id: str
    type: str
    amount: int | None = None
    approved: bool | None = None
    response_code: str | None = None
    reference: str | None = None
    processing: Processing | None = None


class Accepted(Wire, frozen=True, kw_only=True):
    """The answer to a capture, refund or void: taken on, the result comes by webhook."""

    action_id: str
    reference: str | None = None


class Problem(Wire, frozen=True, kw_only=True):
    """The body of a 4xx."""

    error_codes: list[str]
    error_type: str | None = None


class EventData(Wire, frozen=True, kw_only=True):
    """What an event about a payment says; `reference` is the action's own, where it had one."""

    id: str
    action_id: str | None = None
    reference: str | None = None
    amount: int | None = None
    currency: str | None = None
    response_code: str | None = None
    processing_channel_id: str | None = None
    processing: Processing | None = None
    source: Source | None = None
    scheme_id: str | None = None
    metadata: dict[str, object] | None = None


class Event(Wire, frozen=True, kw_only=True):
    """One webhook about a payment."""

    type: str
    data: EventData


class Envelope(Wire, frozen=True, kw_only=True):
    """What every webhook has, whatever it is about."""

    type: str
    id: str | None = None
    data: dict[str, object]
    links: Links = field(default=Links(), name="_links")
