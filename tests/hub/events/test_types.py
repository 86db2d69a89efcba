"""The page on events and the filters of endpoints know the same types."""

import re
from pathlib import Path

from hub.disputes.jobs import EVIDENCE_DUE
from hub.disputes.values import DECIDED
from hub.events.types import TYPES
from hub.payment_methods.renewing import RETIRED, UPDATED
from hub.webhooks.notices import EVENTS as OF_SETTLEMENTS

PAGE = Path(__file__).parents[3] / "docs/events.md"


def test_the_page_names_every_type_and_no_other() -> None:
    table = PAGE.read_text().partition("## Types\n")[2]

    assert sorted(re.findall(r"`([a-z_]+\.[a-z_]+)`", table)) == sorted(TYPES)


def test_an_endpoint_can_ask_for_whatever_is_told() -> None:
    of_disputes = {EVIDENCE_DUE, *(f"dispute.{status}" for status in DECIDED)}

    assert {*of_disputes, UPDATED, RETIRED, *OF_SETTLEMENTS.values()} <= set(TYPES)
