"""What is scheduled begins once for all processes, by the database's clock; on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.hub.rulesets.ruling import BACK, PATH, Clock, Rules, ruling

TEN = "2026-11-22T10:00:00Z"
BEHIND = timedelta(minutes=-5)


class Both(tuple[Rules, Rules]):
    """Two processes on one database; the clock of the second is five minutes behind."""

    __slots__ = ()

    def goes_on(self, by: timedelta) -> None:
        """Let time pass for both of them."""
        for one in self:
            one.clock.at += by


@pytest.fixture
async def both(database_url: str) -> AsyncIterator[Both]:
    async with ruling(database_url) as first, ruling(database_url, Clock(ahead=BEHIND)) as second:
        yield Both((first, second))


async def test_a_rollback_takes_back_what_has_begun_also_where_the_clock_is_behind(both: Both) -> None:
    first, second = both
    bases = [await first.write() for _ in range(3)]
    for base in bases[:2]:
        await first.activate(base)
    await first.activate(bases[2], starts_at=TEN)
    both.goes_on(timedelta(minutes=61))

    answer = await second.post(f"{PATH}/rollback", BACK)

    assert (answer.status_code, answer.json()["base"]["ruleset"]) == (200, bases[1])
    assert await first.shape() == await second.shape() == (bases[1], None)


async def test_what_is_scheduled_decides_everywhere_from_one_instant_on(both: Both) -> None:
    first, second = both
    old, new = await first.write(), await first.write()
    await first.activate(old)
    await first.activate(new, starts_at=TEN)
    await second.hub.directory.refresh()

    deciding = []
    for minutes in (59, 2):
        both.goes_on(timedelta(minutes=minutes))
        deciding += [process.deciding("invoice-1") for process in both]

    assert deciding == [old, old, new, new]


async def test_an_instant_is_past_by_the_databases_clock(both: Both) -> None:
    first, second = both
    made = await first.write()
    both.goes_on(timedelta(minutes=62))

    answer = await second.activate(made, starts_at=TEN)

    assert (answer.json()["active"], (await first.shown())["scheduled"]) == (True, [])


async def test_no_change_is_made_before_the_one_ahead_of_it_though_the_databases_clock_steps_back(both: Both) -> None:
    first, _ = both
    old, new, last = [await first.write() for _ in range(3)]
    await first.activate(old)
    await first.activate(new, starts_at=TEN)
    both.goes_on(timedelta(minutes=62))
    await first.activate(last)
    both.goes_on(timedelta(minutes=-10))

    answer = await first.post(f"{PATH}/rollback", BACK)

    assert answer.json()["base"]["ruleset"] == new


async def test_a_snapshot_in_which_what_was_scheduled_has_begun_has_a_version_of_its_own(both: Both) -> None:
    first, second = both
    old, new = await first.write(), await first.write()
    await first.activate(old)
    await first.activate(new, 20, starts_at=TEN)
    versions = [first.hub.directory.routing(livemode=False).version]

    both.goes_on(timedelta(minutes=61))
    versions.append(first.hub.directory.routing(livemode=False).version)
    await second.hub.directory.refresh()  # It reads all of this for the first time, after it began.
    other = second.hub.directory.routing(livemode=False).version
    await first.activate(new, 30)
    versions.append(first.hub.directory.routing(livemode=False).version)

    assert sorted(set(versions)) == versions
    assert other == versions[1]


async def test_no_more_is_scheduled_than_can_be_told_apart(both: Both) -> None:
    first, _ = both
    made = await first.write()

    answers = [await first.activate(made, starts_at=TEN) for _ in range(51)]

    assert {answer.status_code for answer in answers[:50]} == {200}
    assert (answers[50].status_code, answers[50].json()["errors"][0]["field"]) == (422, "starts_at")
