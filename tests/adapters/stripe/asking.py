"""What the hub asks for, in the tests of this adapter."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from adapters.contract import Authorize, FollowUp
from normalization.money import Currency, Money
from normalization.outcome import Operation
from normalization.tokens import ProcessorToken

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EUR_4999 = Money(4999, Currency.EUR)
EUR_1000 = Money(1000, Currency.EUR)
TOKEN = ProcessorToken(processor="stripe", token="pm_card_visa", customer_reference="cus_1")


def purchase(**changes: Any) -> Authorize:
    """49.99 EUR from a saved card, the payer present and ready to be redirected."""
    request = Authorize(
        operation=Operation.PURCHASE, operation_id="att_1", payment_id="pay_1", reference="invoice-1",
        money=EUR_4999, requested_at=AT, token=TOKEN, return_url="https://hub.example/return/pay_1",
    )  # fmt: skip
    return replace(request, **changes)


def authorization(**changes: Any) -> Authorize:
    return purchase(operation=Operation.AUTHORIZE, **changes)


def capture(**changes: Any) -> FollowUp:
    return _follow_up(Operation.CAPTURE, "cap_1", EUR_4999, changes)


def void(**changes: Any) -> FollowUp:
    return _follow_up(Operation.VOID, "can_1", EUR_4999, changes)


def refund(**changes: Any) -> FollowUp:
    return _follow_up(Operation.REFUND, "ref_1", EUR_1000, changes)


def _follow_up(operation: Operation, operation_id: str, money: Money, changes: dict[str, Any]) -> FollowUp:
    request = FollowUp(
        operation=operation, operation_id=operation_id, payment_id="pay_1", reference="invoice-1", money=money,
        parent_reference="pi_1", requested_at=AT,
    )  # fmt: skip
    return replace(request, **changes)
