"""The types of exceptions: what each means, how bad it is, what to do about it and by when; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, get_args

ExceptionType = Literal[
    "ambiguous_match",
    "amount_mismatch",
    "approved_after_cancel",
    "approved_after_failure",
    "balance_over",
    "balance_short",
    "batch_total_mismatch",
    "capture_failed",
    "chargeback_unannounced",
    "currency_mismatch",
    "delivery_parked",
    "detach_failed",
    "dispute_contradicted",
    "dispute_unmatched",
    "double_charge_after_failover",
    "duplicate_settlement",
    "failed_but_settled",
    "fee_unexpected",
    "fee_variance",
    "fx_variance",
    "impossible_transition",
    "missing_settlement",
    "money_unmatched",
    "outcome_unknown",
    "over_refund",
    "payment_returned",
    "payout_missing",
    "pending_overdue",
    "processor_invoice_unbooked",
    "refund_failed",
    "refund_then_chargeback",
    "second_chargeback",
    "settlement_file_restated",
    "settlement_import_failed",
    "settlement_not_downloaded",
    "unexpected_refund",
    "unexpected_settlement",
    "unknown_outcome_settled",
    "unmapped_line_type",
    "void_not_cleared",
    "wrong_merchant_account",
]
"""Why a human must look: how our books and the processor's disagree."""
Severity = Literal["critical", "high", "medium", "low"]
"""How bad it is to wait: critical harms a payer now, high is money at risk, medium is unexplained, low is small."""

DUE_AFTER: Final[Mapping[Severity, timedelta]] = MappingProxyType(
    {
        "critical": timedelta(hours=4),
        "high": timedelta(days=1),
        "medium": timedelta(days=3),
        "low": timedelta(days=10),
    }
)
"""How long each may stay open before it is overdue."""

