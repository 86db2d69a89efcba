"""One vocabulary for refusals, and one verdict out of several raw codes."""

import pytest

from normalization.declines import GENERIC, MEANING, NEVER_SOFTENED, Advice, Category, DeclineCode, resolve

D = DeclineCode


def test_every_code_means_something() -> None:
    assert set(MEANING) == set(DeclineCode)


@pytest.mark.parametrize("code", list(DeclineCode))
def test_another_processor_is_tried_only_where_it_may_help_and_cannot_harm(code: DeclineCode) -> None:
    meaning = MEANING[code]
    may = {meaning.advice, *meaning.alternatives}

    if meaning.failover:
        assert meaning.category is not Category.FRAUD
        assert meaning.advice is not Advice.NEVER
        assert Advice.ANOTHER_PROCESSOR in may


@pytest.mark.parametrize("code", list(DeclineCode))
def test_waiting_is_advised_with_a_time(code: DeclineCode) -> None:
    meaning = MEANING[code]

    if code is not D.OUTCOME_UNKNOWN and meaning.advice is Advice.AFTER_DELAY:
        assert meaning.delay_hours


@pytest.mark.parametrize("code", [code for code in DeclineCode if MEANING[code].category is Category.FRAUD])
def test_the_payer_is_never_told_a_suspicion(code: DeclineCode) -> None:
    assert MEANING[code].message == MEANING[D.GENERIC_DECLINE].message


@pytest.mark.parametrize(
    ("processor", "network", "verdict"),
    [
        (None, None, D.GENERIC_DECLINE),
        (D.EXPIRED_CARD, None, D.EXPIRED_CARD),
        (None, D.INSUFFICIENT_FUNDS, D.INSUFFICIENT_FUNDS),
        (D.GENERIC_DECLINE, D.INSUFFICIENT_FUNDS, D.INSUFFICIENT_FUNDS),
        (D.INSUFFICIENT_FUNDS, D.DO_NOT_HONOR, D.INSUFFICIENT_FUNDS),
        (D.PROCESSOR_ERROR, D.LOST_OR_STOLEN_CARD, D.LOST_OR_STOLEN_CARD),
        (D.INSUFFICIENT_FUNDS, D.LOST_OR_STOLEN_CARD, D.LOST_OR_STOLEN_CARD),
        (D.LIMIT_EXCEEDED, D.EXPIRED_CARD, D.EXPIRED_CARD),
        (D.SUSPECTED_FRAUD, D.RECURRING_STOPPED, D.SUSPECTED_FRAUD),
        (D.AUTHENTICATION_REQUIRED, D.INSUFFICIENT_FUNDS, D.AUTHENTICATION_REQUIRED),
        (D.MERCHANT_CONFIGURATION_ERROR, D.DO_NOT_HONOR, D.MERCHANT_CONFIGURATION_ERROR),
    ],
)
def test_what_says_more_wins_else_what_is_stricter(
    processor: DeclineCode | None, network: DeclineCode | None, verdict: DeclineCode
) -> None:
    assert resolve(processor, network) is verdict


@pytest.mark.parametrize("processor", [code for code in DeclineCode if MEANING[code].category in NEVER_SOFTENED])
@pytest.mark.parametrize("network", list(DeclineCode))
def test_suspicion_authentication_and_configuration_stand(processor: DeclineCode, network: DeclineCode) -> None:
    assert resolve(processor, network) is processor


@pytest.mark.parametrize("generic", sorted(GENERIC))
@pytest.mark.parametrize("specific", [code for code in DeclineCode if code not in GENERIC])
def test_a_generic_code_never_overrides_a_reason(generic: DeclineCode, specific: DeclineCode) -> None:
    assert resolve(specific, generic) is specific
    assert resolve(generic, specific) is specific
