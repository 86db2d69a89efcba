"""Catching up: what a processor could not deliver is read from its own list of events, and kept in the same inbox."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct
from sqlalchemy import select

from adapters.abilities import ListsEvents
from adapters.contract import Delivery
from hub import metrics
from hub.database import Database
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.webhooks import marks, store
from hub.webhooks.marks import Mark
from hub.webhooks.tables import webhook_deliveries
from hub.webhooks.versions import count_versions

OVERLAP: Final = timedelta(minutes=15)
"""How far before the mark a list is read again: a processor's clock and its list may be behind ours."""
AT_ONCE: Final = 8
PAGES_MAX: Final = 2_000
_log = structlog.get_logger(__name__)


class Progress(Struct, frozen=True):
    """How far a list was gone through: deliveries listed, and those of them that were missing."""

    listed: int = 0
    missing: int = 0


async def catch_up_due(shell: Shell) -> int:
    """Go through the lists that are due; returns how many deliveries were missing."""
    able = {one.account.id: one for one in shell.directory.accounts().values() if lister(one) is not None}
    if not able:
        return 0
    await marks.begin(shell.database, sorted(able))
    claimed = await marks.claim(shell.database, AT_ONCE)
    found = await asyncio.gather(*(_catch_up(shell, able.get(mark.id), mark) for mark in claimed))
    return sum(found)


def lister(connected: Connected) -> ListsEvents | None:
    """Give what reads the list of an account's processor; None where that keeps none."""
    return connected.adapter if isinstance(connected.adapter, ListsEvents) else None


async def catch_up(
    shell: Shell,
    connected: Connected,
    since: datetime,
    told: Callable[[Progress], None] | None = None,
    *,
    delivered_too: bool = False,
) -> Progress:
    """Go through an account's list from *since* on and keep what is missing; *told* hears of every page.

    With *delivered_too* the list is of all that happened, for what was acknowledged and is not kept here any more.

    Raises:
        AdapterError: when a page cannot be had; what came before is kept.
        TimeoutError: when a page takes too long.
        LookupError: when the account's processor keeps no such list, or it has no end.
    """
    events = lister(connected)
    if events is None:
        raise LookupError(f"{connected.account.processor} keeps no list of what it could not deliver")
    account_id, began_at = connected.account.id, shell.clock()
    progress = Progress()
    pages = aiter(events.undelivered(since, delivered_too=delivered_too))
    for _ in range(PAGES_MAX):
        async with asyncio.timeout(shell.settings.request_ms / 1000):
            page = await anext(pages, None)
        if page is None:
            await marks.advance(shell.database, account_id, since, began_at, shell.settings.catch_up_s)
            return progress
        missing = await _missing(shell.database, account_id, page)
        if missing:
            count_versions(account_id, missing)
            await store.keep(shell.database, account_id, missing, shell.clock())
            metrics.CAUGHT_UP.labels(account_id).inc(len(missing))
            shell.wake()
        await marks.renew(shell.database, account_id)
        progress = Progress(progress.listed + len(page), progress.missing + len(missing))
        if told is not None:
            told(progress)
    raise LookupError(f"the list of events has more than {PAGES_MAX} pages")


async def _catch_up(shell: Shell, connected: Connected | None, mark: Mark) -> int:
    """Go through one list that is due; one that cannot be is put off, and the mark stays."""
    again_s = shell.settings.catch_up_s
    if connected is None:  # It is gone, or its adapter can do so no more.
        await marks.put_off(shell.database, mark.id, again_s, "no account here whose processor lists its events")
        return 0
    try:
        progress = await catch_up(shell, connected, mark.listed_ends_at - OVERLAP)
    except Exception as failure:  # noqa: BLE001 - one account's trouble must not keep the others
        _log.warning("not_caught_up", merchant_account=mark.id, tries=mark.tries, failure=str(failure))
        await marks.put_off(shell.database, mark.id, again_s, f"{type(failure).__name__}: {failure}"[:500])
        return 0
    if progress.missing:
        _log.warning("caught_up", merchant_account=mark.id, missing=progress.missing, listed=progress.listed)
    return progress.missing


async def _missing(database: Database, account_id: str, page: Sequence[Delivery]) -> list[Delivery]:
    """Leave out what is kept already; keeping it again would change nothing, and write."""
    columns = webhook_deliveries.c
    keys = [delivery.key for delivery in page]
    known = select(columns.delivery_key).where(columns.merchant_account == account_id, columns.delivery_key.in_(keys))
    async with database.reading() as connection:
        kept = set((await connection.execute(known)).scalars())
    return [delivery for delivery in page if delivery.key not in kept]
