"""The requests that the kit makes; each check says only what differs."""

from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from adapters.contract import Authorize, FollowUp, Routed
from normalization.money import Currency, Money
from normalization.outcome import Operation
from normalization.tokens import ProcessorToken

PAID_MINOR: Final = 48271
"""What a payment is about: digits that occur in an answer nowhere but in its amounts."""
CAPTURED_MINOR: Final = 27319
REFUNDED_MINOR: Final = 13463

ATTEMPT: Final = "att_conformance00000001"
ANOTHER: Final = "att_conformance00000002"
IDS: Final = {
    Operation.AUTHORIZE: ATTEMPT,
    Operation.PURCHASE: ATTEMPT,
    Operation.CAPTURE: "cap_conformance00000001",
    Operation.VOID: "can_conformance00000001",
    Operation.REFUND: "ref_conformance00000001",
}
PAYMENT: Final = "pay_conformance00000001"
REFERENCE: Final = "order-conformance-1"
ROUTED: Final = Routed(
    merchant_account="ma_conformance000000001", ruleset="rs_conformance000000001", version=7, rule="eu-cards"
)
"""What routing decided of the payment, without the attempt that a follow-up names."""
RETURN_URL: Final = "https://hub.example/return/conformance"


def opening(
    operation: Operation,
    token: ProcessorToken | None,
    currency: Currency,
    *,
    minor: int = PAID_MINOR,
    operation_id: str = ATTEMPT,
) -> Authorize:
    """Ask for an authorization or a purchase, the payer present and ready to be redirected."""
    return Authorize(
        operation=operation,
        operation_id=operation_id,
        payment_id=PAYMENT,
        reference=REFERENCE,
        money=Money(minor, currency),
        requested_at=datetime.now(UTC),
        token=token,
        return_url=RETURN_URL,
        routed=ROUTED,
    )


def follow_up(
    operation: Operation, parent_reference: str, currency: Currency, *, minor: int, operation_id: str | None = None
) -> FollowUp:
    """Ask for a capture, void or refund of a payment."""
    return FollowUp(
        operation=operation,
        operation_id=operation_id or IDS[operation],
        payment_id=PAYMENT,
        reference=REFERENCE,
        money=Money(minor, currency),
        parent_reference=parent_reference,
        requested_at=datetime.now(UTC),
        routed=replace(ROUTED, attempt=ATTEMPT),
    )
