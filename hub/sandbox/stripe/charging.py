"""
What happens to money: attempts, captures, releases, refunds, disputes. Every movement is entered in the book.

What a capture leaves or a cancel lets go is no refund: neither `amount_refunded` nor `charge.refunded` tells of it.
Source: docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow,
docs.stripe.com/changelog/endive/2026-09-30/payment-method-type-payment-failures.
"""

from hub.sandbox.book import Body
from hub.sandbox.stripe import balances, cards, objects
from hub.sandbox.stripe.call import TAG, Call
from hub.sandbox.stripe.cards import Card, Decline
from hub.sandbox.stripe.errors import DOCS, CardError

AUTHORIZED_FOR_S = 7 * 86_400
SETTLE_DELAY_S = 1.0


def attempt(call: Call, intent: Body, method: Body, *, challenged: bool = False) -> None:
    """
    Charge a PaymentIntent's whole amount to a PaymentMethod.

    Raises:
        CardError: when the card is refused; the PaymentIntent then waits for another PaymentMethod.

    """
    card = cards.card_of(method)
    charge = objects.charge(intent, method, card, call.now(), challenged=challenged)
    intent["latest_charge"] = charge["id"]
    intent["next_action"] = None
    if card.decline is not None:
        _refuse_charge(call, charge, card, card.decline)
        raise refuse(call, intent, method, card.decline, charge_id=charge["id"])
    intent["payment_method"] = method["id"]
    intent["last_payment_error"] = None
    call.money("authorized", intent, intent["amount"])
    call.save(charge, parent=intent["id"])
    _use(call, intent, method, challenged=challenged)
    if intent["capture_method"] == "manual":
        _hold(call, intent, charge)
    else:
        capture(call, intent, charge, intent["amount"], final=True)


def refuse(call: Call, intent: Body, method: Body, decline: Decline, *, charge_id: str | None = None) -> CardError:
    """Put a PaymentIntent back to waiting for a PaymentMethod; return the error to raise."""
    fields: Body = {
        "advice_code": decline.advice_code,
        "charge": charge_id,
        "decline_code": decline.decline_code,
        "network_decline_code": decline.network_decline_code,
        "payment_method": objects.public(method),
    }
    told = {"code": decline.code, "doc_url": DOCS + decline.code.replace("_", "-"), "message": decline.message}
    stored = {**told, **fields, "payment_method_type": method["type"], "type": "card_error"}
    intent["last_payment_error"] = {name: value for name, value in stored.items() if value is not None}
    intent.update(status="requires_payment_method", payment_method=None, next_action=None)
    call.save(intent)
    call.tell("payment_intent.payment_failed", of=intent)
    shown = objects.public(intent)
    return CardError(decline.message, code=decline.code, **fields, payment_intent=shown)


def _refuse_charge(call: Call, charge: Body, card: Card, decline: Decline) -> None:
    charge.update(
        status="failed", paid=False, failure_code=decline.code, failure_message=decline.message,
        outcome=objects.refused(card, decline), balance_transaction=None,
    )  # fmt: skip
    call.save(charge, parent=charge["payment_intent"])
    call.tell("charge.failed", of=charge)


def _use(call: Call, intent: Body, method: Body, *, challenged: bool) -> None:
    """Attach the PaymentMethod where that was asked; else a PaymentMethod without a customer is used up."""
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        method["customer"] = intent["customer"]
        call.tell("payment_method.attached", of=method)
    if intent["setup_future_usage"] == "off_session" and challenged:
        method["_set_up"] = True
    if not method["customer"]:
        method["_used"] = True
    call.save(method, parent=method["customer"])


def _hold(call: Call, intent: Body, charge: Body) -> None:
    intent.update(status="requires_capture", amount_capturable=intent["amount"])
    charge["payment_method_details"]["card"]["capture_before"] = call.now() + AUTHORIZED_FOR_S
    call.save(charge)
    call.save(intent)
    call.tell("charge.succeeded", of=charge)
    call.tell("payment_intent.amount_capturable_updated", of=intent)
    call.sandbox.later(AUTHORIZED_FOR_S, {"do": "expire", "account": call.account, "id": intent["id"]})


