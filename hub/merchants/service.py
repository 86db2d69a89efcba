"""The directory: every merchant account, connected, and the active rules, as one value that the charge path reads.

It is read anew when the configuration's version changes: at once after a change made here, as soon as Redis tells of
one made elsewhere, and within the poll interval in any case.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from adapters.contract import Adapter, Capabilities, Registration
from adapters.transport import Transport
from hub.database import Database
from hub.merchants import store
from hub.merchants.credentials import open_credentials
from hub.merchants.profile import Profile, Terms, account_of, terms_of
from hub.redis import SharedMemory
from hub.rulesets.deciding import Deciding, Rulebook
from hub.sealing import SealBrokenError, Sealer
from hub.stopping import stopped
from normalization.money import Currency
from routing.account_index import AccountIndex
from routing.accounts import AccountStatus, MerchantAccount
from routing.plan import Snapshot

CHANNEL: Final = "hub:configuration"
_LISTEN_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class Connected(Struct, frozen=True, kw_only=True):
    """One merchant account, ready to be used; also those that take nothing new, for what they hold."""

    account: MerchantAccount
    adapter: Adapter
    capabilities: Capabilities
    registration: Registration[Any]
    terms: Terms
    credentials_version: int


class Directory:
    """Accounts and rules of both modes; `start` it before use."""

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
        self._clock = clock
        self._database = database
        self._sealer = sealer
        self._registrations = registrations
        self._transport = transport
        self._shared = shared
        self._poll_seconds = poll_ms / 1000
        self._versions: dict[bool, int] | None = None
        self._connected: Mapping[str, Connected] = MappingProxyType({})
        self._rulebook = Rulebook()
        self._snapshots = {livemode: Snapshot() for livemode in (False, True)}
        self._scheduled = {livemode: deque[Deciding]() for livemode in (False, True)}
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
        while scheduled and scheduled[0].since <= self._clock():
            self._snapshots[livemode] = _over(self._snapshots[livemode], scheduled.popleft())
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
            versions = await store.versions(connection)
            if versions == self._versions:
                return
            rows = await store.all_accounts(connection)
            deciding = await self._rulebook.read(connection, self._clock())
            self._connected = MappingProxyType(
                {row["id"]: connected for row in rows if (connected := self._connect(row)) is not None}
            )
            for livemode in (False, True):
                of_mode = (c.account for c in self._connected.values() if c.account.livemode == livemode)
                first, *later = deciding[livemode]
                plain = Snapshot(accounts=AccountIndex(of_mode), version=versions.get(livemode, 0))
                self._snapshots[livemode] = _over(plain, first)
                self._scheduled[livemode] = deque(later)
            self._versions = versions

    def _connect(self, row: RowMapping) -> Connected | None:
        """Make an account's adapter, or keep the one it has; what cannot be connected is left out and logged."""
        registration = self._registrations.get(row["processor"])
        if registration is None:
            _log.error("merchant_account_without_adapter", merchant_account=row["id"], processor=row["processor"])
            return None
        known = self._connected.get(row["id"])
        try:
            if known is not None and known.credentials_version == row["credentials_version"]:
                adapter, capabilities = known.adapter, known.capabilities
            else:
                credentials = open_credentials(self._sealer, registration, row["id"], row["credentials"])
                adapter = registration.connect(credentials, self._transport, bool(row["livemode"]))
                capabilities = registration.capabilities(credentials)
        except (SealBrokenError, msgspec.ValidationError) as broken:
            _log.error("merchant_account_not_connected", merchant_account=row["id"], failure=type(broken).__name__)
            return None
        profile = msgspec.json.decode(row["profile"], type=Profile)
        account = account_of(
            profile,
            id=row["id"],
            name=row["name"],
            processor=row["processor"],
            livemode=bool(row["livemode"]),
            status=AccountStatus(row["status"]),
            amount_ranges=_amount_ranges(capabilities),
        )
        return Connected(
            account=account,
            adapter=adapter,
            capabilities=capabilities,
            registration=registration,
            terms=terms_of(profile),
            credentials_version=row["credentials_version"],
        )

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


def _amount_ranges(capabilities: Capabilities) -> dict[Currency, tuple[int, int]] | None:
    """List what a processor takes, per currency; None where one range fits all of them."""
    if capabilities.currencies is None:
        least, most = capabilities.amounts.minimum_minor, capabilities.amounts.maximum_minor
        return dict.fromkeys(Currency, (least, most))
    return {currency: (r.minimum_minor, r.maximum_minor) for currency, r in capabilities.currencies.items()}


def _over(snapshot: Snapshot, deciding: Deciding) -> Snapshot:
    return replace(snapshot, ruleset=deciding.ruleset, rollout=deciding.rollout, shadow=deciding.shadow)
