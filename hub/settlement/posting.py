"""Which accounts a settled line moves; pure.

What a processor settles is in our bank's clearing account until the bank statement has it. A line that was expected
closes what the processor owed, any other waits in suspense: the books balance either way.
"""

from collections.abc import Sequence
from typing import Final

from hub.ledger import chart
from hub.payments.states import Booking
from normalization.money import Currency, Money
from normalization.settlements import LineType, SettlementLine, unbalanced

SETTLED: Final = "settled"
FEE: Final = "settled_fee"
EXCHANGED: Final = "settled_exchange"
EXCHANGE_DIFFERENCE: Final = "settled_exchange_difference"
UNMATCHED: Final = "settled_unmatched"
VARIANCE: Final = "settled_variance"
TIED: Final = "settled_tied"
DISPUTED: Final = frozenset({LineType.CHARGEBACK, LineType.CHARGEBACK_REVERSAL, LineType.SECOND_CHARGEBACK})
MOVES_NOTHING: Final = frozenset({LineType.PAYOUT, LineType.PAYOUT_REVERSAL})


def moved(debit: str, credit: str, minor: int, currency: Currency, code: str) -> tuple[Booking, ...]:
    """Move *minor* from *credit* to *debit*; a negative amount the other way, nothing for 0."""
    if minor > 0:
        return (Booking(debit, credit, Money(minor, currency), code),)
    if minor < 0:
        return (Booking(credit, debit, Money(-minor, currency), code),)
    return ()


def of_expected(account: str, line: SettlementLine, expected_minor: int) -> tuple[Booking, ...]:
    """Book a line that settles *expected_minor* of its own currency; what differs waits in suspense."""
    clearing, currency = chart.bank_clearing(account), line.currency
    bookings = moved(clearing, chart.receivable(account), expected_minor, currency, SETTLED)
    if line.gross_minor != expected_minor:
        off = line.gross_minor - expected_minor
        bookings += moved(clearing, chart.suspense(account), off, currency, VARIANCE)
    return bookings + _fee(account, line)


def of_exchanged(
    account: str, line: SettlementLine, expected: Money, difference_minor: int, told_minor: int
) -> tuple[Booking, ...]:
    """Book a line that settles *expected* in another currency, for *told_minor* of it as the processor says.

    Each leg is of one currency, through that currency's position; *difference_minor* is what the conversion brought
    more than its rate says, in the line's currency.
    """
    theirs, ours = chart.fx_position(line.currency.value), chart.fx_position(expected.currency.value)
    clearing = chart.bank_clearing(account)
    return (
        *moved(ours, chart.receivable(account), expected.minor, expected.currency, SETTLED),
        *moved(ours, chart.suspense(account), told_minor - expected.minor, expected.currency, VARIANCE),
        *moved(clearing, theirs, line.gross_minor, line.currency, EXCHANGED),
        *moved(theirs, chart.FX_GAIN_LOSS, difference_minor, line.currency, EXCHANGE_DIFFERENCE),
        *_fee(account, line),
    )


def of_unmatched(account: str, line: SettlementLine, counter: str | None = None) -> tuple[Booking, ...]:
    """Book a line that nothing was expected for, against suspense or *counter*."""
    if line.type in MOVES_NOTHING:
        return _fee(account, line)
    gross = moved(
        chart.bank_clearing(account), counter or chart.suspense(account), line.gross_minor, line.currency, UNMATCHED
    )
    return gross + _fee(account, line)


def of_itself(account: str, line: SettlementLine) -> tuple[Booking, ...]:
    """Book a line that belongs to no operation: fees, reserves, our own funds; of a payout its fee alone.

    What is paid out waits for the bank.
    """
    if line.type in MOVES_NOTHING:
        return _fee(account, line)
    counter = {
        LineType.FEE: chart.processor_fees(account),
        LineType.RESERVE: chart.reserve(account),
        LineType.OWN_FUNDS: chart.own_funds(account),
    }[line.type]
    gross = moved(chart.bank_clearing(account), counter, line.gross_minor, line.currency, SETTLED)
    return gross + _fee(account, line)


def of_tied(account: str, counter: str, settled: Sequence[Booking]) -> tuple[Booking, ...]:
    """Move what a line had left in *counter* to where *settled* says that it belongs; its fee stands."""
    clearing = chart.bank_clearing(account)

    def side(name: str) -> str:
        return counter if name == clearing else name

    tied = (Booking(side(b.debit), side(b.credit), b.money, TIED) for b in settled if b.code != FEE)
    return tuple(booking for booking in tied if booking.debit != booking.credit)


def _fee(account: str, line: SettlementLine) -> tuple[Booking, ...]:
    """Book the fee; what is off where gross less fee is not net waits in suspense, since it is net that is paid."""
    clearing = chart.bank_clearing(account)
    fees = chart.DISPUTE_FEES if line.type in DISPUTED else chart.processor_fees(account)
    fee = moved(fees, clearing, line.fee_minor, line.currency, FEE)
    return fee + moved(chart.suspense(account), clearing, unbalanced(line), line.currency, FEE)
