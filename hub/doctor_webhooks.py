"""What `hub doctor` says of webhooks: what nobody reads, what could not be read, and accounts that hear nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from sqlalchemy import Float, RowMapping, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import in_seconds
from hub.doctor_findings import Finding, good, instant, wrong
from hub.payments.states import OperationStatus
from hub.payments.tables import operations
from hub.webhooks.marks import catch_ups
from hub.webhooks.tables import webhook_deliveries
from normalization.outcome import OPENING

OVERDUE_S: Final = 300.0
"""How long a delivery may be due before somebody has to look after the worker."""
SILENT: Final = timedelta(hours=24)
"""How long before an account's newest charge its last delivery may be."""
SOON: Final = timedelta(hours=1)
"""How long a processor may take to tell of a charge before its silence means anything."""
LATELY: Final = timedelta(days=7)


class Heard(Struct, frozen=True, kw_only=True):
    """When an account was last charged with success, and last heard of; None: never."""

    charged_at: datetime | None
    heard_at: datetime | None


async def look_at_webhooks(
    connection: AsyncConnection, accounts: Sequence[RowMapping], now: datetime, public_url: str
) -> list[Finding]:
    """Look at the inbox, and at what each of *accounts* has heard."""
    return [
        await _read(connection),
        await _parked(connection),
        await _unmatched(connection),
        *await _versions(connection, accounts, now),
        *await _silent(connection, accounts, now, public_url),
        *await _not_caught_up(connection, accounts),
    ]


def is_silent(heard: Heard, now: datetime) -> bool:
    """Whether an account that is charged should have been heard of since."""
    if heard.charged_at is None or now - heard.charged_at < SOON:
        return False
    return heard.heard_at is None or heard.charged_at - heard.heard_at > SILENT


async def _read(connection: AsyncConnection) -> Finding:
    columns = webhook_deliveries.c
    due = columns.due_at < in_seconds(bindparam("overdue_s", -OVERDUE_S, type_=Float))
    count, oldest = (await connection.execute(select(func.count(), func.min(columns.received_at)).where(due))).one()
    if not count:
        return good("webhooks", "what comes in is read")
    told = f"{count} have been due for {OVERDUE_S / 60:.0f} minutes and more, the oldest since {instant(oldest)}"
    return wrong("webhooks", told, "run `hub worker`; where one runs, look at its log")


async def _parked(connection: AsyncConnection) -> Finding:
    count, oldest = await _count(connection, "parked")
    if not count:
        return good("parked webhooks", "none")
    told = f"{count} could not be read, since {instant(oldest)}"
    mend = "see why with `hub webhooks list --status parked`; when that is mended, `hub webhooks replay`"
    return wrong("parked webhooks", told, mend)


async def _unmatched(connection: AsyncConnection) -> Finding:
    count, oldest = await _count(connection, "unmatched")
    if not count:
        return good("unmatched webhooks", "none")
    told = f"{count} speak of nothing that is known here, since {instant(oldest)}"
    mend = "nothing, where other systems charge at the same accounts; else `hub webhooks list --status unmatched`"
    return good("unmatched webhooks", told, mend)


async def _count(connection: AsyncConnection, status: str) -> tuple[int, datetime]:
    columns = webhook_deliveries.c
    ended = select(func.count(), func.min(columns.received_at)).where(columns.status == status)
    count, oldest = (await connection.execute(ended)).one()
    return int(count), oldest


async def _versions(connection: AsyncConnection, accounts: Sequence[RowMapping], now: datetime) -> list[Finding]:
    columns = webhook_deliveries.c
    rows = await connection.execute(
        select(columns.merchant_account, columns.api_version, func.count())
        .where(columns.api_version.is_not(None), columns.received_at > now - LATELY)
        .group_by(columns.merchant_account, columns.api_version)
        .order_by(columns.merchant_account, columns.api_version)
    )
    names, processors = _names(accounts), {row["id"]: row["processor"] for row in accounts}
    return [
        wrong(
            f"webhooks of {names.get(account, account)}",
            f"{count} in a week are of API version {version}, which the adapter was not written for",
            f"make the endpoint anew at the processor, with the version that docs/adapters/"
            f"{processors.get(account, 'stripe')}.md names; until then they are read as far as they can be",
        )
        for account, version, count in rows
    ]


async def _silent(
    connection: AsyncConnection, accounts: Sequence[RowMapping], now: datetime, public_url: str
) -> list[Finding]:
    made, told = operations.c, webhook_deliveries.c
    charged = await connection.execute(
        select(made.merchant_account, func.max(made.started_at))
        .where(
            made.kind.in_(sorted(OPENING)),
            made.status == OperationStatus.APPROVED,
            made.started_at > now - LATELY,
            made.started_at < now - SOON,
        )
        .group_by(made.merchant_account)
    )
    last = await connection.execute(
        select(told.merchant_account, func.max(told.received_at)).group_by(told.merchant_account)
    )
    charged_at, heard_at = dict(tuple(row) for row in charged), dict(tuple(row) for row in last)
    found = []
    for row in accounts:
        heard = Heard(charged_at=charged_at.get(row["id"]), heard_at=heard_at.get(row["id"]))
        if is_silent(heard, now):
            since = "never told anything" if heard.heard_at is None else f"told nothing since {instant(heard.heard_at)}"
            mend = f"register {public_url}/webhooks/{row['id']} there, or see there why it is not reached"
            found.append(wrong(f"webhooks of {row['name']}", f"it charges, and has {since}", mend))
    return found


async def _not_caught_up(connection: AsyncConnection, accounts: Sequence[RowMapping]) -> list[Finding]:
    failed = select(catch_ups).where(catch_ups.c.error.is_not(None)).order_by(catch_ups.c.id)
    rows = (await connection.execute(failed)).mappings().all()
    names = _names(accounts)
    return [
        wrong(
            f"catching up of {names[row['id']]}",
            f"what could not be delivered is not known since {instant(row['listed_ends_at'])}: {row['error']}",
            "see docs/webhooks.md; try with `hub webhooks catch-up`",
        )
        for row in rows
        if row["id"] in names
    ]


def _names(accounts: Sequence[RowMapping]) -> Mapping[str, str]:
    return {row["id"]: row["name"] for row in accounts}
