"""How often a processor is asked: so many times a second and no more, and who has to wait is told for how long."""

from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from hub.webhooks.budget import AT_ONCE_MAX, WAIT_MAX_S, ReadBudget, ReadBudgets


class Clock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


async def ask(budget: ReadBudget, times: int) -> list[float]:
    waits = []
    for _ in range(times):
        async with budget.question() as wait_s:
            waits.append(wait_s)
    return waits


@pytest.fixture
def clock() -> Clock:
    return Clock()


def budget_of(per_second: float, clock: Callable[[], float]) -> ReadBudget:
    return ReadBudgets(per_second, clock).of("ma_1")


async def test_a_seconds_worth_is_asked_at_once_and_the_rest_is_told_to_come_one_after_the_other(clock: Clock) -> None:
    assert await ask(budget_of(4, clock), 7) == [0, 0, 0, 0, 0.25, 0.5, 0.75]


async def test_what_was_spent_comes_back_with_time_and_never_more_than_a_seconds_worth(clock: Clock) -> None:
    budget = budget_of(4, clock)
    await ask(budget, 4)

    clock.now += 0.5
    after_half_a_second = await ask(budget, 3)
    clock.now += 3_600
    after_an_hour = await ask(budget, 5)

    assert [wait_s > 0 for wait_s in after_half_a_second] == [False, False, True]
    assert [wait_s > 0 for wait_s in after_an_hour] == [False] * 4 + [True]


async def test_nobody_is_told_to_wait_for_longer_than_a_minute(clock: Clock) -> None:
    waits = await ask(budget_of(1, clock), 70)

    assert (waits[-1], max(waits)) == (WAIT_MAX_S, WAIT_MAX_S)


async def test_what_one_account_spends_is_not_another_ones(clock: Clock) -> None:
    budgets = ReadBudgets(1, clock)

    await ask(budgets.of("ma_1"), 1)

    assert await ask(budgets.of("ma_2"), 1) == [0]
    assert budgets.of("ma_1") is budgets.of("ma_1")


async def test_while_as_many_are_asked_as_may_be_the_next_waits_and_is_asked_when_one_has_ended(clock: Clock) -> None:
    budget = budget_of(1_000, clock)

    async with AsyncExitStack() as under_way:
        for _ in range(AT_ONCE_MAX):
            assert await under_way.enter_async_context(budget.question()) == 0
        (beyond,) = await ask(budget, 1)

    assert beyond > 0
    assert await ask(budget, AT_ONCE_MAX) == [0] * AT_ONCE_MAX
