"""One vocabulary for refusals."""

import pytest

from normalization.declines import MEANING, Advice, Category, DeclineCode

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


FAILOVER = {
    D.ISSUER_UNAVAILABLE,
    D.PROCESSOR_ERROR,
    D.DO_NOT_HONOR,
    D.GENERIC_DECLINE,
    D.CARD_NOT_SUPPORTED,
    D.CURRENCY_NOT_SUPPORTED,
    D.MERCHANT_CONFIGURATION_ERROR,
    D.UNSUPPORTED_OPERATION,
    D.AUTHENTICATION_UNAVAILABLE,
    D.TOKEN_INVALID,
}


def test_another_processor_is_tried_for_these_codes_alone() -> None:
    assert {code for code in DeclineCode if MEANING[code].failover} == FAILOVER
