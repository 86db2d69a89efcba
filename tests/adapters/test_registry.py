"""Which adapters the hub knows."""

from importlib.metadata import EntryPoint

import pytest

from adapters.registry import GROUP, AdapterInvalidError, registrations
from adapters.stripe import REGISTRATION


def entry(value: str) -> EntryPoint:
    return EntryPoint(name="other", value=value, group=GROUP)


def test_ours_are_there_by_their_processors_names() -> None:
    known = registrations([])

    assert set(known) >= {"adyen", "stripe"}
    assert all(name == ours.processor for name, ours in known.items())
    assert known["stripe"] is REGISTRATION


def test_those_of_installed_packages_are_looked_for() -> None:
    assert set(registrations()) >= {"adyen", "stripe"}


def test_an_entry_point_that_takes_a_name_is_refused() -> None:
    with pytest.raises(AdapterInvalidError, match="'stripe', which is there already"):
        registrations([entry("adapters.stripe:REGISTRATION")])


def test_an_entry_point_that_brings_something_else_is_refused() -> None:
    with pytest.raises(AdapterInvalidError, match="'other' of an unknown package loads frozenset"):
        registrations([entry("adapters.stripe.client:BUSY_CODES")])
