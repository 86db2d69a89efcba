"""Routing by approval rates: what it gains on made-up traffic, and what it pays for learning."""

from collections.abc import Mapping
from typing import Final

import pytest

from routing.choosing import EXPLORED_MAX
from routing.facts import Facts
from tests.routing.traffic import Run, drive

PAYMENTS: Final = 20_000
DROPPED_AT: Final = 8_000
BACK_AT: Final = 12_000


def steady(_number: int, _payment: Facts) -> Mapping[str, float]:
    return {"ma_1": 0.80, "ma_2": 0.90, "ma_3": 0.86}


def dropping(number: int, _payment: Facts) -> Mapping[str, float]:
    away = DROPPED_AT <= number < BACK_AT
    return {"ma_1": 0.80, "ma_2": 0.40 if away else 0.90, "ma_3": 0.86}


def by_country(_number: int, payment: Facts) -> Mapping[str, float]:
    return {"ma_1": 0.80, "ma_2": 0.90 if payment.card.country == "DE" else 0.60, "ma_3": 0.84}


@pytest.fixture(scope="module")
def dropped() -> Run:
    return drive(dropping, PAYMENTS, seed=1)


def test_learning_costs_at_most_a_twentieth_of_the_best_fixed_choice() -> None:
    run = drive(steady, PAYMENTS, seed=1)

    assert run.regret <= 0.05
    assert run.share("ma_2", PAYMENTS // 2, PAYMENTS) > 0.6


def test_a_drop_moves_nine_tenths_of_the_traffic_away_within_300_payments(dropped: Run) -> None:
    assert dropped.share("ma_2", DROPPED_AT - 1_000, DROPPED_AT) > 0.6
    assert dropped.share("ma_2", DROPPED_AT + 300, DROPPED_AT + 600) <= 0.1


def test_an_account_that_has_recovered_gets_its_traffic_back(dropped: Run) -> None:
    assert dropped.share("ma_2", PAYMENTS - 2_000, PAYMENTS) > 0.5
    assert dropped.regret <= 0.05


def test_what_differs_by_country_is_learned_by_country() -> None:
    run = drive(by_country, PAYMENTS // 2, seed=1)

    assert run.regret < 0  # Better than any one account for all.


def test_an_account_that_is_far_behind_is_tried_rarely_and_never_more_than_the_bound() -> None:
    def one_is_bad(_number: int, _payment: Facts) -> Mapping[str, float]:
        return {"ma_1": 0.10, "ma_2": 0.90, "ma_3": 0.89}

    run = drive(one_is_bad, 6_000, seed=2)

    assert 0 < run.share("ma_1", 2_000, 6_000) <= EXPLORED_MAX / 2
