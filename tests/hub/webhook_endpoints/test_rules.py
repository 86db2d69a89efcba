"""When a delivery comes again, who gets an event, and how much goes to whom at once."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.webhook_endpoints.rules import (
    ALL_FAST_MAX,
    ALL_MAX,
    ALL_SLOW_MAX,
    AT_ONCE_MAX,
    JITTER,
    REST_MAX_S,
    RETRY_AFTER_MAX_S,
    SCHEDULE_S,
    Matcher,
    Standing,
    Subscription,
    next_delay_s,
    retry_after_s,
    room,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY_S = 86_400


def subscription(endpoint: str = "we_1", **changes: object) -> Subscription:
    wanted: dict[str, object] = {
        "endpoint": endpoint,
        "livemode": False,
        "enabled": True,
        "patterns": ("*",),
        "merchant_accounts": None,
        "after_position": 0,
    }
    return Subscription(**(wanted | changes))  # type: ignore[arg-type] # fields of Subscription


@pytest.mark.fault_case(id="WHO-01")
def test_the_schedule_takes_three_days_and_ends() -> None:
    assert timedelta(seconds=sum(SCHEDULE_S)) == timedelta(hours=75, minutes=35, seconds=5)
    assert next_delay_s(len(SCHEDULE_S), 0.5, None) is None


@given(st.integers(1, len(SCHEDULE_S) - 1), st.floats(0, 1), st.none() | st.floats(0, 10 * DAY_S))
def test_a_try_comes_neither_sooner_than_planned_nor_than_asked_within_bounds(
    tries: int, chance: float, asked_s: float | None
) -> None:
    delay = next_delay_s(tries, chance, asked_s)

    assert delay is not None
    assert delay >= SCHEDULE_S[tries]
    assert delay >= min(asked_s or 0, RETRY_AFTER_MAX_S)
    assert delay <= max(SCHEDULE_S[tries] * (1 + JITTER), RETRY_AFTER_MAX_S)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999", RETRY_AFTER_MAX_S),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds


def test_an_event_goes_to_who_wants_its_type_account_mode_and_came_before_it() -> None:
    matcher = Matcher(
        [
            subscription("all"),
            subscription("refunds", patterns=("refund.*",)),
            subscription("ours", merchant_accounts=frozenset({"ma_1"})),
            subscription("theirs", merchant_accounts=frozenset({"ma_2"})),
            subscription("live", livemode=True),
            subscription("late", after_position=7),
        ]
    )

    wanting = matcher.wanting("payment.failed", "ma_1", livemode=False, position=7)
    of_nobody = matcher.wanting("webhook_endpoint.disabled", None, livemode=False, position=8)

    assert [one.endpoint for one in wanting] == ["all", "ours"]
    assert [one.endpoint for one in of_nobody] == ["all", "late"]


def test_an_endpoint_never_tried_gets_one_request_and_one_that_answers_several() -> None:
    standing = Standing(started={})
    first = room(standing, 0.0, fast=0, slow=0)
    standing.ended(0.1, failed=False)

    assert (first, room(standing, 0.2, fast=0, slow=0)) == (1, AT_ONCE_MAX)


def test_an_endpoint_that_hangs_gets_nothing_more_after_a_second() -> None:
    standing = Standing(started={"ed_1": 0.0}, proven=True)

    assert room(standing, 0.5, fast=1, slow=0) == AT_ONCE_MAX - 1
    assert room(standing, 1.5, fast=0, slow=1) == 0


def test_an_endpoint_that_fails_rests_longer_each_time_and_is_back_at_once_when_it_answers() -> None:
    standing = Standing(started={})
    rests = []
    for _ in range(12):
        standing.ended(100.0, failed=True)
        rests.append(standing.rests_until - 100.0)
    while_resting = room(standing, 101.0, fast=0, slow=0)
    rested = room(standing, 131.0, fast=0, slow=0)
    standing.ended(131.0, failed=False)

    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (0.5, REST_MAX_S)
    assert (while_resting, rested, room(standing, 131.0, fast=0, slow=0)) == (0, 1, AT_ONCE_MAX)


def test_slow_endpoints_take_no_place_from_those_that_answer() -> None:
    slow, fast = Standing(started={}), Standing(started={}, proven=True)

    assert room(slow, 0.0, fast=0, slow=ALL_SLOW_MAX) == 0
    assert room(fast, 0.0, fast=0, slow=ALL_SLOW_MAX) == AT_ONCE_MAX
    assert room(fast, 0.0, fast=ALL_FAST_MAX, slow=0) == 0
    assert room(fast, 0.0, fast=0, slow=ALL_MAX) == 0
