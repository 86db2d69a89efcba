"""All that a PaymentIntent proves as it stands: what opened it, every capture, its end. Pure.

One look at the object answers for every event about it, in whatever order and however many of them were lost.
"""

from msgspec.structs import replace

from adapters.stripe import translate
from adapters.stripe.wire import Charge, PaymentIntent
from normalization.outcome import Approved, Operation, Report


def payment(intent: PaymentIntent) -> list[Report]:
    """Report everything that *intent* proves.

    Raises:
        OutcomeUnknownError: when its status is none that we know, or not settled yet.
    """
    opened = translate.opening_kind(intent)
    match intent.status:
        case "succeeded" if opened is Operation.AUTHORIZE:
            return [translate.opening(intent, opened), *captures(intent)]
        case "requires_capture":
            return [translate.opening(intent, opened), *captures(intent)]
        case "canceled":
            return [*_held(intent), translate.void(intent, None)]
        case "processing" | "requires_payment_method":
            return unfinished(intent)
        case _:
            return [translate.opening(intent, opened)]


def unfinished(intent: PaymentIntent) -> list[Report]:
    """Report a payment on its way or refused: its opening, or the capture of ours that had been begun."""
    tag = translate.latest_capture(intent)
    if tag is not None and translate.opening_kind(intent) is Operation.AUTHORIZE:
        return [translate.begun_capture(intent, tag)]
    return [translate.opening(intent, translate.opening_kind(intent))]


def captures(intent: PaymentIntent) -> list[Report]:
    """Report what was captured: the one capture, or each of ours and what other hands took beyond them.

    While more can be captured, a capture that nobody noted on the PaymentIntent cannot be told from the next one.
    """
    noted = translate.noted_captures(intent)
    if not noted:
        held = intent.status == "requires_capture"
        return [] if held else [translate.capture(intent, translate.latest_capture(intent))]
    if not intent.amount_received:
        return []
    ours = [translate.capture(intent, tag, multicapture=True) for tag in noted]
    beyond = translate.captured_by_others(intent)
    return [*ours, replace(ours[0], tag=None, processor_reference=intent.id, money=beyond)] if beyond else ours


def _held(intent: PaymentIntent) -> list[Report]:
    """Report the authorization that was let go, where the charge that came along proves that there was one."""
    charge = intent.latest_charge
    if translate.opening_kind(intent) is not Operation.AUTHORIZE or not isinstance(charge, Charge):
        return []
    if charge.status != "succeeded":
        return []
    return [replace(translate.opening(intent, Operation.AUTHORIZE), outcome=Approved())]
