"""Whether a merchant account answers: counts of technical failures open and close its circuit.

A decline is an answer and no failure. Failed means: not sent, or no understood answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

WINDOW: Final = timedelta(seconds=60)
"""How long calls are counted together: long enough for a share to mean something, short enough to forget."""
CALLS_MIN: Final = 20
"""Calls in a window before their share counts; with fewer, one unlucky payer would weigh too much."""
FAILED_SHARE: Final = 0.5
"""From this share on, the next payment is likelier to fail than not."""
FAILED_IN_A_ROW: Final = 5
"""A quiet account never fills a window: five failures and nothing else is an outage at any volume."""
OPEN_FOR: Final = timedelta(seconds=30)
"""Rest before the first probe: a charge sent before the opening has met its own deadline of 28 s by then."""
PROBE_FOR: Final = timedelta(seconds=30)
"""A probe that told nothing by then is lost (a charge's own deadline is 28 s), so another may go."""


class Circuit(StrEnum):
    """Whether payments go to an account."""

    CLOSED = "closed"  # They do.
    OPEN = "open"  # They do not.
    HALF_OPEN = "half_open"  # One does, as a probe, and its end decides.


class Health(Struct, frozen=True, kw_only=True):
    """What was counted of one account; all instants are the caller's, UTC."""

    window_at: datetime | None = None
    calls: int = 0
    failures: int = 0
    in_a_row: int = 0
    opened_at: datetime | None = None
    probed_at: datetime | None = None


HEALTHY: Final = Health()


def circuit(state: Health, at: datetime) -> Circuit:
    """Say where the circuit stands at *at*."""
    if state.opened_at is None:
        return Circuit.CLOSED
    return Circuit.OPEN if at - state.opened_at < OPEN_FOR else Circuit.HALF_OPEN


def is_open(state: Health, at: datetime) -> bool:
    """Say whether payments must keep away; half open, they must while a probe is on its way."""
    now = circuit(state, at)
    if now is Circuit.HALF_OPEN:
        return state.probed_at is not None and at - state.probed_at < PROBE_FOR
    return now is Circuit.OPEN


def probe(state: Health, at: datetime) -> Health:
    """Note that a payment goes out to a half-open account, so that no second one follows before its end."""
    return replace(state, probed_at=at) if circuit(state, at) is Circuit.HALF_OPEN else state


def record(state: Health, at: datetime, *, failed: bool) -> Health:
    """Count the end of one call.

    While open nothing counts: calls that began before the opening still come in. Half open, one end decides.
    """
    match circuit(state, at):
        case Circuit.OPEN:
            return state
        case Circuit.HALF_OPEN:
            return Health(opened_at=at) if failed else HEALTHY
        case Circuit.CLOSED:
            counted = _count(state, at, failed=failed)
            return Health(opened_at=at) if _too_many(counted) else counted


def open_circuits(states: Mapping[str, Health], at: datetime) -> frozenset[str]:
    """List the accounts that payments must keep away from at *at*."""
    return frozenset(account for account, state in states.items() if is_open(state, at))


def _count(state: Health, at: datetime, *, failed: bool) -> Health:
    begun = state.window_at
    fresh = begun is None or at - begun >= WINDOW
    return Health(
        window_at=at if fresh else begun,
        calls=1 if fresh else state.calls + 1,
        failures=failed + (0 if fresh else state.failures),
        in_a_row=state.in_a_row + 1 if failed else 0,
    )


def _too_many(state: Health) -> bool:
    share_counts = state.calls >= CALLS_MIN and state.failures >= FAILED_SHARE * state.calls
    return share_counts or state.in_a_row >= FAILED_IN_A_ROW
