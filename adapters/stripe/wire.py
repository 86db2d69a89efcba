"""Stripe's objects, field for field as on the wire; only the fields that the hub reads.

Unknown fields are let through, wrong types are not. Instants are Unix seconds, amounts Stripe's own smallest units.
Source: https://docs.stripe.com/api, version 2026-10-28.endive.
"""

from msgspec import Raw, Struct


class Reference(Struct, frozen=True):
    """An object that came expanded where its id alone would do."""

    id: str


class Tagged(Reference, frozen=True):
    """An expanded object of which only our own words on it are read."""

    metadata: dict[str, str] = {}


class CardChecks(Struct, frozen=True):
    """What the bank compared, each "pass", "fail", "unavailable" or "unchecked"."""

    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    cvc_check: str | None = None


class Card(Struct, frozen=True):
    """The card of a PaymentMethod or behind a charge."""

    brand: str | None = None
    last4: str | None = None
    iin: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    funding: str | None = None
    country: str | None = None
    fingerprint: str | None = None
    checks: CardChecks | None = None
    network_transaction_id: str | None = None  # Of a charge, where its network gave one.


class PaymentMethod(Struct, frozen=True):
    """A PaymentMethod, or a charge's `payment_method_details`, which has neither id nor customer."""

    card: Card | None = None
    id: str = ""
    customer: Reference | str | None = None


class Error(Struct, frozen=True):
    """The `error` of a refused request, or a PaymentIntent's `last_payment_error`.

    Its `message` is left unread: it is for people and may quote what was sent.
    """

    type: str
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    payment_method: PaymentMethod | None = None
    payment_intent: "PaymentIntent | None" = None
    setup_intent: "SetupIntent | None" = None


class ErrorBody(Struct, frozen=True):
    """The body of every answer that is not 2xx."""

    error: Error


class Refund(Struct, frozen=True, kw_only=True):
    """Money on its way back; `status` is pending, requires_action, succeeded, failed or canceled.

    Stripe sends no `livemode` on refunds.
    """

    id: str
    amount: int
    currency: str
    status: str | None = None
    reason: str | None = None
    failure_reason: str | None = None
    payment_intent: Reference | str | None = None
    metadata: dict[str, str] = {}


class RefundList(Struct, frozen=True):
    """One page of refunds, newest first."""

    data: list[Refund]
    has_more: bool


class Charge(Struct, frozen=True, kw_only=True):
    """What one confirmation of a PaymentIntent did at the card network."""

    id: str
    payment_method_details: PaymentMethod | None = None
    payment_intent: Reference | str | None = None
    refunds: RefundList | None = None
    status: str | None = None
    captured: bool | None = None
    amount: int | None = None
    currency: str | None = None
    livemode: bool | None = None


class RedirectToUrl(Struct, frozen=True):
    """Where the payer's browser is to go."""

    url: str | None = None


class NextAction(Struct, frozen=True):
    """What the payer must do; `type` is redirect_to_url, or use_stripe_sdk, which a server cannot do."""

    type: str
    redirect_to_url: RedirectToUrl | None = None


class PaymentIntent(Struct, frozen=True, kw_only=True):
    """One payment, from its creation to its capture."""

    id: str
    status: str
    amount: int
    currency: str
    livemode: bool
    capture_method: str = "automatic"
    created: int = 0
    amount_capturable: int | None = None
    amount_received: int | None = None
    cancellation_reason: str | None = None
    last_payment_error: Error | None = None
    latest_charge: Charge | str | None = None
    next_action: NextAction | None = None
    metadata: dict[str, str] = {}
    payment_method: Reference | str | None = None
    customer: Reference | str | None = None
    setup_future_usage: str | None = None


class SetupIntent(Struct, frozen=True, kw_only=True):
    """A card on its way to be kept, without a charge."""

    id: str
    status: str
    livemode: bool
    client_secret: str | None = None
    last_setup_error: Error | None = None
    next_action: NextAction | None = None
    metadata: dict[str, str] = {}
    payment_method: PaymentMethod | str | None = None
    customer: Reference | str | None = None


class PaymentIntentList(Struct, frozen=True):
    """One page of PaymentIntents, newest first."""

    data: list[PaymentIntent]
    has_more: bool


class BalanceTransaction(Struct, frozen=True):
    """One movement of our balance at Stripe, negative where money left it; the fee is beside, not in, `amount`."""

    id: str
    amount: int
    currency: str


class EvidenceDetails(Struct, frozen=True):
    """How a dispute can be answered; `due_by` is 0 where the payer's bank takes no answer."""

    due_by: int | None = None
    submission_count: int = 0


class DisputedCard(Struct, frozen=True):
    """What the card network says of a dispute."""

    network_reason_code: str | None = None


class DisputedMethod(Struct, frozen=True):
    """The means of payment behind a dispute."""

    card: DisputedCard | None = None


class Dispute(Struct, frozen=True, kw_only=True):
    """A payment that the payer's bank asks about or takes back."""

    id: str
    status: str
    amount: int
    currency: str
    livemode: bool
    reason: str | None = None
    charge: Tagged | str | None = None
    payment_intent: Tagged | str | None = None
    balance_transactions: list[BalanceTransaction] | None = None
    evidence_details: EvidenceDetails | None = None
    payment_method_details: DisputedMethod | None = None
    network_reason_code: str | None = None  # At API versions before it stood with the card.


class Payout(Struct, frozen=True, kw_only=True):
    """Money on its way to our bank; negative where Stripe takes it from there."""

    id: str
    amount: int
    currency: str
    livemode: bool


class ReportFile(Struct, frozen=True):
    """Where a finished report lies."""

    url: str | None = None


class ReportRun(Struct, frozen=True, kw_only=True):
    """One making of a report."""

    id: str
    livemode: bool
    result: ReportFile | None = None


class EventData(Struct, frozen=True):
    """The object as it was when the event happened, not yet decoded."""

    object: Raw


class Event(Struct, frozen=True, kw_only=True):
    """One message to a webhook endpoint; `account` is set for a connected account's only."""

    id: str
    object: str
    type: str
    livemode: bool
    data: EventData
    account: str | None = None
    api_version: str | None = None  # In which `data` is written: the endpoint's, or the account's.


class Envelope(Struct, frozen=True, kw_only=True):
    """What has to hold of an event before it is kept, whatever it speaks of."""

    id: str
    object: str
    livemode: bool
    account: str | None = None
    api_version: str | None = None


class EventList(Struct, frozen=True):
    """One page of events, newest first, each as it was sent by webhook."""

    data: list[Raw]
    has_more: bool


class Subject(Struct, frozen=True):
    """What an event's object tells of the payment it belongs to."""

    id: str
    payment_intent: Reference | str | None = None


def id_of(reference: Reference | Charge | PaymentMethod | str | None) -> str | None:
    """Give the id of an object, expanded or not."""
    return reference if reference is None or isinstance(reference, str) else reference.id
