"""Captures, refunds and voids: accepted at once, done a little later and told by webhook, whoever asked for them."""

from http import HTTPStatus
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.checkout_com import replies
from hub.sandbox.checkout_com.codes import said
from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.errors import NOT_FOUND, WireError, invalid, not_allowed
from hub.sandbox.checkout_com.records import Action, Payment, What, new_id
from hub.sandbox.checkout_com.wire import ActionRequest

Json = dict[str, Any]


class Asked(Struct, frozen=True, kw_only=True):
    """One action as it was asked for; the payment's own reference is no tag of the action."""

    amount_minor: int
    reference: str
    metadata: Json = {}
    final: bool = True


def act(desk: Desk, business: str, id: str, what: What, request: ActionRequest) -> tuple[int, Json]:
    """POST /payments/{id}/captures, refunds and voids."""
    payment = desk.payment(id)
    if payment is None or payment.business != business:
        raise WireError(NOT_FOUND)
    asked = Asked(
        amount_minor=_amount(payment, what, request.amount),
        reference=request.reference or payment.reference,
        metadata=request.metadata or payment.metadata,
        final=request.capture_type == "Final",
    )
    done = accept(desk, payment, what, asked)
    return HTTPStatus.ACCEPTED, replies.accepted(desk.url, payment, done)


def accept(desk: Desk, payment: Payment, what: What, asked: Asked) -> Action:
    """
    Take an action on.

    Raises:
        WireError: when the payment is in no state for it, or less is left.

    """
    after = _reserved(payment, what, asked)
    done = Action(
        id=new_id("act"),
        type=what,
        payment=payment.id,
        amount_minor=asked.amount_minor,
        at=desk.now(),
        reference=asked.reference,
        own_reference=asked.reference != payment.reference,
        metadata=asked.metadata,
        final=asked.final,
    )
    desk.save(after)
    desk.record(after, done)
    wait_s = float(desk.sandbox.settings(payment.account).get("action_s", 0.0))
    desk.sandbox.later(wait_s, {"do": "finish", "payment": payment.id, "action": done.id})
    return done


def finish(desk: Desk, payment: Payment, waiting: Action) -> None:
    """Do what was taken on; the card may refuse it still."""
    code = payment.action_outcome
    approved, minor = said(code).approved, waiting.amount_minor
    done = replace(waiting, approved=approved, response_code=code, at=desk.now())
    after = _finished(payment, done, minor if approved else 0)
    if approved:
        own_tag = done.reference if done.own_reference else ""
        kinds: dict[str, Any] = {"Capture": "captured", "Refund": "refunded", "Void": "voided"}
        desk.enter(after, kinds[done.type], minor, own_tag, reference=done.id)
    desk.save(after)
    desk.record(after, done)
    desk.tell(after, done)


def _amount(payment: Payment, what: What, asked_minor: int | None) -> int:
    if what == "Void":
        return payment.to_capture_minor
    left_minor = payment.to_capture_minor if what == "Capture" else payment.to_refund_minor
    minor = left_minor if asked_minor is None else asked_minor
    if minor < 0 or (minor == 0 and asked_minor is not None):
        raise invalid("amount_invalid")
    return minor


def _reserved(payment: Payment, what: What, asked: Asked) -> Payment:
    minor = asked.amount_minor
    match what:
        case "Capture":
            if not payment.to_capture_minor:
                raise not_allowed("payment_invalid")
            if minor > payment.to_capture_minor:
                raise invalid("capture_value_greater_than_remaining_authorized")
            return replace(payment, capturing_minor=payment.capturing_minor + minor, closed=asked.final)
        case "Refund":
            if not payment.to_refund_minor:
                raise not_allowed("payment_invalid")
            if minor > payment.to_refund_minor:
                raise invalid("amount_exceeds_balance")
            return replace(payment, refunding_minor=payment.refunding_minor + minor)
        case _:
            if not payment.to_capture_minor:
                raise not_allowed("payment_invalid")
            return replace(payment, voiding=True)


def _finished(payment: Payment, done: Action, minor: int) -> Payment:
    """Turn what was under way into what is done; *minor* is zero where it was refused."""
    refused = not done.approved
    if done.type == "Capture":
        return replace(
            payment,
            capturing_minor=payment.capturing_minor - done.amount_minor,
            captured_minor=payment.captured_minor + minor,
            closed=payment.closed and not (refused and done.final),
        )
    if done.type == "Refund":
        return replace(
            payment,
            refunding_minor=payment.refunding_minor - done.amount_minor,
            refunded_minor=payment.refunded_minor + minor,
        )
    if refused:
        return replace(payment, voiding=False)
    # What was captured before stands: only the rest is given back.
    return replace(payment, voiding=False, closed=True, status="authorized" if payment.captured_minor else "voided")
