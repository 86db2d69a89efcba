"""Every adapter the hub knows: ours by name, third parties' by entry point.

A package brings an adapter with an entry point in the group `hub.adapters` that loads a `Registration`.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

from adapters.contract import Registration

GROUP: Final = "hub.adapters"

OURS: Final = (
    "adapters.adyen",
    "adapters.checkout_com",
    "adapters.stripe",
)
"""The packages that hold one adapter of ours each, as `REGISTRATION`; a new one is one line more."""


class AdapterInvalidError(Exception):
    """An entry point that brings no adapter, or one under a name that is taken; the message names the package."""


def registrations(found: Iterable[EntryPoint] | None = None) -> Mapping[str, Registration[Any]]:
    """List every adapter by its processor's name; *found* stands in for the installed packages' entry points.

    Raises:
        AdapterInvalidError: when an entry point loads something else, or takes a name that is there already.
    """
    known = {ours.processor: ours for ours in map(_ours, OURS)}
    for entry in entry_points(group=GROUP) if found is None else found:
        brought = entry.load()
        if not isinstance(brought, Registration):
            raise AdapterInvalidError(f"{_origin(entry)} loads {type(brought).__name__}, not a Registration")
        if brought.processor in known:
            raise AdapterInvalidError(f"{_origin(entry)} brings {brought.processor!r}, which is there already")
        known[brought.processor] = brought
    return MappingProxyType(known)


def _ours(package: str) -> Registration[Any]:
    registration: Registration[Any] = import_module(package).REGISTRATION
    return registration


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist else "an unknown package"
    return f"entry point {entry.name!r} of {package}"
