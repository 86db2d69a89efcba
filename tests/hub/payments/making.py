"""Payments, operations and reports to test with."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from hub.payments.states import OperationState, OperationStatus, Payment, Status
from normalization.declines import Decline, DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Approved, Declined, Operation, Outcome, Report

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NO_FUNDS = Declined(Decline(code=DeclineCode.INSUFFICIENT_FUNDS, processor_code="51"))


def eur(minor: int) -> Money:
    return Money(minor, Currency.EUR)


def payment(**changes: Any) -> Payment:
    """10.00 EUR, just sent to an account."""
    new = Payment(
        id="pay_1",
        livemode=False,
        version=1,
        status=Status.PROCESSING,
        amount_minor=1000,
        currency=Currency.EUR,
        capture="automatic",
        reference="invoice-1",
        holds_reference=True,
        merchant_account="ma_1",
        processor="stripe",
        attempt_id="att_1",
        routing=b"{}",
        metadata=b"{}",
        facts=b"{}",
        created_by="shop",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(new, **changes)


def operation(kind: Operation = Operation.PURCHASE, minor: int = 1000, **changes: Any) -> OperationState:
    prefix = {Operation.CAPTURE: "cap_1", Operation.VOID: "can_1", Operation.REFUND: "ref_1"}
    new = OperationState(
        id=prefix.get(kind, "att_1"),
        payment_id="pay_1",
        attempt_id="att_1",
        livemode=False,
        kind=kind,
        status=OperationStatus.SENDING,
        merchant_account="ma_1",
        processor="stripe",
        money=eur(minor),
        request=b"{}",
        requested_by="shop",
        key_id="key_1",
        started_at=NOW,
    )
    return replace(new, **changes)


def report(kind: Operation, outcome: Outcome | None = None, minor: int | None = None, **changes: Any) -> Report:
    new = Report(
        kind=kind,
        tag=None,
        processor_reference="psp_1",
        money=None if minor is None else eur(minor),
        livemode=False,
        outcome=outcome or Approved(),
    )
    return replace(new, **changes)
