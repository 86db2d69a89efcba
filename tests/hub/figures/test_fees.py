"""Fees found in what was settled, whatever is off among them; pure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.figures.fees import Kind, Sample, differ, learned
from normalization.money import Currency
from normalization.regions import Region
from routing.costs import EffectiveFee, Tariff

EUR = Kind(Currency.EUR)
VISA = Kind(Currency.EUR, "visa", "credit", Region.EEA)


def charged(kind: Kind, tariff: Tariff, amounts: list[int]) -> list[tuple[Kind, Sample]]:
    return [(kind, Sample(amount, tariff.cost(amount))) for amount in amounts]


def told(samples: list[tuple[Kind, Sample]], kind: Kind = EUR) -> EffectiveFee | None:
    of = (kind.currency, kind.card_brand, kind.card_funding, kind.card_region)
    found = [one for one in learned(samples) if (one.currency, one.card_brand, one.card_funding, one.card_region) == of]
    return found[0] if found else None


@settings(max_examples=40)
@given(
    ppm=st.integers(0, 60_000),
    fixed=st.integers(0, 500),
    amounts=st.lists(st.integers(100, 200_000), min_size=40, max_size=80, unique=True),
    wrong=st.lists(st.integers(-5_000, 50_000), max_size=8),
)
def test_what_was_charged_is_found_among_fees_that_are_off(
    ppm: int, fixed: int, amounts: list[int], wrong: list[int]
) -> None:
    tariff = Tariff(ppm, fixed, learned=True)
    samples = charged(EUR, tariff, amounts)
    for n, off in enumerate(wrong):
        at, (amount, fee) = n * 5, samples[n * 5][1]
        samples[at] = (EUR, Sample(amount, fee + off))

    found = told(samples)

    assert found is not None
    again = Tariff(found.percent_ppm, found.fixed_minor, learned=True)
    assert all(abs(again.cost(amount) - tariff.cost(amount)) <= 3 for amount in amounts)


def test_a_kind_of_card_is_learned_apart_and_all_of_a_currency_together() -> None:
    amounts = [1_000 * n for n in range(1, 31)]
    samples = charged(VISA, Tariff(14_000, 25, learned=True), amounts)
    samples += charged(Kind(Currency.EUR, "amex"), Tariff(29_000, 0, learned=True), amounts[:19])

    visa, every, amex = told(samples, VISA), told(samples), told(samples, Kind(Currency.EUR, "amex"))

    assert visa is not None
    assert every is not None
    assert (visa.percent_ppm, visa.fixed_minor, visa.lines) == (14_000, 25, 30)
    assert amex is None  # Too few.
    assert every.lines >= 20


@pytest.mark.parametrize(
    ("samples", "percent_ppm", "fixed"),
    [
        ([Sample(1_000, 30)] * 20, 30_000, 0),
        ([Sample(1_000 + n, 30) for n in range(20)], 0, 30),
        ([Sample(1_000 + n, 0) for n in range(20)], 0, 0),
        ([Sample(10_000 + 1_000 * n, 5 * n) for n in range(20)], 2_642, 0),
    ],
)
def test_no_part_of_a_fee_is_negative_and_amounts_all_alike_tell_of_a_share(
    samples: list[Sample], percent_ppm: int, fixed: int
) -> None:
    found = told([(EUR, sample) for sample in samples])

    assert found is not None
    assert (found.percent_ppm, found.fixed_minor) == (percent_ppm, fixed)


def test_too_few_lines_teach_nothing() -> None:
    assert learned(charged(EUR, Tariff(14_000, 25, learned=True), [1_000 * n for n in range(1, 20)])) == []


def test_fees_in_another_order_are_the_same_fees() -> None:
    one = EffectiveFee(currency=Currency.EUR, percent_ppm=1, lines=20)
    other = EffectiveFee(currency=Currency.EUR, card_brand="visa", percent_ppm=1, lines=20)

    assert not differ([one, other], [other, one])
    assert differ([one], [one, other])
