"""What a processor tells of its settlements: kept once, and told on as an event."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Float, bindparam, insert
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing

from adapters.contract import NoticeKind, SettlementNotice
from hub.database import in_seconds
from hub.events.rows import event_row
from hub.events.tables import events
from hub.ids import new_id
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.settlement.downloading import fetched_after
from hub.settlement.payouts import check_told
from hub.settlement.tables import settlement_notices
from normalization.money import Currency

EVENTS: Final[Mapping[NoticeKind, str]] = MappingProxyType(
    {
        NoticeKind.REPORT_AVAILABLE: "settlement.report_available",
        NoticeKind.PAYOUT_PAID: "payout.paid",
        NoticeKind.PAYOUT_FAILED: "payout.failed",
    }
)


class NoticeBody(Struct, frozen=True, kw_only=True):
    """A notice as its event shows it; `processor_reference` names the report or the payout."""

    id: str
    object: str = "settlement_notice"
    livemode: bool
    merchant_account: str
    processor: str
    kind: NoticeKind
    processor_reference: str
    amount: int | None
    currency: Currency | None
    received_at: datetime


async def note_notice(shell: Shell, connected: Connected, notice: SettlementNotice) -> None:
    """Keep *notice* and its event; one that is kept already changes nothing."""
    body = NoticeBody(
        id=new_id("sn_"),
        livemode=connected.account.livemode,
        merchant_account=connected.account.id,
        processor=connected.account.processor,
        kind=notice.kind,
        processor_reference=notice.processor_reference,
        amount=notice.money.minor if notice.money else None,
        currency=notice.money.currency if notice.money else None,
        received_at=shell.clock(),
    )
    same = ("id", "livemode", "merchant_account", "processor", "kind", "processor_reference", "currency", "received_at")
    row = {name: getattr(body, name) for name in same} | {"amount_minor": body.amount, "location": notice.location}
    after_s = fetched_after(connected, notice.kind)
    row["due_at"] = None if after_s is None else in_seconds(bindparam("after_s", after_s, type_=Float))
    key = ["merchant_account", "kind", "processor_reference"]
    # A statement of PostgreSQL's dialect, which SQLite writes in the same words.
    keep = insert_or_nothing(settlement_notices).values(row).on_conflict_do_nothing(index_elements=key)
    told, of = EVENTS[notice.kind], notice.processor_reference  # What is told of one payout has its order.
    event = event_row(told, of, msgspec.json.encode(body), livemode=body.livemode, at=body.received_at)
    async with shell.database.transaction() as connection:
        if (await connection.execute(keep)).rowcount:
            await connection.execute(insert(events).values(event))
            if notice.kind is NoticeKind.PAYOUT_PAID:
                await check_told(connection, body.merchant_account, notice.processor_reference, body.received_at)
