"""What becomes of a line: matched with what it settles, posted by itself, or left to a human; pure."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from hub.payments.states import Booking
from hub.settlement.agreeing import AGREED, Agreement, amount_in, exchange_agrees, fees_agree, is_agreed
from hub.settlement.billing import is_bill
from hub.settlement.placing import EXPECTED_AS, Family, Place, candidates, family_of
from hub.settlement.posting import MOVES_NOTHING, of_exchanged, of_expected, of_itself, of_unmatched
from hub.settlement.reasons import concern_of, counter_of, why
from hub.settlement.values import Concern, Decided, Pending, Terms, Wanted
from normalization.money import Currency, Money, written
from normalization.settlements import LineType, SettlementLine

_OF_NO_OPERATION: Final = MOVES_NOTHING | {LineType.FEE, LineType.RESERVE, LineType.OWN_FUNDS}


class Placed(Struct, frozen=True, gc=False):
    """A line, where it belongs, and the open expectations that it may settle there."""

    pending: Pending
    place: Place
    fitting: tuple[Wanted, ...]
    history: tuple[Wanted, ...]  # All that was ever expected of what it may settle, or of the same dispute.


class Match(Struct, frozen=True, gc=False):
    """Lines that settle expectations, altogether; `fees_before_minor` was charged for these by lines before."""

    lines: tuple[Pending, ...]
    wanted: tuple[Wanted, ...]
    fees_before_minor: int = 0


def by_itself(terms: Terms, pending: Pending) -> Decided | None:
    """Decide about a line for which nothing of an operation is looked for; None for any other."""
    line, account = pending.line, terms.merchant_account
    if terms.account_name is not None and line.account is not None and line.account != terms.account_name:
        detail = f"the line is of {line.account}, the account is {terms.account_name} there"
        return excepted(terms, pending, (concern_of("wrong_merchant_account", line, detail, Place()),))
    if line.type is LineType.UNMAPPED:
        detail = f"{line.raw_type!r} is a type of line that the hub does not know"
        return excepted(terms, pending, (concern_of("unmapped_line_type", line, detail, Place()),))
    if line.type is LineType.INVOICE:
        detail = f"{line.description or line.raw_type} was kept back"
        return excepted(terms, pending, (concern_of("processor_invoice_unbooked", line, detail, Place()),))
    if line.type not in _OF_NO_OPERATION or is_bill(line, terms.account):
        return None
    concerns: tuple[Concern, ...] = ()
    if line.type is LineType.PAYOUT_REVERSAL:
        amount = written(abs(line.net_minor), line.currency)
        detail = f"{amount} of {line.batch or 'a payout'} came back from the bank"
        concerns = (concern_of("payment_returned", line, detail, Place()),)
    info: tuple[dict[str, Any], ...] = ()
    if line.type is LineType.RESERVE:
        told = "reserve_released" if line.gross_minor > 0 else "reserve_withheld"
        info = ({"type": told, "amount": abs(line.gross_minor)},)
    return Decided(line=pending, status="posted", bookings=of_itself(account, line), concerns=concerns, info=info)


def exactly(terms: Terms, pending: Pending, wanted: Iterable[Wanted]) -> Decided | None:
    """Match a line with the one of *wanted* that it settles to the unit; None where none does, or more than one.

    None too for one without the fee that was expected: it is seen together with the report's other lines.
    """
    line = pending.line
    expected = EXPECTED_AS.get(line.type)
    fitting = [
        one
        for one in wanted
        if one.type == expected and one.line_id is None and amount_in(line, one.currency) == one.gross_minor
    ]
    if len(fitting) != 1 or not is_agreed(line, fitting[0], terms.account):
        return None
    found, account = fitting[0], terms.merchant_account
    fees = fees_agree((line,), (found,), terms.account.tolerances.fee_minor)
    if fees.concerns and not line.fee_minor:
        return None  # Its fees may be told by lines of their own.
    if line.currency != found.currency or fees is not AGREED:
        return tie(terms, Match((pending,), (found,)))[0]
    return Decided(
        line=pending,
        status="matched",
        bookings=of_expected(account, line, found.gross_minor),
        match_id=pending.id,
        wanted=(found,),
        payment_id=found.payment_id,
        operation_id=found.operation_id,
    )


def tie(terms: Terms, match: Match) -> tuple[Decided, ...]:
    """Say what becomes of the lines of a match: postings, and what differs in amount, fee and exchange."""
    lines, wanted = match.lines, match.wanted
    first, tolerances = wanted[0], terms.account.tolerances
    gross = [one for one in lines if one.line.gross_minor] or lines[:1]
    told = [amount_in(one.line, first.currency) or 0 for one in lines]
    off = sum(told) - sum(one.gross_minor for one in wanted)
    fees = fees_agree([one.line for one in lines], wanted, tolerances.fee_minor, match.fees_before_minor)
    single = len(gross) == 1 and len(wanted) == 1
    exchange = exchange_agrees(gross[0].line, first, tolerances.fx_bps) if single else AGREED
    concerns = fees.concerns + exchange.concerns + ((_amount_off(first, off, len(gross)),) if off else ())
    return tuple(
        Decided(
            line=one,
            status="matched",
            bookings=_bookings(
                terms,
                one.line,
                first,
                minor - (off if one is gross[-1] else 0),
                minor,
                exchange if one is gross[0] else AGREED,
            ),
            match_id=lines[0].id,
            wanted=wanted if one is lines[0] else (),
            payment_id=first.payment_id,
            operation_id=first.operation_id,
            concerns=concerns if one is lines[0] else (),
            info=fees.info + exchange.info if one is lines[0] else (),
        )
        for one, minor in zip(lines, told, strict=True)
    )


def _bookings(
    terms: Terms, line: SettlementLine, wanted: Wanted, share_minor: int, told_minor: int, exchange: Agreement
) -> tuple[Booking, ...]:
    if line.currency == wanted.currency:
        return of_expected(terms.merchant_account, line, share_minor)
    share = Money(share_minor, Currency(wanted.currency))
    return of_exchanged(terms.merchant_account, line, share, exchange.exchange_minor, told_minor)


def _amount_off(wanted: Wanted, off: int, lines: int) -> Concern:
    return Concern(
        type="amount_mismatch",
        variance_minor=off,
        currency=wanted.currency,
        detail=f"{wanted.operation_id} settled {written(abs(off), wanted.currency)} "
        f"{'more' if off > 0 else 'less'} than expected, by {lines} {'line' if lines == 1 else 'lines'}",
        expected_id=wanted.id,
        payment_id=wanted.payment_id,
        operation_id=wanted.operation_id,
    )


def excepted(terms: Terms, pending: Pending, concerns: Sequence[Concern]) -> Decided:
    """Leave a line to a human: the first of *concerns* is about it as a whole, and its money waits."""
    first, account = concerns[0], terms.merchant_account
    return Decided(
        line=pending,
        status="exception",
        bookings=of_unmatched(account, pending.line, counter_of(first.type, account)),
        payment_id=first.payment_id,
        operation_id=first.operation_id,
        concerns=tuple(concerns),
    )


def ambiguous(terms: Terms, pending: Pending, found: Place, fitting: Sequence[Wanted]) -> Decided:
    """Leave a line to a human that settles one of several."""
    ids = [one.id for one in fitting]
    detail = f"it settles one of {len(ids)} that are expected alike"
    return excepted(terms, pending, (concern_of("ambiguous_match", pending.line, detail, found, candidates=ids),))


def placed(pending: Pending, found: Place, wanted: Sequence[Wanted], taken: frozenset[str] = frozenset()) -> Placed:
    """Put a line beside what its attempt expects; *taken* are expectations that other lines have just settled."""
    near = candidates(pending.line, found, wanted)
    disputed = family_of(pending.line) in {Family.CHARGEBACK, Family.CHARGEBACK_REVERSAL}
    history = [one for one in wanted if one.type.startswith("chargeback")] if disputed else near
    open_ = tuple(one for one in near if one.line_id is None and one.id not in taken)
    return Placed(pending, found, open_, tuple(history))


def unexpected(terms: Terms, one: Placed) -> Decided:
    """Leave a line to a human that settles nothing that is still expected."""
    return excepted(terms, one.pending, why(one.pending.line, one.place, one.history))


def joined(terms: Terms, one: Placed, match_id: str) -> Decided:
    """Add a line to a match whose difference of amount it makes good, so that nothing of it is left in suspense."""
    line = one.pending.line
    first = next(wanted for wanted in one.history if wanted.line_id == match_id)
    if line.currency == first.currency:
        bookings = of_expected(terms.merchant_account, line, 0)
    else:
        share = Money(0, Currency(first.currency))
        told = amount_in(line, first.currency) or 0
        bookings = of_exchanged(terms.merchant_account, line, share, 0, told)
    return Decided(
        line=one.pending,
        status="matched",
        bookings=bookings,
        match_id=match_id,
        payment_id=first.payment_id,
        operation_id=first.operation_id,
    )
