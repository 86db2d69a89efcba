"""What was used of a day's limits, as told by the database, by Redis and by what happened here."""

from collections import Counter
from datetime import date, timedelta

from hub.figures.days import COUNT, Days
from normalization.money import Currency, Money
from routing.accounts import Limits
from tests.routing.samples import account

TODAY = date(2026, 3, 1)
EURO = Money(1_000, Currency.EUR)
TEN = account("ma_1", limits=Limits(daily_count_max=10))
HUNDRED = account("ma_1", limits=Limits(daily_amount_max=10_000))


def used(days: Days) -> int:
    return days.used(TODAY, "ma_1", COUNT)


def test_what_happens_here_counts_at_once_and_a_decline_is_taken_back() -> None:
    days = Days()
    days.add(TODAY, "ma_1", EURO)
    days.add(TODAY, "ma_1", EURO)
    days.add(TODAY, "ma_1", EURO, taken_back=True)

    assert days.of(TODAY, "ma_1") == {COUNT: 1, "EUR": 1_000}


def test_a_limit_is_reached_when_one_more_would_pass_it() -> None:
    days = Days()
    for _ in range(9):
        days.add(TODAY, "ma_1", EURO)
    assert days.reached(TODAY, [TEN, HUNDRED], EURO) == frozenset()

    days.add(TODAY, "ma_1", EURO)

    assert days.reached(TODAY, [TEN], EURO) == {"ma_1"}
    assert days.reached(TODAY, [HUNDRED], EURO) == {"ma_1"}


def test_amounts_are_bounded_in_each_currency_for_itself() -> None:
    days = Days()
    days.add(TODAY, "ma_1", Money(10_000, Currency.USD))

    assert days.reached(TODAY, [HUNDRED], EURO) == frozenset()
    assert days.reached(TODAY, [HUNDRED], Money(1, Currency.USD)) == {"ma_1"}


def test_a_new_day_begins_with_nothing() -> None:
    days = Days()
    days.add(TODAY, "ma_1", EURO)

    assert days.used(TODAY + timedelta(days=1), "ma_1", COUNT) == 0


def test_the_database_has_counted_what_was_done_before_it_was_asked() -> None:
    days = Days()
    days.add(TODAY, "ma_1", EURO)
    before = days.reading(TODAY)
    days.add(TODAY, "ma_1", EURO)  # While the database answers.

    days.read(TODAY, Counter({("ma_1", COUNT): 1}), before)

    assert used(days) == 2


def test_what_redis_was_told_is_not_counted_twice() -> None:
    days = Days()
    days.add(TODAY, "ma_1", EURO)
    days.told(days.untold())
    assert (used(days), days.untold()) == (1, [])

    days.shared(TODAY, {("ma_1", COUNT): 7})

    assert used(days) == 7


def test_what_the_database_knows_is_kept_when_redis_has_forgotten() -> None:
    days = Days()
    days.read(TODAY, Counter({("ma_1", COUNT): 9}), days.reading(TODAY))

    days.shared(TODAY, {})

    assert used(days) == 9
    days.add(TODAY, "ma_1", EURO)
    assert used(days) == 10


def test_old_days_are_forgotten() -> None:
    days = Days()
    days.add(TODAY - timedelta(days=3), "ma_1", EURO)

    days.read(TODAY, Counter(), days.reading(TODAY))
    days.shared(TODAY, {})

    assert days.used(TODAY - timedelta(days=3), "ma_1", COUNT) == 0
    assert days.untold() == []
