"""Everything that an exception leads to: its line, what processors said, the webhook, transfers and events."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.tables import events
from hub.exceptions.tables import exception_history
from hub.ledger.tables import transfers
from hub.payments.tables import operations, reports
from hub.settlement.showing import row_of
from hub.settlement.tables import expected_settlements, settlement_batches, settlement_lines
from hub.webhooks.tables import webhook_deliveries

MOST: Final = 100
"""How many of a kind are shown."""
_LINE: Final = select(settlement_lines, settlement_batches.c.header).join(
    settlement_batches, settlement_batches.c.id == settlement_lines.c.batch_id
)


class Step(Struct, frozen=True, kw_only=True):
    """Something that was done about an exception, by whom, and in which words."""

    action: str
    by: str
    at: datetime
    details: dict[str, Any]


class LineTrace(Struct, frozen=True, kw_only=True):
    """The settlement line; `row` is what stands in the report, by column."""

    id: str
    settlement: str
    number: int
    type: str
    processor_type: str
    gross: int
    fee: int
    net: int
    currency: str
    status: str
    row: dict[str, str]


class ExpectedTrace(Struct, frozen=True, kw_only=True):
    """What must have arrived; `fee` is null where the account's schedule says nothing of it."""

    id: str
    type: str
    gross: int
    fee: int | None
    currency: str
    due_on: date


class ReportTrace(Struct, frozen=True, kw_only=True):
    """What a processor said about the operation, or the payment."""

    id: str
    operation: str
    source: str
    recorded_at: datetime
    report: Any


class WebhookTrace(Struct, frozen=True, kw_only=True):
    """The webhook that it is about."""

    id: str
    status: str
    error: str | None
    received_at: datetime


class TransferTrace(Struct, frozen=True, kw_only=True):
    """What was booked because of it."""

    id: str
    debit: str
    credit: str
    amount: int
    currency: str
    code: str
    created_at: datetime


class EventTrace(Struct, frozen=True, kw_only=True):
    """What applications were told of it; where it went stands at `/v1/events/{id}/deliveries`."""

    id: str
    type: str
    created_at: datetime


class Trace(Struct, frozen=True, kw_only=True):
    """What an exception leads to, at most a hundred of a kind, oldest first."""

    settlement_line: LineTrace | None
    expected_settlement: ExpectedTrace | None
    reports: list[ReportTrace]
    webhook: WebhookTrace | None
    transfers: list[TransferTrace]
    events: list[EventTrace]


async def history_of(connection: AsyncConnection, row: Mapping[Any, Any]) -> list[Step]:
    """Read what was done about an exception, its opening first."""
    mine = select(exception_history).where(exception_history.c.exception_id == row["id"])
    steps = [Step(action="opened", by="hub", at=row["created_at"], details={})]
    for step in await _some(connection, mine.order_by(exception_history.c.id).limit(MOST)):
        details = msgspec.json.decode(step["details"])
        steps.append(Step(action=step["action"], by=step["principal"], at=step["created_at"], details=details))
    return steps


async def trace_of(connection: AsyncConnection, row: Mapping[Any, Any]) -> Trace:
    """Read what the exception of *row* leads to."""
    line = await _one(connection, _LINE.where(settlement_lines.c.id == row["line_id"]))
    expected = select(expected_settlements).where(expected_settlements.c.id == row["expected_id"])
    webhook = select(webhook_deliveries).where(webhook_deliveries.c.id == row["delivery_id"])
    found = await _one(connection, expected)
    told = await _one(connection, webhook)
    booked = select(transfers).where(transfers.c.exception_id == row["id"]).order_by(transfers.c.id).limit(MOST)
    sent = select(events).where(events.c.object_id == row["id"]).order_by(events.c.id).limit(MOST)
    return Trace(
        settlement_line=_line(line) if line else None,
        expected_settlement=_expected(found) if found else None,
        reports=[_report(one) for one in await _some(connection, _said(row))] if row["payment_id"] else [],
        webhook=_webhook(told) if told else None,
        transfers=[_transfer(one) for one in await _some(connection, booked)],
        events=[_event(one) for one in await _some(connection, sent)],
    )


def _said(row: Mapping[Any, Any]) -> Select[Any]:
    """Ask for what was said of the payment at the exception's own account: nobody who sees this may see others."""
    of = reports.c.payment_id == row["payment_id"], operations.c.merchant_account == row["merchant_account"]
    told = select(reports).join_from(reports, operations, operations.c.id == reports.c.operation_id)
    said = told.where(*of).order_by(reports.c.id).limit(MOST)
    return said.where(reports.c.operation_id == row["operation_id"]) if row["operation_id"] else said


async def _one(connection: AsyncConnection, wanted: Select[Any]) -> RowMapping | None:
    found: RowMapping | None = (await connection.execute(wanted)).mappings().one_or_none()
    return found


async def _some(connection: AsyncConnection, wanted: Select[Any]) -> Sequence[RowMapping]:
    found: Sequence[RowMapping] = (await connection.execute(wanted)).mappings().all()
    return found


def _line(row: Mapping[Any, Any]) -> LineTrace:
    return LineTrace(
        id=row["id"],
        settlement=row["batch_id"],
        number=row["number"],
        type=row["type"],
        processor_type=row["raw_type"],
        gross=row["gross_minor"],
        fee=row["fee_minor"],
        net=row["net_minor"],
        currency=row["currency"],
        status=row["status"],
        row=row_of(msgspec.json.decode(row["header"], type=list[str]), row["raw"]),
    )


def _expected(row: Mapping[Any, Any]) -> ExpectedTrace:
    same = {name: row[name] for name in ("id", "type", "currency", "due_on")}
    return ExpectedTrace(**same, gross=row["gross_minor"], fee=row["fee_minor"])


def _report(row: Mapping[Any, Any]) -> ReportTrace:
    same = {name: row[name] for name in ("id", "source", "recorded_at")}
    return ReportTrace(**same, operation=row["operation_id"], report=msgspec.json.decode(row["report"]))


def _webhook(row: Mapping[Any, Any]) -> WebhookTrace:
    return WebhookTrace(**{name: row[name] for name in WebhookTrace.__struct_fields__})


def _transfer(row: Mapping[Any, Any]) -> TransferTrace:
    same = {name: row[name] for name in TransferTrace.__struct_fields__ if name != "amount"}
    return TransferTrace(**same, amount=row["amount_minor"])


def _event(row: Mapping[Any, Any]) -> EventTrace:
    return EventTrace(**{name: row[name] for name in EventTrace.__struct_fields__})
