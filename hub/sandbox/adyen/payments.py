"""POST /payments and /payments/details: from the request to held money, or to the bank's page and back."""

import base64
import binascii
import secrets
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from hub.sandbox.adyen import decide, notices, replies, tokens
from hub.sandbox.adyen.cards import BY_NUMBER, EXPIRY, Token
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.errors import IN_USE, WRONG_DETAILS, WireError
from hub.sandbox.adyen.records import Payment, Step, Ticket
from hub.sandbox.adyen.refusals import (
    AUTHORISED,
    GIVEN_UP,
    MUST_AUTHENTICATE,
    NOT_AUTHENTICATED,
    Answer,
    triggered,
)
from hub.sandbox.adyen.wire import DetailsRequest, PaymentRequest

PAGE = "/hpp/threeds"
LATE_S = 60.0
"""How long after a success its announced failure comes, where the account has no `late_failure_s`."""

RECAPTURED: Final = "capture recaptured"
FAILING_CAPTURES: Final = frozenset({"capture failed", RECAPTURED})
"""The card holders whose captures fail later; the first one's are then taken again."""

Json = dict[str, Any]


def pay(desk: Desk, request: PaymentRequest) -> tuple[int, Json]:
    """Authorise, refuse, or ask for a challenge first."""
    amount, method = decide.checked(request)
    token = None
    if method.stored_payment_method_id:
        token = decide.usable(desk.token(method.stored_payment_method_id), request.shopper_reference)
    card = BY_NUMBER[token.card] if token else decide.card_of(method)
    payment = Payment(
        id=replies.new_psp(),
        account=request.merchant_account,
        reference=request.reference,
        currency=amount.currency,
        amount_minor=amount.value,
        number=card.number,
        trigger=decide.trigger_of(request, method, token),
        holder_name=method.holder_name or (token.holder_name if token else ""),
        interaction=request.shopper_interaction,
        recurring_model=request.recurring_processing_model,
        shopper_reference=request.shopper_reference,
        token=token.id if token else "",
        store=request.store_payment_method and not token,
        return_url=request.return_url,
        metadata=request.metadata,
        expiry=token.expiry if token else EXPIRY,
        security_code=bool(method.encrypted_security_code or method.cvc),
        capture_delay_s=decide.capture_delay_s(request, desk.settings(request.merchant_account)),
    )
    wrong = None if token else decide.refused_details(method, card)
    challenge = wrong or decide.challenge_for(request, card)
    if isinstance(challenge, str):
        return HTTPStatus.OK, _challenge(desk, payment, challenge)
    return HTTPStatus.OK, _conclude(desk, payment, challenge or triggered(payment.trigger))


def complete(desk: Desk, request: DetailsRequest) -> tuple[int, Json]:
    """Finish what the payer was asked for."""
    id, passed = _returned(request)
    ticket = desk.ticket(id)
    if ticket is None or ticket.step == "open":
        raise WireError(WRONG_DETAILS)
    payment = desk.payment(ticket.account, ticket.payment)
    if payment is None:
        raise WireError(WRONG_DETAILS)
    if ticket.used or payment.status in {"authorised", "refused"}:
        raise WireError(IN_USE)
    desk.issue(replace(ticket, used=True))
    if payment.status == "cancelled":
        return HTTPStatus.OK, _conclude(desk, payment, GIVEN_UP)
    if ticket.step == "fingerprint":
        action = replies.native("challenge", _issued(desk, payment, "challenge").id)
        return HTTPStatus.OK, replies.challenged(payment, "ChallengeShopper", action)
    proven = ticket.passed if ticket.step == "returned" else passed
    return HTTPStatus.OK, _conclude(desk, payment, _after_challenge(payment, proven=proven))


def ticket_in(desk: Desk, body: Json) -> Ticket | None:
    """Find the challenge that a request to /payments/details is about, whatever else is wrong with it."""
    try:
        request = msgspec.convert(body, DetailsRequest)
    except msgspec.ValidationError:
        return None
    return desk.ticket(_returned(request)[0])


def page_answered(desk: Desk, ticket: Ticket, *, passed: bool) -> Ticket:
    """Note the payer's choice and make what the browser brings back."""
    desk.issue(replace(ticket, used=True))
    brought = replace(ticket, id=_new_ticket(), step="returned", passed=passed, used=False)
    desk.issue(brought)
    return brought


def _challenge(desk: Desk, payment: Payment, challenge: decide.Challenge) -> Json:
    desk.save(payment)
    if challenge == "native":
        action = replies.native("fingerprint", _issued(desk, payment, "fingerprint").id)
        return replies.challenged(payment, "IdentifyShopper", action)
    ticket = _issued(desk, payment, "open", form=challenge == "form")
    url = f"{desk.sandbox.url}{PAGE}"
    if ticket.form:
        form = {"MD": ticket.id, "PaReq": secrets.token_urlsafe(48), "TermUrl": payment.return_url}
        return replies.challenged(payment, "RedirectShopper", replies.redirect(url, form))
    return replies.challenged(payment, "RedirectShopper", replies.redirect(f"{url}/{ticket.id}"))


