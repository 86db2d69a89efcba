"""Everything that happened to one payment, in order: any charge explained in a minute."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Table, or_, select

from hub.access.tables import audit_log
from hub.database import Database
from hub.disputes.tables import dispute_reports, disputes
from hub.events.tables import events
from hub.ledger.tables import transfers
from hub.payments.states import Payment
from hub.payments.tables import operations, reports
from hub.settlement.tables import exceptions, expected_settlements
from hub.webhooks.tables import webhook_deliveries

Kind = Literal[
    "operation", "report", "dispute", "webhook", "transfer", "expected_settlement", "event", "exception", "audit"
]
ENTRIES_MAX: Final = 1_000


class Entry(Struct, frozen=True, kw_only=True):
    """One thing that happened; `data` is that thing without what is nobody's business."""

    at: datetime
    kind: Kind
    id: str
    summary: str
    data: dict[str, Any]


class Timeline(Struct, frozen=True, kw_only=True):
    """A payment's entries, oldest first; `truncated` when there are more than can be shown."""

    payment: str
    entries: list[Entry]
    truncated: bool


class _Source(Struct, frozen=True):
    kind: Kind
    table: Table
    at: str
    summary: str  # With the row's columns in braces.
    shown: tuple[str, ...]


_SOURCES: Final = (
    _Source(
        "operation",
        operations,
        "started_at",
        "{kind} of {amount_minor} {currency} at {merchant_account} ({processor}): {status}",
        ("kind", "status", "reason", "merchant_account", "processor", "processor_reference", "amount_minor", "currency",
         "latency_ms", "inquiries", "external", "requested_by", "decline"),
    ),
    _Source(
        "report",
        reports,
        "recorded_at",
        "told by {source} about {operation_id}",
        ("source", "operation_id", "report"),
    ),
    _Source(
        "dispute",
        dispute_reports,
        "recorded_at",
        "told by {source} about the dispute {dispute_id}: {told}",
        ("source", "dispute_id", "report"),
    ),
    _Source(
        "webhook",
        webhook_deliveries,
        "received_at",
        "delivery {delivery_key}: {status}",
        ("merchant_account", "delivery_key", "subject", "status", "tries", "error"),
    ),
    _Source(
        "transfer",
        transfers,
        "created_at",
        "{amount_minor} {currency} from {credit} to {debit} ({code})",
        ("debit", "credit", "amount_minor", "currency", "code", "operation_id"),
    ),
    _Source(
        "expected_settlement",
        expected_settlements,
        "created_at",
        "{gross_minor} {currency} must arrive by {due_on}, fee {fee_minor}",
        ("type", "gross_minor", "fee_minor", "currency", "due_on", "merchant_account", "operation_id"),
    ),
    _Source("event", events, "created_at", "{type}", ("type", "object_id", "position")),
    _Source(
        "exception",
        exceptions,
        "created_at",
        "{type}: {detail}",
        ("type", "status", "detail", "amount_minor", "currency", "operation_id"),
    ),
    _Source("audit", audit_log, "created_at", "{action} by {principal}", ("action", "principal", "key_id", "details")),
)  # fmt: skip
_JSON: Final = frozenset({"report", "decline", "details"})
_ORDER: Final = {source.kind: n for n, source in enumerate(_SOURCES)}


async def timeline_of(database: Database, payment: Payment) -> Timeline:
    """Read everything about *payment*, oldest first."""
    entries: list[Entry] = []
    async with database.reading() as connection:
        for source in _SOURCES:
            table = source.table
            wanted = select(table).where(_belongs(source, payment)).order_by(table.c.id).limit(ENTRIES_MAX + 1)
            rows: Sequence[Mapping[Any, Any]] = (await connection.execute(wanted)).mappings().all()
            entries += [_entry(source, row) for row in rows]
    entries.sort(key=lambda entry: (entry.at, _ORDER[entry.kind], entry.id))
    return Timeline(payment=payment.id, entries=entries[:ENTRIES_MAX], truncated=len(entries) > ENTRIES_MAX)


def _belongs(source: _Source, payment: Payment) -> ColumnElement[bool]:
    table = source.table
    if source.kind == "audit":
        return table.c.object_id == payment.id
    if source.kind == "event":
        own = select(operations.c.id).where(operations.c.payment_id == payment.id)
        disputed = select(disputes.c.id).where(disputes.c.payment_id == payment.id)
        return or_(table.c.object_id == payment.id, table.c.object_id.in_(own), table.c.object_id.in_(disputed))
    return table.c.payment_id == payment.id


def _entry(source: _Source, row: Mapping[Any, Any]) -> Entry:
    data = {name: _shown(name, row[name]) for name in source.shown}
    facts = {**row, "told": _said_of_dispute(data["report"])} if source.kind == "dispute" else row
    return Entry(at=row[source.at], kind=source.kind, id=row["id"], summary=source.summary.format_map(facts), data=data)


def _said_of_dispute(report: Mapping[str, Any]) -> str:
    """Put one word about a dispute into a line: where it stands, in the processor's word too, and what moved."""
    raw = report.get("raw_status")
    moved = "".join(
        f", {one['money']['minor']} {one['money']['currency']} {'given back' if one['reinstated'] else 'taken'}"
        for one in report.get("movements", ())
    )
    return f"{report['stage']} {report['status']}{f' ({raw})' if raw else ''}{moved}"


def _shown(name: str, value: Any) -> Any:  # noqa: ANN401 - a column's value
    return msgspec.json.decode(value) if name in _JSON and value else value
