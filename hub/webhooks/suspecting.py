"""Deliveries that whoever claimed them never came back from: read alone, and in the end not at all. Pure."""

from collections.abc import Sequence
from typing import Final

from hub.webhooks.reading import TRIES_MAX
from hub.webhooks.store import Ended, Waiting

SUSPECT_ABOVE: Final = TRIES_MAX + 1
"""A delivery that was claimed more often than it is ever read was in hand when a process ended."""
CLAIMS_MAX: Final = TRIES_MAX + 3
APART_S: Final = 5.0
"""How long each of several suspects is put off after the other: what was only in hand beside is read meanwhile."""


def set_apart(claimed: Sequence[Waiting]) -> tuple[list[Waiting], list[Ended]]:
    """Take one suspect at most among those to be read, and say what becomes of the others, before anything is read."""
    deadly = [one for one in claimed if one.tries > CLAIMS_MAX]
    suspects = [one for one in claimed if SUSPECT_ABOVE < one.tries <= CLAIMS_MAX]
    later = {one.id: number * APART_S for number, one in enumerate(suspects) if number}
    ended = [_unread(one) for one in deadly]
    ended += [Ended(waiting=one, status="waiting", tries=one.tries - 1, again_s=later[one.id]) for one in suspects[1:]]
    apart = {one.waiting.id for one in ended}
    return [one for one in claimed if one.id not in apart], ended


def _unread(one: Waiting) -> Ended:
    why = f"it was claimed {one.tries - 1} times, and whoever read it never came back; what it tells may end a process"
    return Ended(waiting=one, status="parked", tries=one.tries - 1, error=why)