def _issued(desk: Desk, payment: Payment, step: Step, *, form: bool = False) -> Ticket:
    ticket = Ticket(id=_new_ticket(), payment=payment.id, account=payment.account, step=step, form=form)
    desk.issue(ticket)
    return ticket


def _new_ticket() -> str:
    return secrets.token_urlsafe(32)


def _after_challenge(payment: Payment, *, proven: bool) -> Answer:
    if not proven:
        return NOT_AUTHENTICATED
    answer = triggered(payment.trigger)
    return AUTHORISED if answer.code == MUST_AUTHENTICATE.code else answer


def _returned(request: DetailsRequest) -> tuple[str, bool]:
    """Return which ticket came back, and, where the details themselves say so, whether the payer passed."""
    details = request.details
    if details is None:
        return request.payment_data, False
    if details.redirect_result or details.pa_res:
        return details.redirect_result or (details.pa_res if details.md else ""), False
    told = _native(details.three_ds_result or details.challenge_result)
    return str(told.get("authorisationToken") or request.payment_data), told.get("transStatus") == "Y"


def _native(encoded: str) -> Json:
    """Read what Adyen's JavaScript made: base64 of JSON with `transStatus`."""
    try:
        return msgspec.json.decode(base64.b64decode(encoded + "=" * (-len(encoded) % 4)), type=dict[str, Any])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return {}


def _conclude(desk: Desk, payment: Payment, answer: Answer) -> Json:
    """Write down an authorisation's outcome, enter its money, tell it by webhook."""
    auth_code, at = replies.new_auth_code(), desk.now()
    asked_minor = payment.amount_minor
    ended = _approved(desk, payment, answer) if answer.approved else replace(payment, status="refused")
    desk.save(ended)
    # Real accounts show tokens in answers only where that is switched on; the webhook tells them always.
    shows_token = not desk.settings(ended.account).get("tokens_by_webhook_only")
    told = notices.authorisation(ended, answer, auth_code, asked_minor, at, shows_token=shows_token)
    desk.notify(ended.account, told)
    if answer.approved:
        if ended.store and ended.token:
            desk.notify(ended.account, notices.stored(ended, at))
            _tell_token(desk, ended)
        _capture_by_itself(desk, ended)
    return replies.result(ended, answer, auth_code, shows_token=shows_token)


def _tell_token(desk: Desk, payment: Payment) -> None:
    token = desk.token(payment.token)
    if token is not None:
        tokens.tell(desk, token, "created", payment.account, payment.shopper_reference)


def _approved(desk: Desk, payment: Payment, answer: Answer) -> Payment:
    minor = payment.amount_minor // 2 if answer.partial else payment.amount_minor
    token = payment.token
    if payment.store and payment.shopper_reference:
        token = replies.new_psp()
        desk.store(Token(
            id=token, card=payment.number, shopper_reference=payment.shopper_reference,
            holder_name=payment.holder_name, first_psp=payment.id,
        ))  # fmt: skip
    at_once = payment.capture_delay_s == 0 and minor > 0
    held = replace(payment, status="authorised", amount_minor=minor, token=token)
    desk.enter(held, "authorized", minor)
    if not at_once:
        return held
    captured = replace(held, captured_minor=minor, captures=1, capture_psp=replies.new_psp())
    desk.enter(captured, "captured", minor, psp=captured.capture_psp)
    return captured


def _capture_by_itself(desk: Desk, payment: Payment) -> None:
    job = {"account": payment.account, "payment": payment.id}
    if payment.capture_delay_s and payment.amount_minor:
        desk.sandbox.later(payment.capture_delay_s, job | {"do": "capture"})
    elif payment.captures:
        announce_failure(desk, payment, FAILING_CAPTURES, "CAPTURE_FAILED", payment.captured_minor)


def late_s(desk: Desk, payment: Payment) -> float:
    """Say how long after a success its announced failure comes, in seconds."""
    return float(desk.settings(payment.account).get("late_failure_s", LATE_S))


def announce_failure(
    desk: Desk,
    payment: Payment,
    holder_names: Collection[str],
    event: str,
    amount_minor: int,
    psp: str = "",
    reference: str = "",
) -> None:
    """Let a success turn out a failure later, where the card holder's name is one of those."""
    if payment.holder_name not in holder_names:
        return
    desk.sandbox.later(late_s(desk, payment), {
        "do": "undo", "account": payment.account, "payment": payment.id, "event": event,
        "amount_minor": amount_minor, "psp": psp or replies.new_psp(), "reference": reference,
    })  # fmt: skip