_TABLE: Final[Mapping[ExceptionType, tuple[Severity, str, str]]] = {
    "ambiguous_match": (
        "medium",
        "A settlement line fits several expected settlements equally well, so it was tied to none.",
        "Find out at the processor which of the candidates it is, and book it from suspense.",
    ),
    "amount_mismatch": (
        "high",
        "A processor moved another amount than was asked or expected.",
        "Compare with the processor's own page of the payment; refund or write off the difference.",
    ),
    "approved_after_cancel": (
        "critical",
        "A payment was captured although its cancellation had been asked for.",
        "Refund the payment.",
    ),
    "approved_after_failure": (
        "critical",
        "A payment was approved after the application had been told that it failed.",
        "Void or refund it, or deliver what was bought.",
    ),
    "balance_over": (
        "medium",
        "A processor holds more than our books say that it owes us.",
        "Look for settlements and reserves that were not booked; the next balance that agrees closes it.",
    ),
    "balance_short": (
        "high",
        "A processor holds less than our books say that it owes us.",
        "Ask the processor for what it took; the next balance that agrees closes it.",
    ),
    "batch_total_mismatch": (
        "high",
        "The lines of a batch do not add up to what it paid out, or to what the bank received.",
        "Fetch the report again; if it still does not add up, claim the difference from the processor.",
    ),
    "capture_failed": (
        "high",
        "A capture that had succeeded failed later.",
        "Capture again while the authorization stands, or charge the payer anew.",
    ),
    "chargeback_unannounced": (
        "high",
        "A chargeback was settled that no webhook had told of.",
        "Look for the dispute at the processor and answer it before its evidence is due.",
    ),
    "currency_mismatch": (
        "high",
        "A processor moved or settled another currency than was agreed.",
        "Have the account's settlement currency corrected at the processor, and book the conversion.",
    ),
    "delivery_parked": (
        "high",
        "A webhook could not be read, however often it was tried.",
        "Read its error, mend the cause and replay the delivery.",
    ),
    "detach_failed": (
        "low",
        "A processor still holds a token that was to be forgotten.",
        "Remove the token on the processor's own pages.",
    ),
    "dispute_contradicted": (
        "medium",
        "A processor's words about a dispute contradict each other, and the stricter stands.",
        "Look at the dispute on the processor's own pages.",
    ),
    "dispute_unmatched": (
        "high",
        "A processor told of a dispute about a payment that the hub does not have.",
        "Find out who charged it, and answer it at the processor.",
    ),
    "double_charge_after_failover": (
        "critical",
        "An attempt that was passed over turned out to be approved too: the payer was charged twice.",
        "Refund the attempt that was passed over.",
    ),
    "duplicate_settlement": (
        "high",
        "The same money was settled twice.",
        "Expect the processor to take it back, and keep it in suspense until then.",
    ),
    "failed_but_settled": (
        "high",
        "A charge that our books hold as failed was settled.",
        "Refund the payer, or deliver what was bought.",
    ),
    "fee_unexpected": (
        "medium",
        "A processor charged a fee that no schedule has.",
        "Add the fee to the account's schedule, or claim it back.",
    ),
    "fee_variance": (
        "low",
        "A fee differs from the account's schedule by more than is tolerated.",
        "Correct the account's fees, or claim the difference.",
    ),
    "fx_variance": (
        "low",
        "A conversion brought another amount than its rate says, by more than is tolerated.",
        "Compare the rate with the processor's terms and claim the difference.",
    ),
    "impossible_transition": (
        "medium",
        "A processor told something that cannot follow what it told before.",
        "Look at the payment on the processor's own pages.",
    ),
    "missing_settlement": (
        "high",
        "Money that was due has not been settled.",
        "Ask the processor for it; the late line closes it.",
    ),
    "money_unmatched": (
        "high",
        "A processor told of money that belongs to no payment of ours.",
        "Find out whose it is; a later report or event may tell.",
    ),
    "outcome_unknown": (
        "high",
        "No machine could find out what became of an operation.",
        "Look it up on the processor's own pages, and cancel or refund it where it must not stand.",
    ),
    "over_refund": (
        "high",
        "More was refunded than was left to refund.",
        "Ask who refunded it, and carry the surplus as a loss or charge it again.",
    ),
    "payment_returned": (
        "high",
        "A payout came back from the bank.",
        "Correct the bank details at the processor and have it paid out again.",
    ),
    "payout_missing": (
        "high",
        "A payout has not arrived at the bank.",
        "Ask the bank or the processor by the payout's reference; the bank statement that has it closes it.",
    ),
    "pending_overdue": (
        "medium",
        "A processor accepted an operation and never told its result.",
        "Ask the processor for the result.",
    ),
    "processor_invoice_unbooked": (
        "medium",
        "A processor invoiced costs that our books do not have.",
        "Book the invoice as the processor's fees.",
    ),
    "refund_failed": (
        "high",
        "A refund failed after it had been accepted, and its money is still owed to the payer.",
        "Pay the payer by another way.",
    ),
    "refund_then_chargeback": (
        "high",
        "The payer was refunded and has charged back the same money.",
        "Answer the dispute with the refund as evidence.",
    ),
    "second_chargeback": (
        "high",
        "The same charge was charged back a second time.",
        "Decide on arbitration before its day.",
    ),
    "settlement_file_restated": (
        "medium",
        "A later report says something else of a line than an earlier one did.",
        "Compare both rows; the later one stands in the books.",
    ),
    "settlement_import_failed": (
        "high",
        "A settlement report could not be imported whole, however often it was tried.",
        "Mend what its error says, and POST /v1/settlements/{settlement_id}/retry; it goes on where it was.",
    ),
    "settlement_not_downloaded": (
        "high",
        "A settlement report that the processor announced could not be fetched.",
        "Mend what the error says, or fetch the report at the processor and hand it in.",
    ),
    "unexpected_refund": (
        "high",
        "A refund was settled that the hub did not ask for.",
        "Find out who made it; book it from suspense.",
    ),
    "unexpected_settlement": (
        "high",
        "Money was settled for a charge that the hub does not have.",
        "Find out which system charged it; book it from suspense.",
    ),
    "unknown_outcome_settled": (
        "medium",
        "The settlement told what became of an operation whose outcome was not known.",
        "Check that the application has heard of it.",
    ),
    "unmapped_line_type": (
        "medium",
        "A report has a type of line that the hub does not know; its money is in suspense.",
        "Read the raw row, book it from suspense, and have the type added.",
    ),
    "void_not_cleared": (
        "high",
        "A charge that was voided was settled, or its void did not go through.",
        "Refund the payer.",
    ),
    "wrong_merchant_account": (
        "medium",
        "Money was settled to another merchant account than the one that charged it.",
        "Have the processor move it, or book it between the accounts.",
    ),
}
TYPES: Final[tuple[ExceptionType, ...]] = get_args(ExceptionType)
SEVERITY: Final[Mapping[ExceptionType, Severity]] = MappingProxyType({type_: row[0] for type_, row in _TABLE.items()})
MEANING: Final[Mapping[ExceptionType, str]] = MappingProxyType({type_: row[1] for type_, row in _TABLE.items()})
ACTION: Final[Mapping[ExceptionType, str]] = MappingProxyType({type_: row[2] for type_, row in _TABLE.items()})
"""What a human is advised to do."""


def due_at(created_at: datetime, type_: ExceptionType) -> datetime:
    """Say until when an exception that was opened at *created_at* is to be settled."""
    return created_at + DUE_AFTER[SEVERITY[type_]]


def types_of(severity: Severity) -> tuple[ExceptionType, ...]:
    """List the types of one severity."""
    return tuple(type_ for type_ in TYPES if SEVERITY[type_] == severity)
