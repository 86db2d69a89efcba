"""The codes of refusals that `hub doctor` lists: those that nobody has given a meaning yet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from adapters.contract import Registration
from hub.declines_unknown import is_known
from normalization.declines import Decline
from normalization.responses import response_meaning

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
