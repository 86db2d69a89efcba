"""Deliveries made by hand, and an adapter that tells of them what a test wants."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from msgspec.structs import replace
from sqlalchemy import text

from adapters.contract import Adapter, Delivery, Told
from hub.database import Database
from hub.ids import new_id
from hub.merchants.service import Connected, Directory
from hub.payments.shell import Shell
from hub.webhooks import store
from hub.webhooks.budget import ReadBudgets
from normalization.money import Currency, Money
from normalization.outcome import Approved, Operation, Report
from routing.plan import Snapshot

Answer = Sequence[Told] | Exception | None


def delivery(subject: str, said: str = "", key: str | None = None) -> Delivery:
    """A delivery about *subject* that says *said*."""
    return Delivery(key=key or new_id("evt_"), subject=subject, account=None, livemode=False, body=said.encode())


def bought(payment: dict[str, Any], **changes: Any) -> Report:
    """Say that *payment*, as the API shows it, was bought."""
    told = Report(
        kind=Operation.PURCHASE,
        tag=payment["tag"],
        processor_reference=payment["processor_reference"],
        money=Money(payment["amount"], Currency(payment["currency"])),
        livemode=False,
        outcome=Approved(),
    )
    return replace(told, **changes)


class Telling:
    """Reads a delivery by *read*, and is asked about nothing."""

    def __init__(self, read: Callable[[Delivery], Sequence[Told]]) -> None:
        self._read = read
        self.read: list[str] = []

    def read_delivery(self, delivery: Delivery) -> Sequence[Told]:
        """Note the key, and tell."""
        self.read.append(delivery.key)
        return self._read(delivery)


class Asked(Telling):
    """Can be asked too: for a delivery's subject, to which `answers` has the answer; None hangs."""

    def __init__(self, read: Callable[[Delivery], Sequence[Told]], answers: Callable[[str], Answer]) -> None:
        super().__init__(read)
        self._answers = answers
        self.fetched: Counter[str] = Counter()

    def fetched_as(self, delivery: Delivery) -> str | None:
        """Name the subject."""
        return delivery.subject

    async def fetch(self, name: str) -> Sequence[Told]:
        """Answer, raise or hang."""
        self.fetched[name] += 1
        answer = self._answers(name)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.Event().wait()
        return cast("Sequence[Told]", answer)


class Counting(Asked):
    """Answers nothing, to so many at the same time, once it is let."""

    def __init__(self, goes_on: asyncio.Event) -> None:
        super().__init__(lambda _: [], lambda _: [])
        self.now, self.most, self._goes_on = 0, 0, goes_on

    async def fetch(self, name: str) -> Sequence[Told]:
        """Count who asks."""
        self.fetched[name] += 1
        self.now += 1
        self.most = max(self.now, self.most)
        try:
            await self._goes_on.wait()
        finally:
            self.now -= 1
        return []


class Overlaid:
    """The directory, with other adapters in some accounts."""

    def __init__(self, directory: Directory, adapters: dict[str, Telling]) -> None:
        self._directory = directory
        self._adapters = adapters

    def connected(self, account_id: str) -> Connected | None:
        """Find an account as it is."""
        return self._directory.connected(account_id)

    async def find(self, account_id: str) -> Connected | None:
        """Find an account with the adapter that it has here."""
        connected = await self._directory.find(account_id)
        if connected is None or account_id not in self._adapters:
            return connected
        return replace(connected, adapter=cast("Adapter", self._adapters[account_id]))

    def routing(self, *, livemode: bool) -> Snapshot:
        """Give what routing decides by, as it is."""
        return self._directory.routing(livemode=livemode)


def with_adapters(shell: Shell, adapters: dict[str, Telling], reads_per_second: float = 1000) -> Shell:
    """Give *shell* other adapters, and a read budget of its own."""
    overlaid = cast("Directory", Overlaid(shell.directory, adapters))
    return replace(shell, directory=overlaid, reads=ReadBudgets(reads_per_second))


async def arrive(database: Database, account: str, *deliveries: Delivery, at: datetime | None = None) -> None:
    """Keep deliveries one after the other, as if each had come by itself."""
    for one in deliveries:
        await store.keep(database, account, [one], at or datetime.now(UTC))


async def inbox(database: Database, account: str) -> dict[str, tuple[str, int]]:
    """Read status and tries of an account's deliveries, by what stands in them or else their key."""
    async with database.reading() as connection:
        found = await connection.execute(
            text("SELECT delivery_key, status, tries FROM webhook_deliveries WHERE merchant_account = :a ORDER BY id"),
            {"a": account},
        )
        return {row["delivery_key"]: (row["status"], row["tries"]) for row in found.mappings()}


async def make_due(database: Database) -> None:
    """Let every pause be over."""
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE webhook_deliveries SET due_at = received_at WHERE due_at IS NOT NULL"))
