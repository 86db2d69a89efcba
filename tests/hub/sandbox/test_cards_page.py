"""The page about the pretend processors names cards that they have."""

import re
from collections.abc import Collection
from pathlib import Path

import pytest

from hub.sandbox.adyen.cards import WELL_KNOWN as ADYEN
from hub.sandbox.checkout_com.cards import WELL_KNOWN as CHECKOUT_COM
from hub.sandbox.stripe.cards import BY_ALIAS as STRIPE

PAGE = Path(__file__).parents[3] / "docs" / "sandboxes.md"


@pytest.mark.parametrize(
    ("beginning", "known"),
    [("pm_card_", STRIPE), ("stored_", ADYEN), ("src_", CHECKOUT_COM)],
    ids=["stripe", "adyen", "checkout_com"],
)
def test_every_card_on_the_page_is_one_of_the_sandbox(beginning: str, known: Collection[str]) -> None:
    named = re.findall(rf"`({beginning}\w+)`", PAGE.read_text())

    assert len(named) >= 8
    assert set(named) <= set(known)
