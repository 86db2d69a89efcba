"""Which decline codes nobody has given a meaning yet."""

from collections.abc import Iterable
from typing import Final

import msgspec

from adapters.adyen.codes import REFUSALS
from adapters.stripe.declines import DECLINE_CODES, ERROR_CODES
from normalization.declines import Decline, DeclineCode

KNOWN: Final = {"adyen": frozenset(REFUSALS), "stripe": frozenset(DECLINE_CODES) | frozenset(ERROR_CODES)}
"""The codes in the tables of our adapters; other adapters' are not judged."""

_OURS: Final = "hub/"


def unmapped(declines: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """List (processor, code) of declines that say no more than "no" because their code stands in no table.

    *declines* are a processor's name and a stored `Decline` each. Stripe's code is read from its last part.
    """
    found = set()
    for processor, raw in declines:
        decline = msgspec.json.decode(raw, type=Decline)
        code = decline.processor_code
        if decline.code is not DeclineCode.GENERIC_DECLINE or code.startswith(_OURS) or processor not in KNOWN:
            continue
        if code.rpartition("/")[2] not in KNOWN[processor]:
            found.add((processor, code))
    return sorted(found)
