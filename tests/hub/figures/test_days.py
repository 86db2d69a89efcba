"""What was used of a day's limits, as told by the database, by Redis and by what happened here."""

from datetime import date, timedelta

import pytest

from hub.figures.days import COUNT, NAMED_MAX, Attempt, Days, Found
from normalization.money import Currency, Money
from routing.accounts import Limits
from tests.routing.samples import account

TODAY = date(2026, 3, 1)
EURO = Money(1_000, Currency.EUR)
TAKING = Attempt("ma_1", EURO)
TEN = account("ma_1", limits=Limits(daily_count_max=10))
HUNDRED = account("ma_1", limits=Limits(daily_amount_max=10_000))
NOTHING = Found({}, {})


def used(days: Days) -> int:
    return days.used(TODAY, "ma_1", COUNT)


def begin(days: Days, *ids: str) -> None:
    for one in ids:
        days.add(TODAY, one, TAKING)


def found(*ids: str, others: int = 0) -> Found:
    return Found(dict.fromkeys(ids, TAKING), {("ma_1", COUNT): others, ("ma_1", "EUR"): 1_000 * others})


def test_what_happens_here_counts_at_once_and_a_decline_is_taken_back() -> None:
    days = Days()
    begin(days, "a", "b", "c")
    days.take_back(TODAY, "b", TAKING)
    days.take_back(TODAY, "c", TAKING)

    assert days.of(TODAY, "ma_1") == {COUNT: 1, "EUR": 1_000}


def test_a_limit_is_reached_when_one_more_would_pass_it() -> None:
    days = Days()
    begin(days, *"abcdefghi")
    assert days.reached(TODAY, [TEN, HUNDRED], EURO) == frozenset()

    begin(days, "j")

    assert days.reached(TODAY, [TEN], EURO) == {"ma_1"}
    assert days.reached(TODAY, [HUNDRED], EURO) == {"ma_1"}


def test_amounts_are_bounded_in_each_currency_for_itself() -> None:
    days = Days()
    days.add(TODAY, "a", Attempt("ma_1", Money(10_000, Currency.USD)))

    assert days.reached(TODAY, [HUNDRED], EURO) == frozenset()
    assert days.reached(TODAY, [HUNDRED], Money(1, Currency.USD)) == {"ma_1"}


def test_a_new_day_begins_with_nothing() -> None:
    days = Days()
    begin(days, "a")

    assert days.used(TODAY + timedelta(days=1), "ma_1", COUNT) == 0


@pytest.mark.parametrize("seen", [found("b", others=1), found("a", "b"), found(others=1)], ids=["named", "all", "not"])
def test_an_attempt_that_begins_while_the_database_answers_is_counted_once(seen: Found) -> None:
    days = Days()
    begin(days, "a")
    reading = days.reading(TODAY)
    begin(days, "b")

    days.read(reading, seen)

    assert used(days) == 2


def test_an_attempt_that_the_database_tells_of_before_it_is_noted_here_is_counted_once() -> None:
    days = Days()
    days.read(days.reading(TODAY), found("a"))

    begin(days, "a")

    assert used(days) == 1


@pytest.mark.parametrize("seen", [found("a", "b"), found("a")], ids=["still counted", "no more"])
def test_an_attempt_that_ends_while_the_database_answers_is_taken_back_once(seen: Found) -> None:
    days = Days()
    begin(days, "a", "b")
    reading = days.reading(TODAY)
    days.take_back(TODAY, "b", TAKING)

    days.read(reading, seen)

    assert used(days) == 1


def test_an_end_that_the_database_knew_before_it_is_noted_here_takes_nothing_back_twice() -> None:
    days = Days()
    begin(days, "a", "b")
    days.read(days.reading(TODAY), found("a"))

    days.take_back(TODAY, "b", TAKING)

    assert used(days) == 1


def test_an_attempt_that_begins_and_ends_while_the_database_answers_leaves_nothing() -> None:
    days = Days()
    reading = days.reading(TODAY)
    begin(days, "a")
    days.take_back(TODAY, "a", TAKING)

    days.read(reading, found("a"))

    assert used(days) == 0


def test_a_reading_that_came_to_nothing_loses_nothing() -> None:
    days = Days()
    days.reading(TODAY)
    begin(days, "a")

    days.read(days.reading(TODAY), found("a"))

    assert used(days) == 1


def test_of_accounts_without_limits_only_redis_is_told() -> None:
    days = Days()
    days.add(TODAY, "a", TAKING, limited=False)
    reading = days.reading(TODAY)
    days.add(TODAY, "b", TAKING, limited=False)

    days.read(reading, NOTHING)

    assert days.untold() == [(TODAY, ("ma_1", COUNT), 2), (TODAY, ("ma_1", "EUR"), 2_000)]


def test_of_very_many_attempts_the_oldest_count_without_their_names() -> None:
    days = Days()
    begin(days, *(f"{number:05}" for number in range(NAMED_MAX + 1)))

    days.take_back(TODAY, "00000", TAKING)

    told = days.of(TODAY, "ma_1")
    assert told[COUNT] == NAMED_MAX + 1


def test_what_redis_was_told_is_not_counted_twice() -> None:
    days = Days()
    begin(days, "a")
    days.told(days.untold())
    assert (used(days), days.untold()) == (1, [])

    days.shared(TODAY, {("ma_1", COUNT): 7})

    assert used(days) == 7


def test_what_the_database_knows_is_kept_when_redis_has_forgotten() -> None:
    days = Days()
    days.read(days.reading(TODAY), found(others=9))

    days.shared(TODAY, {})

    assert used(days) == 9
    begin(days, "a")
    assert used(days) == 10


def test_old_days_are_forgotten() -> None:
    days = Days()
    days.add(TODAY - timedelta(days=3), "a", TAKING)

    days.read(days.reading(TODAY), NOTHING)
    days.shared(TODAY, {})

    assert days.used(TODAY - timedelta(days=3), "ma_1", COUNT) == 0
    assert days.untold() == []
