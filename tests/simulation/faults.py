"""What can go wrong, and in which step: the table of faults by steps."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Fault(StrEnum):
    """One way in which one step goes wrong."""

    # A call to a processor.
    REFUSED = "refused"  # Nothing was sent.
    RATE_LIMITED = "rate limited"  # It said that it did not act.
    UNAUTHORIZED = "unauthorized"  # Our account was refused.
    SILENT_BEFORE = "silent, not done"
    SILENT_AFTER = "silent, done"
    HANGS_AFTER = "hangs, done"  # Beyond every deadline: the hub's own ends it.
    RESET_BEFORE = "reset, not done"
    RESET_AFTER = "reset, done"
    ERROR_BEFORE = "5xx, not done"
    ERROR_AFTER = "5xx, done"
    GARBLED = "unreadable, done"
    KEY_IN_USE = "key in use"  # Another sending of the same request is under way there.
    ARRIVES_LATE = "done later"  # The request is on its way still, when nobody waits any more.
    # What the processor says of an operation.
    DECLINE_SOFT = "declined, another may"
    DECLINE_HARD = "declined, hard"
    DECLINE_FRAUD = "declined, fraud"
    CHALLENGE = "challenge"
    PENDING = "pending"
    LATE_NO = "pending, then no"
    LATE_YES = "no, then yes"
    PARTLY = "approved for less"
    BEYOND = "approved for more"
    FAILS_LATER = "fails later"
    BY_HAND = "done by other hands"
    # A commit.
    AWAY = "database away"  # The connection cannot be had.
    UNDONE = "lost in commit, undone"
    DONE = "lost in commit, done"
    # A process, at an await.
    CRASH_BEFORE = "killed before"
    CRASH_INSIDE = "killed inside"
    CRASH_AFTER = "killed after"
    STALLED = "stands still"  # Beyond its lease; then it goes on.
    # A delivery.
    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    DELAYED = "delayed"
    EARLY = "before the answer"
    REORDERED = "reordered"


NOT_DONE: Final = frozenset({
    Fault.REFUSED, Fault.RATE_LIMITED, Fault.UNAUTHORIZED, Fault.SILENT_BEFORE, Fault.RESET_BEFORE, Fault.ERROR_BEFORE,
})  # fmt: skip
"""Behind these the processor has not acted, and never will."""
UNKNOWN: Final = frozenset({
    Fault.SILENT_BEFORE, Fault.SILENT_AFTER, Fault.HANGS_AFTER, Fault.RESET_BEFORE, Fault.RESET_AFTER,
    Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.GARBLED, Fault.KEY_IN_USE, Fault.ARRIVES_LATE,
})  # fmt: skip
CALL: Final = NOT_DONE | UNKNOWN
COMMIT: Final = frozenset({Fault.AWAY, Fault.UNDONE, Fault.DONE})
CRASH: Final = frozenset({Fault.CRASH_BEFORE, Fault.CRASH_INSIDE, Fault.CRASH_AFTER, Fault.STALLED})
DELIVERY: Final = frozenset({Fault.DROPPED, Fault.DUPLICATED, Fault.DELAYED, Fault.EARLY, Fault.REORDERED})
VERDICT: Final = frozenset({
    Fault.DECLINE_SOFT, Fault.DECLINE_HARD, Fault.DECLINE_FRAUD, Fault.CHALLENGE, Fault.PENDING, Fault.LATE_NO,
    Fault.LATE_YES, Fault.PARTLY, Fault.BEYOND, Fault.FAILS_LATER, Fault.BY_HAND,
})  # fmt: skip

KINDS: Final = ("charge", "capture", "void", "refund")
CALLS: Final = (*(f"{kind}.call" for kind in KINDS), "challenge.call", "inquiry.call")
COMMITS: Final = (
    "charge.t1", "charge.t2", "failover.t2", "capture.t1", "capture.t2", "void.t1", "void.t2", "refund.t1",
    "refund.t2", "challenge.t2", "wish.t1", "inquiry.claim", "inquiry.t2", "webhook.inbox", "webhook.claim",
    "webhook.t2", "webhook.end", "relay", "settlement.take", "settlement.import", "settlement.t2",
)  # fmt: skip
NOTICES: Final = tuple(f"{kind}.notice" for kind in KINDS)
VERDICTS: Final = tuple(f"{kind}.verdict" for kind in KINDS)
STEPS: Final = (*CALLS, *COMMITS, *NOTICES, *VERDICTS)


class Strike(Struct, frozen=True):
    """One fault that is to hit one step of a payment, at the time that it takes this step for the `after`-th time."""

    step: str
    fault: Fault
    after: int = 0

    def __str__(self) -> str:
        return f"{self.step}: {self.fault}" + (f" ({self.after + 1})" if self.after else "")


# The payer is asked, and the card declined as such, when it is charged; only of a charge a no turns into a yes, or less
# is approved. What was let go is let go: no void fails later.
_VERDICTS_OF: Final = {
    "charge.verdict": VERDICT,
    "capture.verdict": frozenset({Fault.DECLINE_HARD, Fault.PENDING, Fault.LATE_NO, Fault.FAILS_LATER, Fault.BY_HAND}),
    "void.verdict": frozenset({Fault.DECLINE_HARD, Fault.PENDING, Fault.LATE_NO, Fault.BY_HAND}),
    "refund.verdict": frozenset({Fault.DECLINE_HARD, Fault.PENDING, Fault.LATE_NO, Fault.FAILS_LATER, Fault.BY_HAND}),
}


def possible(step: str) -> frozenset[Fault]:
    """List what can go wrong in *step*; what is not in it cannot be."""
    if step in CALLS:
        return CALL | CRASH
    if step in COMMITS:
        return COMMIT | CRASH
    if step in NOTICES:
        return DELIVERY
    return _VERDICTS_OF[step]
