"""Between the charge path's values and the rows of its tables; pure."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from hub.ids import new_id
from hub.payments.changes import Actor, Evidence, Expected
from hub.payments.states import Booking, OperationState, OperationStatus, Payment, Status
from hub.retries.rules import Advised, Charged
from normalization.declines import Decline
from normalization.money import Currency, Money
from normalization.outcome import Operation

OF_SETTLEMENT: Final = frozenset({
    "line_id", "exception_id", "approval_id", "bank_entry_id", "variance_minor",
    "expected_id", "batch_id", "delivery_id", "context", "owner", "resolution", "resolved_by", "resolved_at",
    "position",
})  # fmt: skip
"""Columns that stay NULL until settlement, or a human, has something to say."""
_PAYMENT: Final = tuple(f"p_{name}" for name in Payment.__struct_fields__)


@cache
def _operation(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in OperationState.__struct_fields__)


def payment_values(payment: Payment) -> dict[str, Any]:
    """Bind a payment's columns, with the prefix `p_`."""
    values = dict(zip(_PAYMENT, astuple(payment), strict=True))
    values["p_decline"] = msgspec.json.encode(payment.decline) if payment.decline else None
    return values


def operation_values(
    operation: OperationState, prefix: str, due_s: float | None, lease_s: float | None
) -> dict[str, Any]:
    """Bind an operation's columns; it is due, and its lease ends, so many seconds from now by the database's clock."""
    values = dict(zip(_operation(prefix), astuple(operation), strict=True))
    money: Money = values.pop(f"{prefix}money")
    values |= {f"{prefix}amount_minor": money.minor, f"{prefix}currency": money.currency}
    values[f"{prefix}decline"] = msgspec.json.encode(operation.decline) if operation.decline else None
    values |= {f"{prefix}lease_s": lease_s, f"{prefix}due_s": due_s}
    return values


def prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Put *prefix* before every name."""
    return {f"{prefix}{name}": value for name, value in values.items()}


def report_values(operation: OperationState, evidence: Evidence) -> dict[str, Any]:
    """Bind a row of `reports`, with the prefix `r_`."""
    return {
        "r_id": new_id("rep_"),
        "r_payment_id": operation.payment_id,
        "r_operation_id": operation.id,
        "r_source": evidence.source,
        "r_report": evidence.report,
        "r_recorded_at": evidence.recorded_at,
    }


def audit_values(
    actor: Actor, payment: Payment, action: str, at: datetime, details: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Bind a row of the audit log about a payment, with the prefix `a_`."""
    return {
        "a_id": new_id("aud_"),
        "a_livemode": payment.livemode,
        "a_key_id": actor.key_id,
        "a_principal": actor.principal,
        "a_action": action,
        "a_object_id": payment.id,
        "a_details": msgspec.json.encode(details or {}).decode(),
        "a_request_id": actor.request_id,
        "a_created_at": at,
        "a_position": None,
        "a_hash": None,
    }


def booking_values(booking: Booking, at: datetime) -> dict[str, Any]:
    """Make a transfer's columns."""
    return {
        "id": new_id("trf_"),
        "debit": booking.debit,
        "credit": booking.credit,
        "amount_minor": booking.money.minor,
        "currency": booking.money.currency,
        "code": booking.code,
        "created_at": at,
    }


def expected_values(operation: OperationState, line: Expected, at: datetime) -> dict[str, Any]:
    """Make the columns of what must arrive because of an operation."""
    owner = {"livemode": operation.livemode, "payment_id": operation.payment_id, "operation_id": operation.id}
    own = {"id": new_id("exs_"), "merchant_account": operation.merchant_account, "created_at": at}
    return owner | own | msgspec.structs.asdict(line)


def exception_values(operation: OperationState, kind: str, detail: str, at: datetime) -> dict[str, Any]:
    """Make the columns of an exception."""
    return {
        "id": new_id("exc_"),
        "type": kind,
        "status": "open",
        "merchant_account": operation.merchant_account,
        "amount_minor": operation.money.minor,
        "currency": operation.money.currency,
        "detail": detail,
        "created_at": at,
    }


def charged(payment: Payment, operation: OperationState) -> Charged:
    """Give an attempt as what counts needs it."""
    return Charged(
        id=operation.id,
        livemode=operation.livemode,
        holder=payment.payment_method or operation.id,
        processor=operation.processor,
        merchant_account=operation.merchant_account,
        money=operation.money,
    )


def to_payment(row: Mapping[Any, Any]) -> Payment:
    """Read a row of `payments`."""
    values: dict[str, Any] = dict(row)
    values |= {"status": Status(row["status"]), "currency": Currency(row["currency"])}
    values["decline"] = _decline(row["decline"])
    return Payment(**values)


def to_operation(row: Mapping[Any, Any]) -> OperationState:
    """Read a row of `operations`."""
    values: dict[str, Any] = dict(row)
    del values["lease_until"]
    values["money"] = Money(values.pop("amount_minor"), Currency(values.pop("currency")))
    values |= {"kind": Operation(row["kind"]), "status": OperationStatus(row["status"])}
    values["decline"] = _decline(row["decline"])
    return OperationState(**values)


def _decline(stored: bytes | None) -> Decline | None:
    return msgspec.json.decode(stored, type=Advised) if stored else None
