"""The requests that the tests begin with; each test says only what differs."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from adapters.contract import Authorize, FollowUp
from normalization.money import Currency, Money
from normalization.outcome import Operation
from normalization.tokens import ProcessorToken

TEN_EUROS = Money(1000, Currency.EUR)
TOKEN = ProcessorToken(processor="checkout_com", token="src_card", customer_reference="cus_1")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RETURN_URL = "https://hub.example/return"


def purchase(**facts: Any) -> Authorize:
    request = Authorize(
        operation=Operation.PURCHASE,
        operation_id="att_1",
        payment_id="hubpay_1",
        reference="invoice-1",
        money=TEN_EUROS,
        requested_at=NOON,
        token=TOKEN,
        return_url=RETURN_URL,
    )
    return replace(request, **facts)


def authorization(**facts: Any) -> Authorize:
    return purchase(operation=Operation.AUTHORIZE, **facts)


def follow_up(operation: Operation, operation_id: str, **facts: Any) -> FollowUp:
    request = FollowUp(
        operation=operation,
        operation_id=operation_id,
        payment_id="hubpay_1",
        reference="invoice-1",
        money=TEN_EUROS,
        parent_reference="pay_1",
        requested_at=NOON,
    )
    return replace(request, **facts)


def capture(**facts: Any) -> FollowUp:
    return follow_up(Operation.CAPTURE, "cap_1", **facts)


def void(**facts: Any) -> FollowUp:
    return follow_up(Operation.VOID, "can_1", **facts)


def refund(**facts: Any) -> FollowUp:
    return follow_up(Operation.REFUND, "ref_1", **facts)
