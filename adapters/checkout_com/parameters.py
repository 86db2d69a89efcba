"""The hub's words to Checkout.com's requests; pure, and the same request always gives the same bytes.

Source: https://api-reference.checkout.com/#operation/requestAPaymentOrPayout
"""

from collections.abc import Mapping
from typing import Final

from adapters.abilities import Verify
from adapters.checkout_com import amounts
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.contract import Authentication, Authorize, FollowUp, Recurring
from adapters.tagging import routing_metadata
from normalization.money import Money
from normalization.outcome import Operation
from normalization.tokens import ProcessorToken

Body = dict[str, object]

KIND: Final = "hub_operation"
"""Whether a payment is to be captured at once stands in no webhook; this field of its metadata does."""
ONE_TIME_FIELDS: Final = ("billing_address", "phone")
"""What may come with a one-time token; the rest, an amount above all, is passed over."""
STORED: Final = "src_"
DESCRIPTOR_MAX: Final = 25
METADATA_MAX: Final = 100
"""Checkout.com names no bound on a value of metadata; this holds every id and every name of a rule."""


def payment(request: Authorize, credentials: CheckoutComCredentials) -> Body:
    """Write the request that begins an attempt.

    Raises:
        KeyError: when the currency is not taken.
        InexactAmountError: when Checkout.com's unit cannot hold the amount.
        LookupError: when there is nothing to pay with.
    """
    body: Body = {
        "source": _source(request.token, request.data, save=request.save and request.payer_present),
        "amount": amounts.to_wire(request.money),
        "currency": request.money.currency.value,
        "capture": request.operation is Operation.PURCHASE,
        "reference": request.operation_id,
        "processing_channel_id": credentials.processing_channel_id,
        "payment_type": _payment_type(request),
        "metadata": {
            "hub_payment": request.payment_id,
            "reference": request.reference,
            KIND: request.operation.value,
            **routing_metadata(request.routed, longest=METADATA_MAX),
        },
    }
    body |= _challenge(request, credentials)
    if not request.payer_present:
        body["merchant_initiated"] = True
    if request.network_transaction_id:
        body["previous_payment_id"] = request.network_transaction_id
    if customer := _customer(request.token, request.customer_reference):
        body["customer"] = {"id": customer}
    if request.statement_descriptor and credentials.descriptor_city:
        name = request.statement_descriptor[:DESCRIPTOR_MAX]
        body["billing_descriptor"] = {"name": name, "city": credentials.descriptor_city}
    return body


def verification(request: Verify, credentials: CheckoutComCredentials) -> Body:
    """Write a card verification: a payment of nothing.

    Raises:
        KeyError: when the currency is not taken.
        LookupError: when there is nothing to verify.
    """
    body: Body = {
        "source": _source(request.token, request.data, save=request.save),
        "amount": amounts.to_wire(Money(0, request.currency)),
        "currency": request.currency.value,
        "capture": False,
        "reference": request.operation_id,
        "processing_channel_id": credentials.processing_channel_id,
        "payment_type": "Unscheduled" if request.save else "Regular",
    }
    if request.return_url is not None:
        body |= _through_3ds(request.return_url, required=False, mandate=request.save)
    if customer := _customer(request.token, request.customer_reference):
        body["customer"] = {"id": customer}
    return body


def action(request: FollowUp) -> Body:
    """Write a capture, refund or void.

    Raises:
        KeyError: when the currency is not taken.
        InexactAmountError: when Checkout.com's unit cannot hold the amount.
    """
    body: Body = {
        "reference": request.operation_id,
        "metadata": {
            "hub_payment": request.payment_id,
            "reference": request.reference,
            **routing_metadata(request.routed, longest=METADATA_MAX),
        },
    }
    if request.operation is not Operation.VOID:
        body["amount"] = amounts.to_wire(request.money)
    if request.operation is Operation.CAPTURE:
        body["capture_type"] = "Final" if request.final else "NonFinal"
    return body


def challenge_allowed(request: Authorize) -> bool:
    """Whether the payer can be sent away and comes back."""
    return request.payer_present and request.return_url is not None


def _source(token: ProcessorToken | None, data: Mapping[str, object] | None, *, save: bool) -> Body:
    if token is not None and token.token.startswith(STORED):
        return {"type": "id", "id": token.token}
    one_time = token.token if token is not None else (data or {}).get("token")
    if not isinstance(one_time, str) or not one_time:
        msg = "payment_method_data.data.token"
        raise LookupError(msg)
    source: Body = {"type": "token", "token": one_time}
    source |= {name: data[name] for name in ONE_TIME_FIELDS if data and name in data}
    return source | ({"store_for_future_use": True} if save else {})


def _customer(token: ProcessorToken | None, customer_reference: str | None) -> str | None:
    return (token.customer_reference if token else None) or customer_reference


def _payment_type(request: Authorize) -> str:
    """Say whether it belongs to a series, or lets later charges come without the payer.

    Source: https://www.checkout.com/docs/payments/accept-payments/pay-with-stored-card-details, both of its pages.
    """
    if request.recurring is not None:
        return "Recurring"
    return "Unscheduled" if request.save or not request.payer_present else "Regular"


def _challenge(request: Authorize, credentials: CheckoutComCredentials) -> Body:
    required = request.authentication is Authentication.REQUIRED
    if not challenge_allowed(request) or request.return_url is None:
        return {"3ds": {"enabled": False}}
    if request.authentication is Authentication.AVOID:
        return {"3ds": {"enabled": False}, **_way_back(request.return_url)}
    if not (required or credentials.three_ds == "always"):
        # A bank that insists makes Checkout.com upgrade the payment by itself, and then the payer has to come back.
        return _way_back(request.return_url)
    agreed = request.save or request.recurring is Recurring.INITIAL
    return _through_3ds(request.return_url, required=required, mandate=required or agreed)


def _through_3ds(return_url: str, *, required: bool, mandate: bool) -> Body:
    """Ask for 3D Secure; where it is not required, a card that knows none is charged without.

    A *mandate* has the bank challenge the payer in any case, so that it does not refuse later charges without them.
    """
    wanted: Body = {"enabled": True, "attempt_n3d": not required}
    if mandate:
        wanted["challenge_indicator"] = "challenge_requested_mandate"
    return {"3ds": wanted, **_way_back(return_url)}


def _way_back(return_url: str) -> Body:
    return {"success_url": return_url, "failure_url": return_url}
