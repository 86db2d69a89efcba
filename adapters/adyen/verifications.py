"""Cards that are verified and stored without a charge: zero-amount payments, from the hub's words and back. Pure.

Source: https://docs.adyen.com/online-payments/tokenization/create-tokens, with a zero-value auth.
"""

from typing import Final

import msgspec

from adapters.abilities import OpenTokenSession, TokenSession, Verify
from adapters.adyen import amounts, translate, wire
from adapters.adyen.client import PROCESSOR, RequestRefused
from adapters.adyen.credentials import AdyenCredentials
from adapters.contract import Authentication
from adapters.errors import OutcomeUnknownError
from normalization.declines import Decline
from normalization.outcome import Approved, Declined, Outcome, Verification
from normalization.tokens import ProcessorToken

CHANNEL: Final = "Web"


def methods_request(request: OpenTokenSession, credentials: AdyenCredentials) -> wire.PaymentMethodsRequest:
    """Ask what the payer can be offered.

    Raises:
        InexactAmountError: when Adyen's unit cannot hold the amount.
    """
    return wire.PaymentMethodsRequest(
        merchant_account=credentials.merchant_account,
        channel=CHANNEL,
        shopper_reference=session_shopper(request),
        amount=amounts.to_wire(request.money) if request.money else None,
        country_code=request.country,
        shopper_locale=request.locale,
    )


def session_shopper(request: OpenTokenSession) -> str:
    """Say under which shopper what comes of a session is stored."""
    return request.customer_reference or request.customer_id or request.session_id


def session(
    request: OpenTokenSession, offered: wire.PaymentMethods, *, client_key: str, environment: str
) -> TokenSession:
    """Give what Adyen's client-side library is started with."""
    shopper = session_shopper(request)
    client: dict[str, object] = {
        "client_key": client_key,
        "environment": environment,
        "payment_methods": msgspec.to_builtins(offered),
        "shopper_reference": shopper,
    }
    if request.country:
        client["country_code"] = request.country
    if request.money:
        client["amount"] = msgspec.to_builtins(amounts.to_wire(request.money))
    return TokenSession(client=client, customer_reference=shopper)


def request_of(request: Verify, credentials: AdyenCredentials) -> wire.PaymentRequest:
    """Write the request for nothing; the same *request* gives the same bytes.

    The payer is there where the card has just been typed in, and where a challenge may be asked.

    Raises:
        LookupError: when there is nothing to verify.
    """
    means = translate.stored(request.token) if request.token else translate.one_time(request.data)
    present = request.token is None or request.return_url is not None
    keeping = translate.storing(shopper_of(request)) if stores(request) else {}
    asked = {
        "amount": wire.Amount(value=0, currency=request.currency.value),
        "merchantAccount": credentials.merchant_account,
        "reference": request.operation_id,
        "returnUrl": request.return_url or translate.NOWHERE,
        "channel": CHANNEL,
        "shopperInteraction": "Ecommerce" if present else "ContAuth",
        "recurringProcessingModel": translate.UNSCHEDULED if keeping or request.token else None,
        "authenticationData": translate.authentication(Authentication.AUTOMATIC, may_challenge=may_challenge(request)),
    }
    return msgspec.convert({**means, **asked, **keeping}, wire.PaymentRequest)


def stores(request: Verify) -> bool:
    """Tell whether the card is to be stored; a token is already."""
    return request.save and request.token is None


def shopper_of(request: Verify) -> str:
    """Say under which shopper a new card is stored."""
    return request.customer_reference or request.customer_id or request.operation_id


def may_challenge(request: Verify) -> bool:
    """Tell whether the payer can be sent away and comes back."""
    return request.return_url is not None


def verified(request: Verify, reply: wire.PaymentReply, *, livemode: bool) -> Verification:
    """Read the answer to a verification.

    Raises:
        OutcomeUnknownError: when it says neither yes nor no, or speaks of something else.
    """
    if reply.merchant_reference not in (None, request.operation_id):
        raise OutcomeUnknownError(PROCESSOR, "the answer is about another reference")
    facts = reply.additional_data or {}
    outcome = translate.outcome_of(reply, may_challenge=may_challenge(request))
    return Verification(
        tag=request.operation_id,
        processor_reference=reply.psp_reference,
        livemode=livemode,
        outcome=outcome,
        card=translate.card_of(reply),
        avs=translate.result(facts.get("avsResult")),
        cvc=translate.result(facts.get("cvcResult")),
        raw_status=reply.result_code,
        network_transaction_id=translate.network_reference(reply),
        stored=_stored(request, reply) if isinstance(outcome, Approved) else None,
    )


def _stored(request: Verify, reply: wire.PaymentReply) -> ProcessorToken | None:
    if request.token is not None:
        return request.token
    return translate.new_token(reply, shopper_of(request)) if stores(request) else None


def refused(request: Verify, refusal: RequestRefused, *, livemode: bool) -> Verification:
    """Report a verification that Adyen did not carry out."""
    told = Declined(translate.decline_of(refusal))
    return unanswered(request, told, livemode=livemode, psp=refusal.psp_reference)


def declined(request: Verify, decline: Decline, *, livemode: bool) -> Verification:
    """Report a verification that was not sent."""
    return unanswered(request, Declined(decline), livemode=livemode)


def unanswered(request: Verify, outcome: Outcome, *, livemode: bool, psp: str | None = None) -> Verification:
    """Report what no bank has answered yet, or will."""
    return Verification(
        tag=request.operation_id, processor_reference=psp, livemode=livemode, outcome=outcome, raw_status=""
    )
