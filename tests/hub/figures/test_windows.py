"""Attempts in buckets of five minutes, by whom they concern."""

from datetime import UTC, datetime, timedelta

from hub.figures.velocity import SUBJECTS_MAX, Counts
from hub.figures.windows import field, subjects_of, totals
from routing.facts import COUNTED, DECLINES, VELOCITY
from tests.routing.samples import facts

NOON = datetime(2026, 3, 1, 12, 2, tzinfo=UTC)


def ago(**back: float) -> datetime:
    return NOON - timedelta(**back)


def test_an_attempt_concerns_whom_the_payment_tells_of() -> None:
    whole = subjects_of(facts(customer="cus_1", risk={"device_id": "d1"}), "pm_1")

    assert list(whole) == ["payment_method", "customer", "device"]
    assert list(subjects_of(facts(), None)) == []


def test_live_and_test_are_counted_apart() -> None:
    assert subjects_of(facts(customer="c"), None) != subjects_of(facts(customer="c", livemode=True), None)


def test_a_key_tells_nobody_who_it_is() -> None:
    assert "ada@example.com" not in str(subjects_of(facts(customer="ada@example.com"), None))


def test_the_window_of_an_hour_counts_what_is_within_it_and_the_day_counts_all() -> None:
    fields = {field(VELOCITY, ago(minutes=50)): 2, field(VELOCITY, ago(hours=3)): 5, field(DECLINES, ago(hours=3)): 4}

    assert totals(fields, "customer", NOON) == {
        "velocity.customer.1h": 2,
        "velocity.customer.24h": 7,
        "declines.customer.1h": 0,
        "declines.customer.24h": 4,
    }


def test_a_window_reaches_back_five_minutes_further_at_most() -> None:
    fields = {field(VELOCITY, ago(minutes=60)): 1, field(VELOCITY, ago(minutes=66)): 10}

    assert totals(fields, "customer", NOON)["velocity.customer.1h"] == 1


def test_every_fact_that_is_counted_can_be_told() -> None:
    told = {name for of in ("payment_method", "customer", "device") for name in totals({}, of, NOON)}

    assert told == COUNTED


def test_what_counts_no_more_is_forgotten() -> None:
    counts = Counts()
    counts.add({("k", field(VELOCITY, ago(hours=30))): 1}, ago(hours=30))
    counts.add({("k", field(VELOCITY, NOON)): 1}, NOON)

    assert counts.of("k") == {field(VELOCITY, NOON): 1}


def test_who_was_not_seen_for_longest_is_forgotten_first() -> None:
    counts, name = Counts(), field(VELOCITY, NOON)
    for number in range(SUBJECTS_MAX):
        counts.add({(str(number), name): 1}, NOON)
    counts.add({("0", name): 1}, NOON)
    counts.add({("new", name): 1}, NOON)

    assert (counts.of("0"), counts.of("1"), counts.of("new")) == ({name: 2}, {}, {name: 1})
