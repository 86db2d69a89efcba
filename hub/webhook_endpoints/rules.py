"""What goes where, when it is tried again, and how much at a time. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from hub.events.types import matches

SCHEDULE_S: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long before each try since the one before, in seconds: three days and four hours in all.

Source: Standard Webhooks 1.0.0, "Deliverability and reliability", the example of a retry schedule.
"""
JITTER: Final = 0.2
"""A try comes up to so much of its delay later, so that what failed together is not tried together."""
GIVE_UP_S: Final = 4 * 86_400
"""What still waits then is dead, however few tries it had: its endpoint takes next to nothing."""
RETRY_AFTER_MAX_S: Final = 86_400
"""The longest an endpoint may put a delivery off by Retry-After."""

FAST_S: Final = 1.0
"""An endpoint is slow while a request to it has been under way for longer."""
AT_ONCE_MAX: Final = 8
"""Requests under way to one endpoint that answers."""
ALL_FAST_MAX: Final = 256
"""Requests under way to all endpoints that answer, in one worker."""
ALL_SLOW_MAX: Final = 256
"""Requests under way to all endpoints that are slow or fail, or were not tried yet, one to each."""
ALL_MAX: Final = 768
"""Requests under way altogether: sockets of one process."""
REST_FIRST_S: Final = 0.25
REST_MAX_S: Final = 30.0
"""How long an endpoint that fails is left alone: after each failure in a row twice as long, so long at most."""

GONE: Final = 410
FAILURES: Final[Mapping[str, str]] = {
    "status": "the endpoint answered with another status than 2xx; see `response_code`",
    "gone": "the endpoint answered 410, which disabled it",
    "timeout": "no complete answer in time",
    "address_forbidden": "the name leads to a private, loopback, link-local or otherwise reserved address",
    "not_reached": "no connection: the name does not resolve, nobody listens, or TLS failed",
    "broken_off": "the connection was closed before the answer was complete",
    "unreadable": "what came back is no HTTP, or its headers are too large",
    "url_refused": "the address is none that is sent to; change the endpoint's url",
    "disabled": "the endpoint was disabled or deleted before it was sent",
    "secret_unreadable": "the endpoint's secret cannot be unsealed with the keys in the settings",
}
"""Why a try failed."""


class EndpointStatus(StrEnum):
    """Whether an endpoint is sent to."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """What became of an event at one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"


class Subscription(Struct, frozen=True, kw_only=True):
    """What one endpoint wants; `merchant_accounts` None: of all of them, and what belongs to none."""

    endpoint: str
    livemode: bool
    enabled: bool
    patterns: tuple[str, ...]
    merchant_accounts: frozenset[str] | None
    after_position: int

    def takes(self, type_: str, merchant_account: str | None) -> bool:
        """Whether an event of this type and account is wanted."""
        if not any(matches(pattern, type_) for pattern in self.patterns):
            return False
        return self.merchant_accounts is None or merchant_account in self.merchant_accounts


class Matcher:
    """Finds who wants an event; remembers by mode and type who may."""

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        self._all = tuple(subscriptions)
        self._of_type: dict[tuple[bool, str], tuple[Subscription, ...]] = {}

    def wanting(
        self, type_: str, merchant_account: str | None, *, livemode: bool, position: int
    ) -> Sequence[Subscription]:
        """List every subscription that takes the event at *position*."""
        key = (livemode, type_)
        of_type = self._of_type.get(key)
        if of_type is None:
            of_type = self._of_type[key] = tuple(
                one for one in self._all if one.livemode == livemode and any(matches(p, type_) for p in one.patterns)
            )
        return [
            one
            for one in of_type
            if one.after_position < position
            and (one.merchant_accounts is None or merchant_account in one.merchant_accounts)
        ]


class Standing(Struct):
    """How one endpoint does, as one worker sees it; instants are of the worker's monotonic clock."""

    started: dict[str, float]  # The deliveries under way, since when.
    failures: int = 0  # In a row.
    proven: bool = False  # The last try that ended succeeded.
    rests_until: float = 0.0

    def is_fast(self, now: float) -> bool:
        """Whether it answers, and soon."""
        return self.proven and all(now - since < FAST_S for since in self.started.values())

    def ended(self, now: float, *, failed: bool, asked_s: float = 0.0) -> None:
        """Note how a try ended; the endpoint asked to be left alone for *asked_s*."""
        self.proven = not failed
        self.failures = self.failures + 1 if failed else 0
        if failed:
            rest = min(REST_FIRST_S * 2 ** min(self.failures, 10), REST_MAX_S)
            self.rests_until = now + max(rest, min(asked_s, REST_MAX_S))


def room(standing: Standing, now: float, *, fast: int, slow: int) -> int:
    """Say how many more requests may go to an endpoint; *fast* and *slow* are under way to all of each kind."""
    under_way = len(standing.started)
    left = ALL_MAX - fast - slow
    if standing.is_fast(now):
        return max(0, min(AT_ONCE_MAX - under_way, ALL_FAST_MAX - fast, left))
    if under_way or now < standing.rests_until:
        return 0
    return max(0, min(1, ALL_SLOW_MAX - slow, left))


def next_delay_s(tries: int, chance: float, asked_s: float | None) -> float | None:
    """Say how long to wait after *tries* failed ones, *chance* being from 0 to 1; None: it was the last.

    *asked_s* is what the endpoint said in Retry-After: never sooner than that, within its bound.
    """
    if tries >= len(SCHEDULE_S):
        return None
    planned = SCHEDULE_S[tries] * (1 + JITTER * chance)
    return max(planned, min(asked_s or 0.0, RETRY_AFTER_MAX_S))


def retry_after_s(header: str | None, at: datetime) -> float | None:
    """Read Retry-After, in seconds or as a date (RFC 9110, 10.2.3); None for what is neither."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), RETRY_AFTER_MAX_S))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):  # The last: of a year or an offset beyond all measure.
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - at) / timedelta(seconds=1), 0.0), RETRY_AFTER_MAX_S)
