"""The networks' rules on trying a refused card again."""

from datetime import date, timedelta

import pytest

from normalization.networks import (
    MASTERCARD_ADVICE,
    VISA_CATEGORIES,
    Stop,
    advised_wait,
    caps,
    stop_signal,
    visa_category,
)

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(("on", "count"), [(date(2026, 4, 17), 15), (date(2026, 4, 18), 20), (TODAY, 20)])
def test_visa_takes_20_reattempts_in_30_days_and_took_15_before(on: date, count: int) -> None:
    (cap,) = caps("visa", on)

    assert (cap.counted, cap.count, cap.within) == ("reattempts", count, timedelta(days=30))


def test_mastercard_takes_10_declines_a_day_and_35_of_one_amount_in_30() -> None:
    day, month = caps("mastercard", TODAY)

    assert (day.counted, day.count, day.within, day.same_amount) == ("declines", 10, timedelta(days=1), False)
    assert (month.counted, month.count, month.within, month.same_amount) == ("declines", 35, timedelta(days=30), True)


@pytest.mark.parametrize("network", ["amex", None])
def test_other_networks_publish_no_bound(network: str | None) -> None:
    assert caps(network, TODAY) == ()


@pytest.mark.parametrize("code", ["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"])
def test_visa_never_takes_a_category_1_code_again(code: str) -> None:
    assert stop_signal("visa", code, None, TODAY) is Stop.VISA_CATEGORY
    assert stop_signal("amex", code, None, TODAY) is None
    assert stop_signal(None, code, None, TODAY) is None


@pytest.mark.parametrize(("on", "category"), [(date(2026, 10, 24), 2), (date(2026, 10, 25), 1), (None, 1)])
def test_57_is_category_1_since_october_2026(on: date | None, category: int) -> None:
    assert visa_category("57", on) == category


@pytest.mark.parametrize(("code", "category"), [("51", 2), ("54", 3), ("05", 4), ("ZZ", 4)])
def test_what_is_in_no_list_of_visas_is_generic(code: str, category: int) -> None:
    assert visa_category(code, TODAY) == category
    assert stop_signal("visa", code, None, TODAY) is None


@pytest.mark.parametrize("network", ["mastercard", "maestro", None])
@pytest.mark.parametrize("advice", ["03", "21", "42"])
def test_mastercards_advice_forbids_another_try(advice: str, network: str | None) -> None:
    assert stop_signal(network, "51", advice, TODAY) is Stop.MASTERCARD_ADVICE


def test_advice_on_another_networks_card_is_not_mastercards() -> None:
    assert stop_signal("visa", "51", "03", TODAY) is None
    assert advised_wait("visa", "24") is None


@pytest.mark.parametrize(
    ("advice", "wait"),
    [
        ("02", timedelta(hours=72)),
        ("24", timedelta(hours=1)),
        ("25", timedelta(hours=24)),
        ("26", timedelta(days=2)),
        ("27", timedelta(days=4)),
        ("28", timedelta(days=6)),
        ("29", timedelta(days=8)),
        ("30", timedelta(days=10)),
        ("01", None),
        ("03", None),
        ("99", None),
        (None, None),
    ],
)
def test_mastercards_advice_sets_the_wait(advice: str | None, wait: timedelta | None) -> None:
    assert advised_wait("mastercard", advice) == wait


def test_every_published_advice_code_has_a_row() -> None:
    published = "01 02 03 04 05 21 22 24 25 26 27 28 29 30 40 41 42 43"

    assert set(MASTERCARD_ADVICE) == set(published.split())


def test_every_category_is_one_of_visas() -> None:
    assert set(VISA_CATEGORIES.values()) == {1, 2, 3}
