"""Exceptions of parked and unmatched deliveries are closed when what they are about was read after all."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import RowMapping, select

from hub.exceptions.opening import OPEN
from hub.exceptions.store import close
from hub.payments.shell import Shell
from hub.settlement.tables import exceptions
from hub.webhooks.tables import webhook_deliveries

BATCH: Final = 500
"""Exceptions that are read at once; those that wait for a human are all looked at, however many."""
PARKED: Final = "delivery_parked"
READ: Final = "read_later"
PARKED_AGAIN: Final = "parked_again"
"""It has another exception by now."""


async def close_mended(shell: Shell) -> int:
    """Close what needs no human any more; returns how many exceptions there were."""
    closed, before, seen = 0, None, set[str]()
    while page := await _open_before(shell, before):
        mended = _mended(page, seen)
        for how in sorted({how for _, how in mended}):
            async with shell.database.transaction() as connection:
                ids = [id_ for id_, why in mended if why == how]
                closed += await close(connection, ids, how, shell.clock())
        before = page[-1]["id"]
    return closed


async def _open_before(shell: Shell, before: str | None) -> Sequence[RowMapping]:
    """Read open exceptions of deliveries, the newest first, each with how its delivery stands now."""
    columns = exceptions.c.id, exceptions.c.type, exceptions.c.delivery_id
    told = webhook_deliveries.c.id == exceptions.c.delivery_id
    about = (
        select(*columns, webhook_deliveries.c.status)
        .outerjoin_from(exceptions, webhook_deliveries, told)
        .where(exceptions.c.delivery_id.is_not(None), exceptions.c.status == OPEN)
    )
    if before is not None:
        about = about.where(exceptions.c.id < before)
    async with shell.database.reading() as connection:
        return (await connection.execute(about.order_by(exceptions.c.id.desc()).limit(BATCH))).mappings().all()


def _mended(page: Sequence[RowMapping], seen: set[str]) -> list[tuple[str, str]]:
    """Tell which of a *page* are settled, and how; *seen* holds the deliveries of newer exceptions, and gets these."""
    mended = []
    for row in page:
        if row["status"] in {"done", "ignored"}:
            mended.append((row["id"], READ))
        elif row["type"] == PARKED and row["delivery_id"] in seen:
            mended.append((row["id"], PARKED_AGAIN))
        if row["type"] == PARKED:
            seen.add(row["delivery_id"])
    return mended
