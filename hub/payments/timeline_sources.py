"""What a payment's timeline is read from: each table, what of a row is shown, and which rows are the payment's."""

from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, CompoundSelect, Select, Table, or_, select, union

from hub.access.tables import audit_log
from hub.approvals.tables import approvals
from hub.disputes.tables import dispute_reports, disputes
from hub.events.tables import events
from hub.exceptions.tables import exception_history
from hub.ledger.tables import transfers
from hub.payments.tables import operations, reports
from hub.settlement.tables import exceptions, expected_settlements, settlement_lines, settlement_matches
from hub.webhooks.tables import webhook_deliveries

Kind = Literal[
    "operation", "report", "dispute", "webhook", "transfer", "expected_settlement", "settlement_line", "match", "event",
    "exception", "exception_step", "approval", "audit",
]  # fmt: skip


class Source(Struct, frozen=True):
    """A table whose rows are entries: `summary` has the row's columns in braces, `id` names the one to show as id.

    An amount is named without its unit there, and is shown in the currency's whole unit.
    """

    kind: Kind
    table: Table
    at: str
    summary: str
    shown: tuple[str, ...]
    id: str = "id"


SOURCES: Final = (
    Source(
        "operation",
        operations,
        "started_at",
        "{kind} of {amount} {currency} at {merchant_account} ({processor}): {status}",
        ("kind", "status", "reason", "merchant_account", "processor", "processor_reference", "amount_minor", "currency",
         "latency_ms", "inquiries", "external", "requested_by", "decline"),
    ),
    Source(
        "report",
        reports,
        "recorded_at",
        "told by {source} about {operation_id}",
        ("source", "operation_id", "report"),
    ),
    Source(
        "dispute",
        dispute_reports,
        "recorded_at",
        "told by {source} about the dispute {dispute_id}: {told}",
        ("source", "dispute_id", "report"),
    ),
    Source(
        "webhook",
        webhook_deliveries,
        "received_at",
        "delivery {delivery_key}: {status}",
        ("merchant_account", "delivery_key", "subject", "status", "tries", "error"),
    ),
    Source(
        "transfer",
        transfers,
        "created_at",
        "{amount} {currency} from {credit} to {debit} ({code})",
        ("debit", "credit", "amount_minor", "currency", "code", "operation_id"),
    ),
    Source(
        "expected_settlement",
        expected_settlements,
        "created_at",
        "{gross} {currency} must arrive by {due_on}, fee {fee}",
        ("type", "gross_minor", "fee_minor", "currency", "due_on", "merchant_account", "operation_id"),
    ),
    Source(
        "settlement_line",
        settlement_lines,
        "created_at",
        "{type} of {gross} {currency}, fee {fee}, row {number} of {batch_id}: {status}",
        ("batch_id", "number", "type", "raw_type", "gross_minor", "fee_minor", "net_minor", "currency", "booked_at",
         "payout", "merchant_account", "operation_id", "match_id", "status"),
    ),
    Source(
        "match",
        settlement_matches,
        "matched_at",
        "{expected_id} is settled by {line_id}",
        ("expected_id", "line_id"),
        id="expected_id",
    ),
    Source("event", events, "created_at", "{type}", ("type", "object_id", "position")),
    Source(
        "exception",
        exceptions,
        "created_at",
        "{type}: {detail}",
        ("type", "status", "detail", "amount_minor", "variance_minor", "currency", "operation_id", "line_id", "owner"),
    ),
    Source(
        "exception_step",
        exception_history,
        "created_at",
        "{exception_id} {action} by {principal}",
        ("exception_id", "action", "principal", "details"),
    ),
    Source(
        "approval",
        approvals,
        "created_at",
        "{summary}, asked for by {requested_by}: {status}",
        ("kind", "status", "object_id", "requested_by", "decided_by", "decided_at", "decision_reason", "result",
         "error"),
    ),
    Source(
        "audit",
        audit_log,
        "created_at",
        "{action} by {principal}",
        ("action", "object_id", "principal", "key_id", "details"),
    ),
)  # fmt: skip


def belongs(source: Source, payment_id: str) -> ColumnElement[bool]:
    """Choose the rows of *source* that are about a payment."""
    table = source.table.c
    match source.kind:
        case "settlement_line":
            return table.id.in_(lines_of(payment_id))
        case "match":
            return table.expected_id.in_(_ids(expected_settlements, payment_id))
        case "exception_step":
            return table.exception_id.in_(_ids(exceptions, payment_id))
        case "approval":
            return or_(table.object_id == payment_id, table.object_id.in_(_ids(exceptions, payment_id)))
        case "event" | "audit":
            about = [_ids(one, payment_id) for one in (operations, disputes, exceptions)]
            about += [_approvals(payment_id)] if source.kind == "audit" else []
            return or_(table.object_id == payment_id, *(table.object_id.in_(ids) for ids in about))
        case _:
            return table.payment_id == payment_id


def _ids(table: Table, payment_id: str) -> Select[Any]:
    return select(table.c.id).where(table.c.payment_id == payment_id)


def _approvals(payment_id: str) -> Select[Any]:
    of = approvals.c.object_id
    return select(approvals.c.id).where(or_(of == payment_id, of.in_(_ids(exceptions, payment_id))))


def lines_of(payment_id: str) -> CompoundSelect[Any]:
    """Name the lines that settled something of the payment, were booked for it, or are in an exception about it."""
    booked = select(transfers.c.line_id).where(transfers.c.payment_id == payment_id, transfers.c.line_id.is_not(None))
    doubted = select(exceptions.c.line_id).where(
        exceptions.c.payment_id == payment_id, exceptions.c.line_id.is_not(None)
    )
    matched = select(settlement_matches.c.line_id).where(
        settlement_matches.c.expected_id.in_(_ids(expected_settlements, payment_id))
    )
    return union(booked, doubted, matched)
