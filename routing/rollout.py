"""Who decides which payments at an instant, from all changes made so far; and a payment's side of a share.

A ruleset that was activated in full is the base. One activated for a part decides that share of the payments, the base
the rest. What is scheduled waits for its instant. A rollback undoes what decides last and all that is scheduled.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from routing.strategies import point_of

WHOLE: Final = 100
_LINE: Final = 2**64


class Kind(StrEnum):
    """What a change does."""

    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    UNSCHEDULE = "unschedule"
    SHADOW = "shadow"
    END_SHADOW = "end_shadow"


class Change(Struct, frozen=True, kw_only=True):
    """One change of who decides. `percent` is 1 to 100; `starts_at` None is at once, when it was made.

    No change is made before the one ahead of it.
    """

    id: str
    kind: Kind
    ruleset: str
    percent: int = WHOLE
    starts_at: datetime | None = None
    made_at: datetime
    reason: str | None = None


class Share(Struct, frozen=True, kw_only=True):
    """A ruleset that decides, or is to decide, a part of the payments, since an instant; `change` made it so."""

    change: str
    ruleset: str
    percent: int
    since: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """Who decides: *bases* are the rulesets activated in full, the last one decides; `scheduled` come soonest first.

    `begun` counts what was scheduled and has begun since the last change was made.
    """

    bases: tuple[Share, ...] = ()
    rollout: Share | None = None
    scheduled: tuple[Share, ...] = ()
    shadow: Share | None = None
    begun: int = 0

    @property
    def base(self) -> Share | None:
        """The ruleset that decides what no rollout does."""
        return self.bases[-1] if self.bases else None

    def percent_of(self, ruleset: str) -> int:
        """Tell the share of all payments that a ruleset decides now."""
        started = self.rollout.percent if self.rollout else 0
        decided = started if self.rollout and self.rollout.ruleset == ruleset else 0
        return decided + (WHOLE - started if self.base and self.base.ruleset == ruleset else 0)


def standing(changes: Iterable[Change], at: datetime) -> Standing:
    """Go through all *changes*, in the order in which they were made, and tell how things stand *at* an instant.

    What was changed at once stands whatever the clock of *at* says.
    """
    now = Standing()
    for change in changes:
        now = replace(_taken_up(_begun(now, change.made_at), change), begun=0)
    return _begun(now, at)


def within(share: str, ruleset: str, percent: int, reference: str) -> bool:
    """Whether the payment with *reference* is among the *percent* that a *share* of this name takes.

    A larger share takes the same payments and more.
    """
    return point_of(share, ruleset, reference) * WHOLE < percent * _LINE


def _begun(now: Standing, at: datetime) -> Standing:
    """Carry out what was scheduled for *at* or before."""
    due = [share for share in now.scheduled if share.since <= at]
    for share in due:
        now = _activated(now, share)
    return replace(now, scheduled=now.scheduled[len(due) :], begun=now.begun + len(due))


def _taken_up(now: Standing, change: Change) -> Standing:
    since = change.starts_at or change.made_at
    share = Share(change=change.id, ruleset=change.ruleset, percent=change.percent, since=since)
    match change.kind:
        case Kind.ACTIVATE if since > change.made_at:
            return replace(now, scheduled=tuple(sorted((*now.scheduled, share), key=lambda one: one.since)))
        case Kind.ACTIVATE:
            return _activated(now, share)
        case Kind.ROLLBACK:
            undone = now if now.rollout else replace(now, bases=now.bases[:-1])
            return replace(undone, rollout=None, scheduled=())
        case Kind.UNSCHEDULE:
            return replace(now, scheduled=())
        case Kind.SHADOW:
            return replace(now, shadow=share)
        case Kind.END_SHADOW:
            return replace(now, shadow=None)


def _activated(now: Standing, share: Share) -> Standing:
    stays = now.base is not None and now.base.ruleset == share.ruleset
    if share.percent < WHOLE:
        return replace(now, rollout=None if stays else share)
    return replace(now, rollout=None, bases=now.bases if stays else (*now.bases, share))
