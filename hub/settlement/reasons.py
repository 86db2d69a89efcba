"""Why a line came that nothing was expected for; pure."""

from collections.abc import Sequence
from typing import Final

from hub.exceptions.types import ExceptionType
from hub.ledger import chart
from hub.payments.states import OperationStatus, Status
from hub.settlement.placing import Place
from hub.settlement.values import Concern, Known, Wanted
from normalization.money import written
from normalization.settlements import LineType, SettlementLine

UNRESOLVED: Final = frozenset(
    {
        OperationStatus.SENDING,
        OperationStatus.PENDING,
        OperationStatus.UNKNOWN,
        OperationStatus.REQUIRES_ACTION,
        OperationStatus.EXCEPTION,
    }
)
_FAILED: Final = frozenset({OperationStatus.DECLINED, OperationStatus.NOT_SENT, OperationStatus.REVERSED})


def is_news(line: SettlementLine, found: Place) -> bool:
    """Whether *line* tells what became of an operation that stands and whose outcome nobody knew."""
    own = found.operation
    if own is None or line.type not in {LineType.CHARGE, LineType.REFUND} or own.attempt_id != own.standing:
        return False
    return own.status in UNRESOLVED


def why(line: SettlementLine, found: Place, wanted: Sequence[Wanted]) -> tuple[Concern, ...]:
    """Name what a human must look at; *wanted* is all that was ever expected of what the line may settle."""
    type_, detail = _reason(line, found, wanted)
    concern = concern_of(type_, line, detail, found)
    if type_ != "chargeback_unannounced" or not line.fee_minor:
        return (concern,)
    fee = f"{written(line.fee_minor, line.currency)} was charged for a chargeback that nobody told of"
    return concern, _concern("fee_unexpected", line, line.fee_minor, fee, found)


def concern_of(type_: ExceptionType, line: SettlementLine, detail: str, found: Place, **context: object) -> Concern:
    """Make the concern about a line as a whole."""
    return _concern(type_, line, line.gross_minor or line.net_minor, detail, found, **context)


def counter_of(type_: ExceptionType, account: str) -> str:
    """Name the account in which a line's money waits while an exception of this type is about it."""
    return chart.REFUNDS_PAYABLE if type_ == "refund_failed" else chart.suspense(account)


def _concern(
    type_: ExceptionType, line: SettlementLine, variance: int, detail: str, found: Place, **context: object
) -> Concern:
    known = found.operation or found.parent or found.elsewhere
    linked = {"linked_to": known.id} if known is not None else {}
    return Concern(
        type=type_,
        variance_minor=variance,
        currency=line.currency.value,
        detail=detail,
        payment_id=known.payment_id if known else None,
        operation_id=known.id if known else None,
        context={"raw_type": line.raw_type} | linked | context,
    )


def _reason(line: SettlementLine, found: Place, wanted: Sequence[Wanted]) -> tuple[ExceptionType, str]:
    if found.elsewhere is not None:
        there = found.elsewhere.merchant_account
        return "wrong_merchant_account", f"{found.elsewhere.id} was charged at {there} and settled here"
    match line.type:
        case LineType.CHARGE:
            return _charge(found.operation, wanted)
        case LineType.CHARGE_REVERSAL:
            return _taken_back(found, wanted)
        case LineType.REFUND:
            return _refund(line, found, wanted)
        case LineType.REFUND_REVERSAL:
            return _came_back(found, wanted)
        case LineType.CHARGEBACK | LineType.SECOND_CHARGEBACK:
            return _chargeback(line, found, wanted)
        case _:
            again = _again(wanted)
            return again or ("unexpected_settlement", "a chargeback was given back that the books do not have")


def _again(wanted: Sequence[Wanted]) -> tuple[ExceptionType, str] | None:
    """Tell of what was settled before."""
    if not wanted:
        return None
    amount = written(wanted[0].gross_minor, wanted[0].currency)
    return "duplicate_settlement", f"{amount} was expected, and settled before"


def _charge(own: Known | None, wanted: Sequence[Wanted]) -> tuple[ExceptionType, str]:
    if own is None:
        return "unexpected_settlement", "neither its tag nor its reference is of an operation of ours"
    if again := _again([one for one in wanted if one.type == "charge"]):
        return again
    if own.attempt_id != own.standing:
        return "double_charge_after_failover", f"{own.id} was settled, {own.standing} took over from it"
    if own.status in UNRESOLVED:
        return "unknown_outcome_settled", f"{own.id} was settled while it was {own.status.value}"
    if own.payment_status is Status.CANCELED:
        return "void_not_cleared", f"{own.payment_id} was canceled, and its charge was settled"
    if own.status in _FAILED or own.payment_status is Status.FAILED:
        return "failed_but_settled", f"{own.id} is {own.status.value} in our books, and was settled"
    return "unexpected_settlement", f"{own.id} was settled, nothing of it was captured"


def _taken_back(found: Place, wanted: Sequence[Wanted]) -> tuple[ExceptionType, str]:
    if found.operation is None:
        return "unexpected_settlement", "a charge was taken back that the books do not have"
    if again := _again([one for one in wanted if one.type == "charge_reversal"]):
        return again
    return "capture_failed", f"the money of {found.operation.id} was taken back, nobody told why"


def _refund(line: SettlementLine, found: Place, wanted: Sequence[Wanted]) -> tuple[ExceptionType, str]:
    own, parent = found.operation, found.parent
    if own is not None:
        if again := _again(wanted):
            return again
        if own.status in UNRESOLVED:
            return "unknown_outcome_settled", f"{own.id} was settled while it was {own.status.value}"
        return "failed_but_settled", f"{own.id} is {own.status.value} in our books, and was settled"
    if parent is None:
        return "unexpected_refund", "neither the refund nor its payment is ours"
    left = parent.captured_minor - parent.refunded_minor
    if line.currency == parent.currency and -line.gross_minor > left:
        refunded, of = written(-line.gross_minor, parent.currency), parent.payment_id
        return "over_refund", f"{refunded} was refunded, {written(max(left, 0), parent.currency)} of {of} was left"
    return "unexpected_refund", f"nobody asked for this refund of {parent.payment_id}"


def _came_back(found: Place, wanted: Sequence[Wanted]) -> tuple[ExceptionType, str]:
    known = found.operation or found.parent
    if known is None:
        return "unexpected_settlement", "a refund came back that the books do not have"
    return _again(wanted) or ("refund_failed", f"the money of {known.id} came back, and is still owed to the payer")


def _chargeback(line: SettlementLine, found: Place, wanted: Sequence[Wanted]) -> tuple[ExceptionType, str]:
    known = found.operation or found.parent
    if known is None:
        return "chargeback_unannounced", "a chargeback of a charge that the hub does not have"
    given_back = any(one.type == "chargeback_reversal" for one in wanted)
    taken = [one for one in wanted if one.type == "chargeback"]
    if line.type is LineType.SECOND_CHARGEBACK or (taken and given_back):
        return "second_chargeback", f"{known.payment_id} was charged back a second time, and no webhook told of it"
    if again := _again(taken):
        return again
    if known.refunded_minor:
        refunded = written(known.refunded_minor, known.currency)
        return "refund_then_chargeback", f"{refunded} of {known.payment_id} had been refunded"
    return "chargeback_unannounced", f"no webhook told of this chargeback of {known.payment_id}"
