"""What to do about an operation that is due: ask, wait, cancel, or give up; pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from adapters.contract import Authorize, Capabilities, Inquiry
from hub.payments.states import OperationState, OperationStatus, Payment
from normalization.outcome import OPENING

ASKED_AFTER: Final = (1, 3, 12, 60, 360, 1_440, 5_760, 17_280)
"""When an unknown outcome is asked about again, in the setting `inquiry_first_ms`; the last goes on."""
CANCELS_MAX: Final = len(ASKED_AFTER) + 4
HORIZON: Final = timedelta(days=7)
"""How long an outcome may stay unknown before a human must find out."""


DEFINITE_AFTER_S: Final = 1.0
"""How long after the grace of a look-up is over the question comes whose "not found" is definite."""


class Step(StrEnum):
    """What to do about an operation that is due."""

    LOSE = "lose"  # Its lease ran out while it was being sent: nobody knows.
    ASK = "ask"
    WAIT = "wait"  # Asking would charge what nobody wants any more, or there is nothing to ask with.
    CANCEL = "cancel"  # Keep a late authorization from standing.
    EXPIRE = "expire"  # The payer never came back.
    GIVE_UP = "give_up"


class Windows(Struct, frozen=True, kw_only=True):
    """How long after its start a charge is still wanted, with the payer there and without."""

    present: timedelta
    off_session: timedelta


def next_step(
    payment: Payment,
    operation: OperationState,
    capabilities: Capabilities,
    windows: Windows,
    now: datetime,
    *,
    reading: bool = False,
) -> Step:
    """Decide at *now*, the instant the operation came due; a mere *reading* asks, and never ends anything."""
    match operation.status:
        case OperationStatus.SENDING:
            return Step.WAIT if reading else Step.LOSE
        case OperationStatus.REQUIRES_ACTION if operation.action_expires_at and now >= operation.action_expires_at:
            return Step.WAIT if reading else Step.EXPIRE
        case OperationStatus.REQUIRES_ACTION:
            return Step.ASK if capabilities.inquiry is Inquiry.LOOKUP else Step.WAIT
        case OperationStatus.PENDING:
            return Step.WAIT if reading else Step.GIVE_UP
        case OperationStatus.UNKNOWN:
            return _about_unknown(payment, operation, capabilities, windows, now - operation.started_at, reading)
        case _:
            return Step.WAIT  # It has ended: to ask by sending again would charge what was told to have failed.


def definite_in_s(operation: OperationState, capabilities: Capabilities, now: datetime) -> float | None:
    """Say in how many seconds to ask so that "not found" is definite; None where it is already, or nobody looks up."""
    left_s = (operation.started_at + capabilities.lookup_grace - now).total_seconds()
    if capabilities.inquiry is not Inquiry.LOOKUP or left_s <= 0:
        return None
    return left_s + DEFINITE_AFTER_S


def _about_unknown(
    payment: Payment,
    operation: OperationState,
    capabilities: Capabilities,
    windows: Windows,
    age: timedelta,
    reading: bool,  # noqa: FBT001 - passed on
) -> Step:
    if age > HORIZON and not reading:
        return Step.GIVE_UP
    if capabilities.inquiry is Inquiry.LOOKUP:
        return Step.ASK
    opens = operation.kind in OPENING
    unwanted = opens and payment.canceling
    if age < _wanted_for(operation, capabilities, windows) and not unwanted:
        # One-time data lived in its request alone: there is nothing to send again.
        return Step.WAIT if operation.one_time else Step.ASK
    if opens and operation.inquiries < CANCELS_MAX and not reading:
        return Step.CANCEL
    return Step.WAIT


def _wanted_for(operation: OperationState, capabilities: Capabilities, windows: Windows) -> timedelta:
    """How long after its start an operation may be sent again: a replay charges if the first never arrived."""
    if operation.kind not in OPENING:
        return min(capabilities.replay_for, windows.off_session)
    present = msgspec.json.decode(operation.request, type=Authorize).payer_present
    return min(capabilities.replay_for, windows.present if present else windows.off_session)
