"""The double-charge guard: whether a payment may be tried at another account after one ended without money.

The whole history is looked at, not only the last attempt: one attempt that may have charged, or may still, is
enough to stop.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from normalization.outcome import Declined, Outcome
from normalization.verdicts import NO_POLICY, Policy, resolve
from routing.account_index import Choice
from routing.plan import Plan


class Failure(StrEnum):
    """How an attempt can end without an outcome; they differ in whether money may have moved."""

    NOT_SENT = "not_sent"  # No: nothing reached the processor, or it said that it did not act.
    CONFIGURATION = "configuration"  # No: the processor refused our credentials or our account.
    UNKNOWN = "unknown"  # Perhaps.


class Tried(Struct, frozen=True, kw_only=True):
    """One attempt of the payment, as far as it got; `challenged` once the payer was asked to act."""

    choice: Choice
    ending: Outcome | Failure
    challenged: bool = False


class Next(Struct, frozen=True):
    """The account to try next, and the word for why: a failure's, or the decline's code."""

    choice: Choice
    reason: str


def may_try_next(
    plan: Plan, tried: Sequence[Tried], *, insufficient_funds_elsewhere: bool = False, policy: Policy = NO_POLICY
) -> Next | None:
    """Give the next account of *plan* after the attempts *tried*, oldest first; None where it must end here.

    A decline allows one further processor in all; what was not sent allows any account that was not tried
    yet. *insufficient_funds_elsewhere* lets `insufficient_funds` count among the declines another processor
    may answer otherwise; *policy* can keep further declines where they are.
    """
    if not tried or any(not _no_money(attempt) for attempt in tried):
        return None
    declines = [attempt.ending.decline for attempt in tried if isinstance(attempt.ending, Declined)]
    elsewhere = insufficient_funds_elsewhere
    if any(not resolve(decline, policy=policy, funds_elsewhere=elsewhere).failover for decline in declines):
        return None
    if len(declines) > 1:
        return None
    barred = {attempt.choice.processor for attempt in tried if isinstance(attempt.ending, Declined)}
    used = {attempt.choice.merchant_account for attempt in tried}
    for choice in plan.order:
        if choice.merchant_account not in used and choice.processor not in barred:
            return Next(choice, _word(tried[-1].ending))
    return None


def _no_money(attempt: Tried) -> bool:
    if attempt.challenged:
        return False
    return isinstance(attempt.ending, Declined) or attempt.ending in (
        Failure.NOT_SENT,
        Failure.CONFIGURATION,
    )


def _word(ending: Outcome | Failure) -> str:
    return str(ending.decline.code) if isinstance(ending, Declined) else str(ending)
