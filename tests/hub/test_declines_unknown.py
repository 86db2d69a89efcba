"""A code that nobody has given a meaning is noticed when it comes."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from adapters.contract import Registration
from hub.app import known_adapters
from hub.declines_unknown import count
from normalization.declines import Decline, DeclineCode

STRIPE = known_adapters()["stripe"]


def counted(code: str, registration: Registration[Any] = STRIPE) -> float:
    """How much the count of the registration's processor rises with a decline of this code."""
    labels = {"processor": registration.processor}
    before = REGISTRY.get_sample_value("hub_unknown_decline_codes_total", labels) or 0
    count(Decline(code=DeclineCode.GENERIC_DECLINE, processor_code=code), registration)
    return (REGISTRY.get_sample_value("hub_unknown_decline_codes_total", labels) or 0) - before


def test_it_is_counted_under_its_processor() -> None:
    assert counted("card_declined/never_heard_of") == 1


@pytest.mark.parametrize("code", ["card_declined/generic_decline", "expired_card", "canceled/abandoned", "hub/expired"])
def test_what_has_a_row_or_is_the_hubs_own_is_not(code: str) -> None:
    assert counted(code) == 0


def test_an_adapter_without_a_table_is_not_judged() -> None:
    assert counted("77", replace(STRIPE, processor="acquirer", decline_codes={}, meaning=None)) == 0


def test_a_table_that_cannot_be_read_loses_no_answer() -> None:
    def broken(code: str) -> DeclineCode:
        raise KeyError(code)

    assert counted("card_declined/generic_decline", replace(STRIPE, processor="broken", meaning=broken)) == 1


def test_the_count_names_no_code() -> None:
    counted("card_declined/another_one")

    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples if "unknown_decline" in sample.name]
    assert samples
    assert all(set(sample.labels) == {"processor"} for sample in samples)
