"""POST /payments: from the request to held money, or to the bank's page and back."""

import secrets
import string
from http import HTTPStatus
from typing import Any, Final

from msgspec.structs import replace

from hub.sandbox.checkout_com import actions, replies
from hub.sandbox.checkout_com.cards import APPROVED, BY_NUMBER, Instrument
from hub.sandbox.checkout_com.codes import said
from hub.sandbox.checkout_com.currencies import AMOUNT_MAX, DECIMALS, STEP
from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.errors import invalid
from hub.sandbox.checkout_com.records import Action, Payment, new_id
from hub.sandbox.checkout_com.tokens import Token, spend
from hub.sandbox.checkout_com.wire import PaymentRequest, Source

Json = dict[str, Any]

CHALLENGE_S: Final = 15 * 60.0
MUST_AUTHENTICATE: Final = "20154"
FAILED: Final = "20151"
ABANDONED: Final = "20152"
_TYPES: Final = {"Regular", "Recurring", "MOTO", "Installment", "Unscheduled"}
_URL: Final = ("http://", "https://")


def pay(desk: Desk, business: str, request: PaymentRequest) -> tuple[int, Json]:
    """Authorise, refuse, or ask for a challenge first."""
    source = _checked(request)
    instrument = _instrument(desk, source, request)
    card = BY_NUMBER[instrument.card]
    wanted = request.three_ds.enabled and not request.merchant_initiated
    challenged = wanted and instrument.enrolled
    if wanted and not instrument.enrolled and not request.three_ds.attempt_n3d:
        raise invalid("3ds_not_enabled_for_card")
    payment = Payment(
        id=new_id("pay"),
        action_id=new_id("act"),
        business=business,
        account=request.processing_channel_id,
        reference=request.reference,
        currency=request.currency,
        amount_minor=request.amount,
        number=card.number,
        instrument=instrument.id,
        at=desk.now(),
        capture=request.capture and request.amount > 0,
        outcome=instrument.outcome or card.outcome,
        action_outcome=instrument.action_outcome,
        payment_type=request.payment_type,
        customer=instrument.customer or request.customer.id,
        metadata=request.metadata,
        success_url=request.success_url,
        failure_url=request.failure_url,
        sid=new_id("sid") if challenged else "",
        enrolled="" if not wanted else "Y" if instrument.enrolled else "N",
        downgraded=wanted and not instrument.enrolled,
        cvv_check="Y" if source.cvv else "",
        scheme_id="".join(secrets.choice(string.digits) for _ in range(15)),
    )
    if challenged:
        desk.save(payment)
        desk.sandbox.later(CHALLENGE_S, {"do": "abandon", "payment": payment.id})
        return HTTPStatus.ACCEPTED, replies.opened(desk.url, payment, desk.source(payment))
    ended = conclude(desk, payment, payment.outcome)
    return HTTPStatus.CREATED, replies.opened(desk.url, ended, desk.source(ended))


def challenge_answered(desk: Desk, payment: Payment, *, passed: bool) -> str:
    """Go on as the payer chose; returns where the browser goes."""
    code = payment.outcome if passed else FAILED
    # A bank that wanted the payer asked has now seen them.
    ended = conclude(desk, payment, APPROVED if code == MUST_AUTHENTICATE else code)
    to = payment.success_url if ended.status in {"authorized", "verified"} else payment.failure_url
    return f"{to}{'&' if '?' in to else '?'}cko-session-id={payment.sid}"


def abandon(desk: Desk, payment: Payment) -> None:
    """End a challenge that nobody answered."""
    if payment.status == "pending":
        conclude(desk, payment, ABANDONED)


def conclude(desk: Desk, payment: Payment, code: str) -> Payment:
    """Write down how an authorization ended, enter its money, tell it by webhook."""
    answer, verified = said(code), not payment.amount_minor
    status = "declined" if not answer.approved else "verified" if verified else "authorized"
    ended = replace(payment, status=status, response_code=code)
    done = Action(
        id=payment.action_id,
        type="Card Verification" if verified else "Authorization",
        payment=payment.id,
        amount_minor=payment.amount_minor,
        at=desk.now(),
        reference=payment.reference,
        metadata=payment.metadata,
        approved=answer.approved,
        response_code=code,
    )
    if answer.approved and not verified:
        desk.enter(ended, "authorized", ended.amount_minor, reference=ended.action_id)
    desk.record(ended, done)
    desk.save(ended)
    failed = code in {FAILED, ABANDONED}
    desk.tell(ended, done, "payment_authentication_failed" if failed else "")
    if ended.capture and answer.approved:
        automatic = actions.Asked(amount_minor=ended.amount_minor, reference=ended.reference, metadata=ended.metadata)
        actions.accept(desk, ended, "Capture", automatic)
        return desk.payment(ended.id) or ended
    return ended


def _checked(request: PaymentRequest) -> Source:
    """Check that a payment says what it must."""
    if request.source is None:
        raise invalid("payment_source_required")
    if not request.currency:
        raise invalid("currency_required")
    if request.currency not in DECIMALS:
        raise invalid("currency_invalid")
    if not 0 <= request.amount <= AMOUNT_MAX or request.amount % STEP.get(request.currency, 1):
        raise invalid("amount_invalid")
    if not request.processing_channel_id.startswith("pc_"):
        raise invalid("processing_channel_id_required" if not request.processing_channel_id else "business_invalid")
    if request.payment_type not in _TYPES:
        raise invalid("payment_type_invalid")
    urls = {"success_url": request.success_url, "failure_url": request.failure_url}
    wrong = [f"{name}_invalid" for name, url in urls.items() if url and not url.startswith(_URL)]
    if wrong:
        raise invalid(*wrong)
    if request.three_ds.enabled and not request.merchant_initiated and not all(urls.values()):
        raise invalid("success_url_required")
    return request.source


def _instrument(desk: Desk, source: Source, request: PaymentRequest) -> Instrument:
    """Find the card; one that is to be stored is stored now."""
    if source.type == "id":
        found = desk.instrument(source.id)
        if found is None:
            raise invalid("source_id_unknown" if source.id else "source_id_required")
        return found
    if source.type == "token":
        token = spend(desk, source.token)
    elif source.type == "card" and source.number in BY_NUMBER:
        token = Token(source.number)
    else:
        raise invalid("card_number_invalid" if source.type == "card" else "source_type_required")
    instrument = Instrument(id=new_id("src"), card=token.card, enrolled=token.enrolled, customer=request.customer.id)
    if source.store_for_future_use:
        instrument = replace(instrument, customer=instrument.customer or new_id("cus"))
        desk.store(instrument)
    return instrument
