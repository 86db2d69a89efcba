"""What a processor says in words is kept without card numbers, and what it says otherwise as it is."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from hub.masking import masked
from normalization.declines import Decline, DeclineCode
from normalization.outcome import Declined, Operation, Outcome, Reversed, Verification
from tests.hub.payments.making import report

CARD, SHOWN = "4000 0566 5566 5564", "400005******5564"
PLAIN = Decline(
    code=DeclineCode.DO_NOT_HONOR, processor_code="2 : Refused", network_code="05", network_advice_code="03"
)
TOLD = replace(PLAIN, processor_code=f"card {CARD} refused", processor_advice=f"try {CARD} later")


def counted() -> float:
    return REGISTRY.get_sample_value("hub_masked_card_numbers_total") or 0


@pytest.mark.parametrize("kind", [Declined, Reversed])
def test_a_refusal_in_words_is_kept_without_the_card(kind: type[Declined | Reversed]) -> None:
    before = counted()

    said = masked(report(Operation.PURCHASE, kind(TOLD)))

    shown = replace(TOLD, processor_code=f"card {SHOWN} refused", processor_advice=f"try {SHOWN} later")
    assert (said.outcome, counted() - before) == (kind(shown), 2)


@pytest.mark.parametrize("field", ["avs", "cvc", "raw_status", "reason"])
def test_so_is_every_other_word(field: str) -> None:
    told: dict[str, Any] = {field: CARD}

    assert getattr(masked(report(Operation.PURCHASE, **told)), field) == SHOWN


def test_a_verification_is_no_exception() -> None:
    said = Verification(tag="ver_1", processor_reference=None, livemode=False, outcome=Declined(TOLD), avs=CARD)

    assert (masked(said).avs, b"5566" in str(masked(said)).encode()) == (SHOWN, False)


@pytest.mark.parametrize("outcome", [None, Declined(PLAIN)])
def test_what_holds_no_card_number_stays_the_very_same(outcome: Outcome | None) -> None:
    said = report(Operation.PURCHASE, outcome, 1000, processor_reference=CARD, raw_status="requires_capture")

    assert masked(said) is said
