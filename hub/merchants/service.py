"""The directory: every merchant account, connected, and the active rules, as one value that the charge path reads.

It is read anew when the configuration's version changes: at once after a change made here, as soon as Redis tells of
one made elsewhere, and within the poll interval in any case.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import structlog
from msgspec.structs import replace
from sqlalchemy.exc import SQLAlchemyError

from adapters.contract import Registration
from adapters.transport import Transport
from hub import metrics
from hub.database import Database
from hub.merchants import store
from hub.merchants.connecting import Connected, Connector
from hub.redis import SharedMemory
from hub.rulesets.deciding import Deciding, Rulebook
from hub.sealing import Sealer
from hub.stopping import stopped
from routing.account_index import AccountIndex
from routing.plan import Snapshot

__all__ = ["CHANNEL", "VERSIONS_APART", "Connected", "Directory"]

CHANNEL: Final = "hub:configuration"
VERSIONS_APART: Final = 100
"""A snapshot's version counts changes in steps of this, and within a step what was scheduled and began since."""
_LISTEN_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class Directory:
    """Accounts and rules of both modes; `start` it before use. `registrations` are the adapters, by processor."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        registrations: Mapping[str, Registration[Any]],
        transport: Transport,
        shared: SharedMemory,
        *,
        poll_ms: int = 1_000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.registrations = registrations
        self._clock = clock
        self._database = database
        self._connector = Connector(sealer=sealer, registrations=registrations, transport=transport)
        self._shared = shared
        self._poll_seconds = poll_ms / 1000
        self._versions: dict[bool, int] | None = None
        self._connected: Mapping[str, Connected] = MappingProxyType({})
        self._rulebook = Rulebook()
        self._snapshots = {livemode: Snapshot() for livemode in (False, True)}
        self._scheduled = {livemode: deque[Deciding]() for livemode in (False, True)}
        self._apart = timedelta()  # How far the database's clock is ahead of this process's.
        self._refreshing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._subscribed = asyncio.Event()

    def connected(self, account_id: str) -> Connected | None:
        """Find an account of either mode; None for one that does not exist or cannot be connected."""
        return self._connected.get(account_id)

    async def find(self, account_id: str) -> Connected | None:
        """Find an account that may have been opened in another process a moment ago."""
        if account_id not in self._connected:
            await self.refresh()
        return self._connected.get(account_id)

    def accounts(self) -> Mapping[str, Connected]:
        """List every account that can be used, by its id."""
        return self._connected

    def shares_tokens(self, account_id: str) -> bool:
        """Whether the processor's other accounts can charge what it stores at this one; no where it is not known."""
        connected = self.connected(account_id)
        return connected is not None and connected.capabilities.shares_tokens

    def routing(self, *, livemode: bool) -> Snapshot:
        """Give routing all it may know of a mode: accounts, and the rules that decide at this instant."""
        scheduled = self._scheduled[livemode]
        while scheduled and scheduled[0].since <= self._clock() + self._apart:
            version = self._version(livemode=livemode)
            self._snapshots[livemode] = _over(self._snapshots[livemode], scheduled.popleft(), version)
        return self._snapshots[livemode]

    async def start(self) -> None:
        """Read everything, then keep it fresh until `stop`."""
        await self.refresh()
        self._tasks = [asyncio.create_task(self._poll())]
        if self._shared.client is not None:
            self._tasks.append(asyncio.create_task(self._listen()))

    async def listening(self) -> None:
        """Wait until Redis would tell of a change; never returns without Redis."""
        await self._subscribed.wait()

    async def stop(self) -> None:
        """End what `start` began."""
        await stopped(self._tasks)
        self._tasks = []

    async def changed(self) -> None:
        """Take up a change that was committed here, and tell the other processes."""
        await self.refresh()
        await self._shared.publish(CHANNEL, "changed")

    async def refresh(self) -> None:
        """Read everything anew if anything has changed.

        The version is read first: a change that is committed meanwhile makes the next look read again.
        """
        async with self._refreshing, self._database.reading() as connection:
            asked_at = self._clock()
            at = await self._database.now(connection)
            self._apart = at - asked_at - (self._clock() - asked_at) / 2
            versions = await store.versions(connection)
            if versions == self._versions:
                return
            rows = await store.all_accounts(connection)
            deciding = await self._rulebook.read(connection, at)
            found = [self._connector.connect(row, self._connected.get(row["id"])) for row in rows]
            usable = [one for one in found if isinstance(one, Connected)]
            metrics.ACCOUNTS_LEFT_OUT.set(len(found) - len(usable))
            self._connected = MappingProxyType({one.account.id: one for one in usable})
            accounts = [one.account if isinstance(one, Connected) else one for one in found if one is not None]
            self._versions = versions
            for livemode in (False, True):
                plain = Snapshot(accounts=AccountIndex(one for one in accounts if one.livemode is livemode))
                first, *later = deciding[livemode]
                self._snapshots[livemode] = _over(plain, first, self._version(livemode=livemode))
                self._scheduled[livemode] = deque(later)

    def _version(self, *, livemode: bool) -> int:
        return (self._versions or {}).get(livemode, 0)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.refresh()
            except (SQLAlchemyError, OSError) as failure:
                _log.warning("configuration_not_read", failure=type(failure).__name__)
            except Exception:  # noqa: BLE001 - what cannot be read today can tomorrow, and a pause must be heard of then
                _log.exception("configuration_not_read")

    async def _listen(self) -> None:
        """Refresh when Redis tells of a change; while it is away polling does it."""
        client = self._shared.client
        while client is not None:
            with contextlib.suppress(Exception):  # Whatever it is, polling meets it too, and tells.
                async with client.pubsub(ignore_subscribe_messages=True) as told:
                    await told.subscribe(CHANNEL)
                    self._subscribed.set()
                    await self.refresh()  # For what was changed before we listened.
                    while True:
                        if await told.get_message(timeout=_LISTEN_SECONDS) is not None:
                            await self.refresh()
            await asyncio.sleep(self._poll_seconds)


def _over(snapshot: Snapshot, deciding: Deciding, version: int) -> Snapshot:
    """Put over *snapshot* what decides; its version tells each beginning of what was scheduled apart."""
    return replace(
        snapshot,
        ruleset=deciding.ruleset,
        rollout=deciding.rollout,
        shadow=deciding.shadow,
        version=version * VERSIONS_APART + min(deciding.begun, VERSIONS_APART - 1),
    )
