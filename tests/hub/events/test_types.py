"""The page on events and the filters of endpoints know the same types."""

import re
from pathlib import Path
from typing import get_args

import pytest
from litestar.params import QueryParameter

from hub.disputes.jobs import EVIDENCE_DUE
from hub.disputes.values import DECIDED
from hub.events.routes import Type
from hub.events.types import TYPES, matches, nearest
from hub.payment_methods.renewing import RETIRED, UPDATED
from hub.webhooks.notices import EVENTS as OF_SETTLEMENTS

PAGE = Path(__file__).parents[3] / "docs/events.md"


def test_the_page_names_every_type_and_no_other() -> None:
    table = PAGE.read_text().partition("## Types\n")[2]

    assert sorted(re.findall(r"`([a-z_]+\.[a-z_]+)`", table)) == sorted(TYPES)


def test_an_endpoint_can_ask_for_whatever_is_told() -> None:
    of_disputes = {EVIDENCE_DUE, *(f"dispute.{status}" for status in DECIDED)}

    assert {*of_disputes, UPDATED, RETIRED, *OF_SETTLEMENTS.values()} <= set(TYPES)


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("payment.captured", None),
        ("refund.*", None),
        ("*", None),
        ("payment.capture", "payment.captured"),
        ("refunds.*", "refund.*"),
        ("payment.cancelled", "payment.canceled"),
    ],
)
def test_a_misspelt_pattern_is_told_what_it_may_have_meant(pattern: str, meant: str | None) -> None:
    assert nearest(pattern) == meant


def test_a_family_matches_its_own_types_only() -> None:
    assert matches("refund.*", "refund.failed")
    assert not matches("refund.*", "refunds.failed")
    assert not matches("refund.*", "payment.failed")
    assert matches("*", "payment.failed")


def test_the_parameter_of_the_list_names_every_type() -> None:
    (described,) = (one.description for one in get_args(Type) if isinstance(one, QueryParameter))

    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", described or "")) == set(TYPES)
