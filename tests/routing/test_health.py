"""An account that does not answer is left alone for a while, then asked once."""

from datetime import UTC, datetime, timedelta

from routing.health import (
    CALLS_MIN,
    FAILED_IN_A_ROW,
    HEALTHY,
    OPEN_FOR,
    PROBE_FOR,
    WINDOW,
    Circuit,
    Health,
    circuit,
    is_open,
    open_circuits,
    probe,
    record,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def after(ends: str, state: Health = HEALTHY, at: datetime = NOON) -> Health:
    """A state after calls that all ended at one instant: x failed, . did not."""
    for end in ends:
        state = record(state, at, failed=end == "x")
    return state


DOWN = after("x" * FAILED_IN_A_ROW)


def test_failures_in_a_row_open_even_a_quiet_account() -> None:
    assert not is_open(after("x" * (FAILED_IN_A_ROW - 1)), NOON)
    assert circuit(DOWN, NOON) is Circuit.OPEN


def test_a_success_between_starts_the_row_anew() -> None:
    assert not is_open(after("xxxx.xxxx"), NOON)


def test_half_of_enough_calls_opens() -> None:
    assert not is_open(after(".x" * (CALLS_MIN // 2 - 1)), NOON)
    assert is_open(after(".x" * (CALLS_MIN // 2)), NOON)


def test_fewer_than_half_never_opens() -> None:
    assert not is_open(after("..x" * 100), NOON)


def test_what_lies_outside_the_window_is_forgotten() -> None:
    earlier = after("xxx.xxx.xxx.xxx.xxx")

    assert is_open(after("x", earlier, NOON + WINDOW - SECOND), NOON + WINDOW)
    assert not is_open(after("x", earlier, NOON + WINDOW), NOON + WINDOW)


def test_failures_of_an_earlier_window_weigh_nothing_in_the_next() -> None:
    earlier = after("xxx.xxx.xxx.")

    assert not is_open(after(".x.." * (CALLS_MIN // 4), earlier, NOON + WINDOW), NOON + WINDOW)


def test_failures_in_a_row_open_however_seldom_they_come() -> None:
    state = HEALTHY
    for n in range(FAILED_IN_A_ROW):
        state = after("x", state, NOON + n * WINDOW)

    assert is_open(state, NOON + FAILED_IN_A_ROW * WINDOW - OPEN_FOR - SECOND)


def test_an_open_circuit_becomes_half_open_by_time_alone() -> None:
    assert circuit(DOWN, NOON + OPEN_FOR - SECOND) is Circuit.OPEN
    assert circuit(DOWN, NOON + OPEN_FOR) is Circuit.HALF_OPEN
    assert not is_open(DOWN, NOON + OPEN_FOR)


def test_calls_from_before_the_opening_change_nothing() -> None:
    assert after("..x..", DOWN, NOON + SECOND) == DOWN


def test_half_open_lets_one_probe_through_until_it_ends_or_is_lost() -> None:
    ready = NOON + OPEN_FOR
    probing = probe(DOWN, ready)

    assert is_open(probing, ready + SECOND)
    assert not is_open(probing, ready + PROBE_FOR)


def test_a_probe_decides() -> None:
    ready = NOON + OPEN_FOR

    assert record(probe(DOWN, ready), ready, failed=False) == HEALTHY
    assert circuit(record(probe(DOWN, ready), ready, failed=True), ready) is Circuit.OPEN


def test_a_closed_circuit_needs_no_probe() -> None:
    assert probe(HEALTHY, NOON) == HEALTHY


def test_the_accounts_to_keep_away_from_are_listed() -> None:
    assert open_circuits({"ma_1": DOWN, "ma_2": HEALTHY}, NOON) == {"ma_1"}
