"""What a processor could not deliver is found in its list of events: kept once, from a mark that outlives workers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import update

from adapters.contract import Delivery
from adapters.errors import OutcomeUnknownError
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.webhooks.catching_up import OVERLAP, catch_up, catch_up_due
from hub.webhooks.jobs import read_waiting
from hub.webhooks.marks import catch_ups
from tests.hub.house import QUICK, House, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import shown, work
from tests.hub.webhooks.telling import arrive, delivery

QUIET = replace(QUICK, inquiry_first_ms=3_600_000)
"""Nobody asks about an unknown outcome: what is not told by webhook is not known."""


class Lists:
    """A processor that could not deliver; it tells pages of its list, and what it was asked."""

    def __init__(self, *pages: list[str], fails_after: int | None = None) -> None:
        """Hold the keys of what is on each page."""
        self.pages, self.fails_after = pages, fails_after
        self.asked: list[datetime] = []

    async def undelivered(self, since: datetime, *, delivered_too: bool = False) -> AsyncIterator[list[Delivery]]:
        """List it."""
        assert not delivered_too, "nobody asks for what was delivered without being told to"
        self.asked.append(since)
        for number, page in enumerate(self.pages):
            if number == self.fails_after:
                raise OutcomeUnknownError("stripe", "the page did not come")
            yield [
                Delivery(key=key, subject="pi_1", account=None, livemode=False, body=b"{}", api_version="2020-08-27")
                for key in page
            ]


class Accounts:
    """A directory of one account, at the processor that a test gives."""

    def __init__(self, connected: Connected) -> None:
        """Hold the account."""
        self._accounts = {connected.account.id: connected}

    def accounts(self) -> Mapping[str, Connected]:
        """List it."""
        return self._accounts


def pretending(made: House, adapter: Any) -> tuple[Shell, Connected]:
    """The house's shell, with the Stripe account at *adapter* as its only one."""
    shell = made.hub.parts.shell
    real = shell.directory.connected(made.accounts["stripe-eu"])
    assert real is not None
    connected = replace(real, adapter=adapter)
    return replace(shell, directory=Accounts(connected)), connected


async def kept(made: House) -> list[str]:
    return [row["delivery_key"] for row in await rows(made, "SELECT delivery_key FROM webhook_deliveries ORDER BY id")]


async def mark(made: House) -> dict[str, Any]:
    (row,) = await rows(made, "SELECT * FROM catch_ups")
    return row


async def due_now(made: House) -> None:
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(update(catch_ups).values(due_at=datetime(2026, 1, 1, tzinfo=UTC)))


async def test_a_payments_outcome_arrives_although_every_webhook_was_dropped(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=QUIET, with_worker=False) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after", "purchase")
        account = made.accounts["stripe-eu"]
        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=account)
        assert (answer.status_code, answer.json()["status"]) == (202, "processing")
        await made.control("stripe", "POST", "webhooks/flush", {})
        assert await kept(made) == []

        assert await catch_up_due(made.hub.parts.shell) > 0
        await work(made, read_waiting, until_resolved=False)

        assert (await shown(made, answer.json()["id"]))["status"] == "captured"
        await agrees(made)


async def test_what_is_listed_is_kept_once_however_often_it_is_listed(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        lists = Lists(["evt_3", "evt_2"], [], ["evt_1"])
        shell, connected = pretending(made, lists)
        before = made.hub.parts.shell.clock()
        alike = replace(delivery("pi_1", key="evt_1"), api_version="2020-08-27")
        await arrive(shell.database, "ma_another", alike)  # Of the same name by chance.

        found = [await catch_up_due(shell)]
        await due_now(made)
        lists.pages = (["evt_4", "evt_3"], ["evt_2", "evt_1"])
        found.append(await catch_up_due(shell))
        by_hand = await catch_up(shell, connected, before)

        assert (found, by_hand.listed, by_hand.missing) == ([3, 1], 4, 0)
        assert await kept(made) == ["evt_1", "evt_3", "evt_2", "evt_1", "evt_4"]
        versions = await rows(made, "SELECT DISTINCT api_version FROM webhook_deliveries")
        assert versions == [{"api_version": "2020-08-27"}]


async def test_a_list_is_read_from_where_it_was_read_to_and_a_little_before(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        lists = Lists([])
        shell, connected = pretending(made, lists)
        times = iter(datetime(2035, 11, day, tzinfo=UTC) for day in range(22, 30))
        shell = replace(shell, clock=lambda: next(times))

        await catch_up_due(shell)
        await due_now(made)
        await catch_up_due(shell)
        await catch_up(replace(shell, clock=lambda: datetime(2035, 11, 1, tzinfo=UTC)), connected, lists.asked[0])
        await due_now(made)
        await catch_up_due(shell)

        opened = made.hub.parts.shell.clock() - lists.asked[0] - OVERLAP
        assert opened < timedelta(minutes=5), "the first time, from when the account was opened on"
        assert lists.asked[1] == datetime(2035, 11, 22, tzinfo=UTC) - OVERLAP
        assert lists.asked[3] == datetime(2035, 11, 23, tzinfo=UTC) - OVERLAP, "the mark never goes back"


async def test_what_a_short_look_by_hand_leaves_out_is_listed_later(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        lists = Lists([])
        shell, connected = pretending(made, lists)
        await catch_up_due(shell)
        before = await mark(made)

        await catch_up(shell, connected, datetime.now(UTC) + timedelta(hours=1))
        after = await mark(made)

        assert after["listed_ends_at"] == before["listed_ends_at"]
        assert after["listed_at"] > before["listed_at"]


async def test_one_worker_reads_a_list_and_not_before_it_is_due_again(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        lists = Lists(["evt_1"])
        shell, _ = pretending(made, lists)

        found = await asyncio.gather(*(catch_up_due(shell) for _ in range(4)))
        found.append(await catch_up_due(shell))

        assert (sorted(found), len(lists.asked)) == ([0, 0, 0, 0, 1], 1)


async def test_a_list_that_breaks_off_is_read_again_from_the_same_mark(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        lists = Lists(["evt_2"], ["evt_1"], fails_after=1)
        shell, _ = pretending(made, lists)

        assert await catch_up_due(shell) == 0
        broken = await mark(made)
        await due_now(made)
        lists.fails_after = None
        assert await catch_up_due(shell) == 1

        whole = await mark(made)
        assert (broken["listed_at"], broken["tries"]) == (None, 1)
        assert "the page did not come" in broken["error"]
        assert (whole["error"], whole["tries"]) == (None, 0)
        assert lists.asked[0] == lists.asked[1]
        assert await kept(made) == ["evt_2", "evt_1"]


async def test_an_account_whose_processor_keeps_no_list_is_left_alone(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        shell, _ = pretending(made, object())

        assert await catch_up_due(shell) == 0
        assert await rows(made, "SELECT id FROM catch_ups") == []
