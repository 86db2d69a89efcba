"""Which codes of refusals nobody has given a meaning yet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from adapters.contract import Registration
from normalization.declines import Decline
from normalization.responses import response_meaning

OURS: Final = "hub/"
"""How the codes of refusals begin that the hub itself decided."""

TABLED: Final = frozenset({"visa", "mastercard", "maestro"})
"""The networks whose response codes we have in full; those of others are not judged."""


def unmapped(declines: Iterable[tuple[str, bytes]], adapters: Mapping[str, Registration[Any]]) -> list[tuple[str, str]]:
    """List (processor, code) and (network, code) of what stands in no table.

    *declines* are a processor's name and a stored `Decline` each. A processor without an adapter or whose adapter has
    no table is not judged.
    """
    return sorted({found for name, raw in declines for found in _unknown(name, raw, adapters.get(name))})


def _unknown(name: str, raw: bytes, registration: Registration[Any] | None) -> Iterator[tuple[str, str]]:
    decline = msgspec.json.decode(raw, type=Decline)
    if registration is not None and not is_known(decline, registration):
        yield name, decline.processor_code
    code, network = decline.network_code, decline.network
    if code is not None and network in TABLED and response_meaning(code, network) is None:
        yield network, code


def is_known(decline: Decline, registration: Registration[Any]) -> bool:
    """Whether the processor's code of *decline* stands in its adapter's table, or is the hub's own."""
    if decline.processor_code.startswith(OURS) or not registration.decline_codes:
        return True
    return registration.meaning_of(decline.processor_code) is not None