def capture(call: Call, intent: Body, charge: Body, amount: int, *, final: bool, own_tag: str = "") -> None:
    """Take *amount* of what is authorized; a final capture releases the rest."""
    held = intent["status"] == "requires_capture"
    charge.update(amount_captured=charge["amount_captured"] + amount, captured=final)
    card = cards.BY_NAME[charge["_card"]]
    tag = own_tag or str(intent["_tag"])
    later = not card.available_now
    line = balances.enter(call, "charge", charge, amount, costs="a charge", tag=tag, later=later)
    charge["balance_transaction"] = line["id"]
    call.money("captured", intent, amount, own_tag)
    left = intent["amount"] - charge["amount_captured"]
    if final and left:
        call.money("voided", intent, left, own_tag)
    intent.update(
        amount_received=charge["amount_captured"],
        amount_capturable=0 if final else left,
        status="succeeded" if final else "requires_capture",
    )
    call.save(charge)
    call.save(intent)
    call.tell("charge.captured" if held else "charge.succeeded", of=charge)
    call.tell("payment_intent.succeeded" if final else "payment_intent.amount_capturable_updated", of=intent)
    _afterwards(call, charge, card)


def release(call: Call, intent: Body, reason: str | None, own_tag: str = "") -> None:
    """Cancel a PaymentIntent; what was authorized and not captured is let go."""
    left = intent["amount_capturable"]
    if left:
        _let_go(call, intent, left, own_tag)
    intent.update(
        status="canceled",
        canceled_at=call.now(),
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    call.save(intent)
    call.tell("payment_intent.canceled", of=intent)


def expire(call: Call, intent: Body) -> None:
    """Let an authorization go that was not captured in time."""
    release(call, intent, "expired")
    call.tell("charge.expired", of=call.find("charge", intent["latest_charge"]))


def _let_go(call: Call, intent: Body, left: int, own_tag: str) -> None:
    charge = call.find("charge", intent["latest_charge"])
    charge["captured"] = bool(charge["amount_captured"])
    call.save(charge)
    call.money("voided", intent, left, own_tag)


def pay_back(call: Call, intent: Body, charge: Body, refund: Body) -> None:
    """Carry out a refund that passed its checks, or begin it where the card's refunds take time."""
    card = cards.BY_NAME[charge["_card"]]
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] >= charge["amount_captured"]
    if card.refund == "pends":
        refund.update(status="pending", pending_reason="processing")
    else:
        settle(call, intent, refund)
    call.save(charge)
    call.save(refund, parent=intent["id"])
    call.tell("refund.created", of=refund)
    call.tell("charge.refunded", of=charge)
    if card.refund != "succeeds":
        settings = call.sandbox.settings(call.account)
        job = {"do": "finish_refund", "account": call.account, "id": refund["id"]}
        call.sandbox.later(float(settings.get("settle_delay_s", SETTLE_DELAY_S)), job)


def settle(call: Call, intent: Body, refund: Body) -> None:
    """Let a refund's money go back to the payer."""
    tag = str(refund["metadata"].get(TAG, ""))
    line = balances.enter(call, "refund", refund, -refund["amount"], tag=tag)
    refund.pop("pending_reason", None)
    refund.update(status="succeeded", balance_transaction=line["id"])
    call.money("refunded", intent, refund["amount"], tag)


def _afterwards(call: Call, charge: Body, card: Card) -> None:
    job = {"account": call.account, "id": charge["id"]}
    if card.dispute and charge["captured"]:
        call.sandbox.later(0.0, {"do": "dispute", "kind": card.dispute, **job})
    if card.fraud_warning and charge["captured"]:
        call.sandbox.later(0.0, {"do": "fraud_warning", **job})
