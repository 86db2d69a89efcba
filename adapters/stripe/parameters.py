"""What goes out to Stripe: the hub's words as request parameters, and what cannot be sent at all.

Source: https://docs.stripe.com/api/payment_intents/create, /capture, /cancel, https://docs.stripe.com/api/refunds/create;
https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter.
"""

import re
from collections.abc import Mapping
from typing import Final

from adapters.contract import Authentication, Authorize, FollowUp, Recurring
from adapters.stripe.currencies import STRIPE_EXPONENT, to_stripe
from adapters.tagging import routing_metadata
from normalization.declines import Decline, DeclineCode
from normalization.money import InexactAmountError, Money
from normalization.outcome import Operation
from normalization.tokens import ProcessorToken

Parameters = dict[str, object]

OPERATION: Final = "hub_operation"
"""The metadata key that carries our id of a payment's opening operation, or of a refund."""

CAPTURE: Final = "hub_capture"
"""The metadata key that carries our id of a payment's latest capture."""

CUSTOMER: Final = "hub_customer"
"""The metadata key that carries our id of the payer, on the customers that we make."""

METADATA_MAX: Final = 500
"""The longest value of metadata. Source: https://docs.stripe.com/api/metadata."""

ONE_TIME: Final = {
    "payment_method": re.compile(r"pm_[A-Za-z0-9_]{1,200}"),
    "confirmation_token": re.compile(r"ctoken_[A-Za-z0-9_]{1,200}"),
    "token": re.compile(r"tok_[A-Za-z0-9_]{1,200}"),
}
"""What Stripe.js makes, by the field of one-time data that brings it; exactly one is sent.

Source: https://docs.stripe.com/js: createPaymentMethod, createConfirmationToken, createToken.
"""

REFUND_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
CANCEL_REASONS: Final = REFUND_REASONS | {"abandoned"}


def refusal(request: Authorize | FollowUp, *, multicapture: bool) -> Decline | None:
    """Say why *request* cannot be sent to Stripe, or None where it can."""
    return unsendable(request.money) or (
        no_means(request.token, request.data)
        if isinstance(request, Authorize)
        else _would_release(request, multicapture=multicapture)
    )


def unsendable(money: Money) -> Decline | None:
    """Refuse a currency that Stripe does not take and an amount that it cannot be sent."""
    if money.currency not in STRIPE_EXPONENT:
        return Decline(code=DeclineCode.CURRENCY_NOT_SUPPORTED, processor_code="hub/currency")
    try:
        to_stripe(money)
    except InexactAmountError:
        return Decline(code=DeclineCode.INVALID_AMOUNT, processor_code="hub/amount")
    return None


def no_means(token: ProcessorToken | None, data: Mapping[str, object] | None) -> Decline | None:
    """Refuse what is neither a token nor exactly one kind of one-time data."""
    if token is not None:
        return None
    given = data or {}
    fits = [key for key, value in given.items() if key in ONE_TIME and _is(ONE_TIME[key], value)]
    if len(given) == 1 and fits:
        return None
    return Decline(code=DeclineCode.INVALID_REQUEST, processor_code="hub/payment_method_data")


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _would_release(request: FollowUp, *, multicapture: bool) -> Decline | None:
    """Refuse a capture that wants the rest kept where Stripe would give it back."""
    if request.operation is Operation.CAPTURE and not request.final and not multicapture:
        return Decline(code=DeclineCode.UNSUPPORTED_OPERATION, processor_code="hub/final")
    return None


def saves(request: Authorize) -> bool:
    """Tell whether the card is to be kept: a payer who is absent cannot agree to that."""
    return request.save and request.payer_present


def customer_of(request: Authorize) -> str | None:
    """Give Stripe's customer that the charge is for: whose the card is, or who is to keep it."""
    own = request.token.customer_reference if request.token else None
    return own or (request.customer_reference if saves(request) else None)


