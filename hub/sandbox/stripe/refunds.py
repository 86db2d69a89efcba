"""Refunds: several of one charge, never more than was captured."""

from hub.sandbox.book import Body
from hub.sandbox.stripe import balances, charging, currencies, disputes, form, objects
from hub.sandbox.stripe.call import TAG, Call
from hub.sandbox.stripe.errors import InvalidError, StateError

CREATE = frozenset({
    "payment_intent", "charge", "amount", "reason", "metadata", "expand", "currency", "instructions_email",
    "refund_application_fee", "reverse_transfer", "origin",
})  # fmt: skip
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(call: Call) -> Body:
    """Refund a charge, in whole or in part."""
    form.known(call.form, CREATE)
    intent, charge = _target(call)
    amount = form.integer(call.form, "amount")
    metadata = form.metadata(call.form, {})
    reason = form.choice(call.form, "reason", REASONS)
    return make(call, intent, charge, amount, reason=reason, metadata=metadata)


def make(
    call: Call, intent: Body, charge: Body, amount: int | None, *, reason: str | None, metadata: dict[str, str]
) -> Body:
    """
    Refund *amount* of a charge, or what is left of it.

    Raises:
        StateError: when the charge is refunded, disputed or not captured.
        InvalidError: when *amount* is more than is left.

    """
    left = disputes.left_of(charge)
    _check_state(charge, left)
    wanted = left if amount is None else amount
    if not 1 <= wanted <= left:
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})"
        raise InvalidError(message, param="amount")
    currencies.check_step(wanted, charge["currency"])
    made = objects.refund(charge, wanted, call.now())
    made.update(metadata=metadata, reason=reason)
    charging.pay_back(call, intent, charge, made)
    return made


def update(call: Call, id: str) -> Body:
    """Change a refund's metadata."""
    form.known(call.form, {"metadata", "expand"})
    refund = call.find("refund", id)
    refund["metadata"] = form.metadata(call.form, refund["metadata"])
    call.save(refund)
    call.tell("refund.updated", of=refund)
    return refund


def finish(call: Call, id: str) -> None:
    """Bring a refund that took time to its end: the pending succeeds, the succeeded fails."""
    refund = call.find("refund", id)
    intent, charge = call.find("payment_intent", refund["payment_intent"]), call.find("charge", refund["charge"])
    if refund["status"] == "pending":
        charging.settle(call, intent, refund)
        call.save(refund)
        call.tell("refund.updated", "charge.refund.updated", of=refund)
        return
    tag = str(refund["metadata"].get(TAG, ""))
    line = balances.enter(call, "refund_failure", refund, refund["amount"], tag=tag)
    refund.update(status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=line["id"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    call.money("refunded", intent, -refund["amount"], tag)
    call.save(charge)
    call.save(refund)
    call.tell("refund.updated", "refund.failed", "charge.refund.updated", of=refund)


def _target(call: Call) -> tuple[Body, Body]:
    intent_id, charge_id = form.text(call.form, "payment_intent"), form.text(call.form, "charge")
    if charge_id is not None:
        charge = call.find("charge", charge_id, in_path=False)
        return call.find("payment_intent", charge["payment_intent"]), charge
    if intent_id is None:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise InvalidError(message, code="parameter_missing")
    intent = call.find("payment_intent", intent_id, param="payment_intent", in_path=False)
    if intent["latest_charge"] is None:
        message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
        raise StateError(message, code="payment_intent_unexpected_state", param="payment_intent")
    return intent, call.find("charge", intent["latest_charge"])


def _check_state(charge: Body, left: int) -> None:
    id = charge["id"]
    if not charge["captured"]:
        message = f"This payment ({charge['payment_intent']}) does not have a successful charge to refund."
        raise StateError(message, code="payment_intent_unexpected_state", param="payment_intent")
    if charge["amount_refunded"] >= charge["amount_captured"]:
        raise StateError(f"Charge {id} has already been refunded.", code="charge_already_refunded")
    if left <= 0:
        raise StateError(f"Charge {id} has been charged back; cannot issue a refund.", code="charge_disputed")
