"""Cards that are verified and kept without a charge: SetupIntents, from the hub's words and back. Pure.

Source: https://docs.stripe.com/payments/setupintents/lifecycle, https://docs.stripe.com/api/setup_intents/create.
"""

from typing import Final

from adapters.abilities import OpenTokenSession, TokenSession, Verify
from adapters.contract import TokenNews
from adapters.errors import OutcomeUnknownError
from adapters.stripe import parameters, translate
from adapters.stripe.declines import decline_of
from adapters.stripe.parameters import CUSTOMER, OPERATION, Parameters
from adapters.stripe.wire import Error, PaymentMethod, SetupIntent, id_of
from normalization.declines import Decline, DeclineCode
from normalization.outcome import ActionRequired, Approved, Declined, Outcome, Pending, Verification
from normalization.tokens import ProcessorToken

PATH: Final = "/v1/setup_intents"


def opening(request: OpenTokenSession, customer: str) -> Parameters:
    """Create a SetupIntent that the payer's browser confirms."""
    told = {CUSTOMER: request.customer_id} if request.customer_id else {}
    return _setting_up(request.session_id) | {"customer": customer, "metadata": {OPERATION: request.session_id, **told}}


def session(told: SetupIntent, publishable_key: str, customer: str) -> TokenSession:
    """Give what Stripe.js is started with.

    Raises:
        OutcomeUnknownError: when Stripe made a SetupIntent without a client secret.
    """
    if told.client_secret is None:
        raise OutcomeUnknownError("stripe", "a SetupIntent without client_secret")
    client = {
        "publishable_key": publishable_key,
        "client_secret": told.client_secret,
        "setup_intent": told.id,
        "customer": customer,
    }
    return TokenSession(client=client, customer_reference=customer, processor_reference=told.id)


def refusal(request: Verify) -> Decline | None:
    """Say why *request* cannot be sent, or None where it can."""
    return parameters.no_means(request.token, request.data)


def verifying(request: Verify, customer: str | None) -> Parameters:
    """Create and confirm a SetupIntent in one request."""
    sent = _setting_up(request.operation_id) | parameters.means(request.token, request.data, customer)
    sent |= {"confirm": True, "expand": ["payment_method"]}
    return sent | {"return_url": request.return_url} if request.return_url else sent


def _setting_up(tag: str) -> Parameters:
    return {"allowed_payment_method_types": ["card"], "usage": "off_session", "metadata": {OPERATION: tag}}


def verified(request: Verify, told: SetupIntent) -> Verification:
    """Report on the verification that made *told*.

    Raises:
        OutcomeUnknownError: when it is another verification's, or of a status that is not known here.
    """
    if told.metadata.get(OPERATION, request.operation_id) != request.operation_id:
        raise OutcomeUnknownError("stripe", "asked about one verification and told of another")
    method = told.payment_method if isinstance(told.payment_method, PaymentMethod) else None
    failed = told.last_setup_error.payment_method if told.last_setup_error else None
    return _verification(request, _outcome(told), told, method or failed, livemode=told.livemode)


def refused(request: Verify, error: Error, *, livemode: bool) -> Verification:
    """Report a verification that Stripe answered with an error."""
    return _verification(
        request, Declined(decline_of(error)), error.setup_intent, error.payment_method, livemode=livemode
    )


def never_sent(request: Verify, decline: Decline, *, livemode: bool) -> Verification:
    """Report a verification that was not sent, because Stripe cannot take it."""
    return _verification(request, Declined(decline), None, None, livemode=livemode)


def _verification(
    request: Verify, outcome: Outcome, told: SetupIntent | None, method: PaymentMethod | None, *, livemode: bool
) -> Verification:
    card = method.card if method else None
    return Verification(
        tag=request.operation_id,
        processor_reference=told.id if told else None,
        livemode=livemode,
        outcome=outcome,
        card=translate.facts(card) if card else None,
        avs=translate.address_checks(card),
        cvc=card.checks.cvc_check if card and card.checks else None,
        raw_status=told.status if told else "",
        stored=_stored(told) if told and isinstance(outcome, Approved) else None,
    )


def _outcome(told: SetupIntent) -> Outcome:
    match told.status:
        case "succeeded":
            return Approved()
        case "processing":
            return Pending()
        case "requires_action":
            return _action(told)
        case "requires_payment_method" | "canceled":
            return Declined(_why_not(told))
        case _:
            raise OutcomeUnknownError("stripe", f"SetupIntent {told.status}")


def _action(told: SetupIntent) -> Outcome:
    """Send the payer to a page; without a return address there is none, and the challenge cannot be done."""
    step = told.next_action
    if step and step.redirect_to_url and step.redirect_to_url.url:
        return ActionRequired(method="GET", url=step.redirect_to_url.url, continuation=told.id)
    kind = step.type if step else "none"
    return Declined(Decline(code=DeclineCode.AUTHENTICATION_REQUIRED, processor_code=f"requires_action/{kind}"))


def _why_not(told: SetupIntent) -> Decline:
    if told.last_setup_error:
        return decline_of(told.last_setup_error)
    code = DeclineCode.CUSTOMER_CANCELLED if told.status == "canceled" else DeclineCode.GENERIC_DECLINE
    return Decline(code=code, processor_code=told.status)


def _stored(told: SetupIntent) -> ProcessorToken | None:
    """Give the PaymentMethod as a token; without a customer Stripe does not let it be charged."""
    method, customer = id_of(told.payment_method), id_of(told.customer)
    if method is None or customer is None:
        return None
    return ProcessorToken(processor="stripe", token=method, customer_reference=customer)


def news(told: SetupIntent) -> list[TokenNews]:
    """Tell of the card that a succeeded SetupIntent keeps."""
    token = _stored(told) if told.status == "succeeded" else None
    tag = told.metadata.get(OPERATION)
    return [TokenNews(tag=tag, parent_reference=told.id, token=token, livemode=told.livemode)] if token else []