def opening(request: Authorize, *, customer: str | None, multicapture: bool, mit_exemption: bool = False) -> Parameters:
    """Create and confirm a PaymentIntent in one request."""
    manual = request.operation is Operation.AUTHORIZE
    parameters: Parameters = {
        "amount": to_stripe(request.money),
        "currency": request.money.currency.lower(),
        "capture_method": "manual" if manual else "automatic",
        "confirm": True,
        "allowed_payment_method_types": ["card"],
        "metadata": {
            OPERATION: request.operation_id,
            "hub_payment": request.payment_id,
            "reference": request.reference,
            **routing_metadata(request.routed, longest=METADATA_MAX),
        },
        "expand": ["latest_charge"],
    }
    parameters |= means(request.token, request.data, customer) | _challenge(request)
    card = _card_options(request, multicapture=multicapture and manual)
    if mit_exemption and request.network_transaction_id and not request.payer_present:
        card["mit_exemption"] = {"network_transaction_id": request.network_transaction_id}
    if card:
        parameters["payment_method_options"] = {"card": card}
    if saves(request) or (request.recurring is Recurring.INITIAL and request.payer_present):
        parameters["setup_future_usage"] = "off_session"
    if request.statement_descriptor:
        parameters["statement_descriptor_suffix"] = request.statement_descriptor
    return parameters


def means(token: ProcessorToken | None, data: Mapping[str, object] | None, customer: str | None) -> Parameters:
    """Say what card, and whose it is."""
    owner: Parameters = {"customer": customer} if customer else {}
    if token is not None:
        return {"payment_method": token.token} | owner
    given = dict(data or {})
    if "token" in given:  # Stripe.js's older kind of token becomes a PaymentMethod on the way.
        return {"payment_method_data": {"type": "card", "card": {"token": given["token"]}}} | owner
    return given | owner


def _challenge(request: Authorize) -> Parameters:
    """Say whether the payer may be sent elsewhere to confirm."""
    if not request.payer_present:
        return {"off_session": True, "error_on_requires_action": True}
    if request.return_url is None:
        return {"error_on_requires_action": True}
    return {"return_url": request.return_url}


def _card_options(request: Authorize, *, multicapture: bool) -> Parameters:
    """Ask for 3-D Secure where it is required, and for several captures where they are wanted.

    REQUIRED is met without a challenge where the bank is content ("any"). AVOID sends nothing: Stripe asks for every
    exemption it may by itself.
    """
    options: Parameters = {}
    if request.authentication is Authentication.REQUIRED:
        options["request_three_d_secure"] = "any"
    if multicapture:
        options["request_multicapture"] = "if_available"
    return options


def capturing(request: FollowUp, *, multicapture: bool) -> Parameters:
    """Capture; the metadata says whose capture it was and, where there can be several, how much each took.

    Metadata is merged by Stripe: the opening operation's own stays.
    """
    amount = to_stripe(request.money)
    metadata: dict[str, object] = {CAPTURE: request.operation_id}
    parameters: Parameters = {"amount_to_capture": amount, "metadata": metadata, "expand": ["latest_charge"]}
    if multicapture:
        metadata[request.operation_id] = amount
        parameters["final_capture"] = request.final
    return parameters


def canceling(reason: str | None) -> Parameters:
    """Cancel, with a reason where it is one of Stripe's."""
    return {"cancellation_reason": reason} if reason in CANCEL_REASONS else {}


def refunding(request: FollowUp) -> Parameters:
    """Refund a part or all of a PaymentIntent."""
    parameters: Parameters = {
        "payment_intent": request.parent_reference,
        "amount": to_stripe(request.money),
        "metadata": {
            OPERATION: request.operation_id,
            "hub_payment": request.payment_id,
            "reference": request.reference,
            **routing_metadata(request.routed, longest=METADATA_MAX),
        },
    }
    if request.reason in REFUND_REASONS:
        parameters["reason"] = request.reason
    return parameters
