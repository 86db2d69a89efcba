"""What agrees with what was expected: fees, exchange, months of small fees, and what each line then books."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from hub.ledger import chart
from hub.merchants.profile import Terms as AccountTerms
from hub.merchants.profile import Tolerances
from hub.payments.states import Booking
from hub.settlement.agreeing import AGREED, amount_in, exchange_agrees, fees_agree, is_agreed
from hub.settlement.billing import bill, billed_since, by_month
from hub.settlement.conserving import offs
from hub.settlement.matching import Match, exactly, tie
from hub.settlement.payouts import off_by, sums_of
from hub.settlement.posting import of_exchanged, of_expected, of_itself, of_tied
from hub.settlement.values import Decided, Pending, Terms, Wanted
from normalization.money import Currency, Money
from normalization.settlements import LineType, SettlementLine

AT = datetime(2026, 3, 31, tzinfo=UTC)
ACCOUNT = AccountTerms(
    fees=(), settlement_days=2, settlement_currency=Currency.USD, tolerances=Tolerances(fee_minor=2, fx_bps=50)
)
TERMS = Terms(batch_id="set_1", livemode=False, merchant_account="ma_1", account=ACCOUNT, now=AT)
EUROS = Money(1_000, Currency.EUR)


def line(gross: int = 1_000, fee: int = 0, type_: LineType = LineType.CHARGE, **told: Any) -> SettlementLine:
    made = SettlementLine(
        key="txn_1", type=type_, raw_type=type_.value, gross_minor=gross, fee_minor=fee, net_minor=gross - fee,
        currency=Currency.USD, booked_at=AT,
    )  # fmt: skip
    return replace(made, **told)


def wanted(gross: int = 1_000, of: str = "att_1", **more: Any) -> Wanted:
    made = Wanted(f"exs_{of}", "pay_1", of, "charge", gross, 30, "USD", None, None, date(2026, 3, 4))
    return replace(made, **more)


def moves(bookings: tuple[Booking, ...]) -> set[tuple[str, str, int]]:
    return {(one.debit.partition(":")[0], one.credit.partition(":")[0], one.money.minor) for one in bookings}


@pytest.mark.parametrize(("charged", "off"), [(28, None), (30, None), (32, None), (33, 3), (27, -3), (0, -30)])
def test_a_fee_may_be_off_by_what_is_tolerated_either_way_and_no_more(charged: int, off: int | None) -> None:
    told = fees_agree([line(fee=charged)], [wanted()], 2)

    assert [one.variance_minor for one in told.concerns] == ([] if off is None else [off])


def test_what_is_tolerated_is_so_once_for_all_lines_and_what_was_charged_before_counts() -> None:
    two = [wanted(), wanted(of="att_2")]

    together = fees_agree([line(fee=32), line(fee=32)], two, 2)
    before = fees_agree([line(fee=1)], [wanted()], 2, besides_minor=32)

    assert [one.variance_minor for one in (*together.concerns, *before.concerns)] == [4, 3]


def test_a_fee_is_held_against_no_schedule_of_another_currency() -> None:
    assert fees_agree([line(fee=500)], [wanted(currency="EUR")], 2) == AGREED
    assert fees_agree([line(fee=500)], [wanted(fee_minor=None)], 2) == AGREED


def test_a_rate_is_held_against_what_was_settled_in_its_own_currency_only() -> None:
    expected = wanted(currency="EUR", settle_minor=1_100, settle_currency="GBP")

    assert exchange_agrees(line(900), expected, 50) == AGREED
    assert exchange_agrees(line(900), replace(expected, settle_currency="USD"), 50).exchange_minor == -200


def test_a_line_says_nothing_of_an_amount_in_a_currency_that_it_does_not_name() -> None:
    told = line(1_100, presented=EUROS)

    assert [amount_in(told, currency) for currency in ("USD", "EUR", "GBP")] == [1_100, 1_000, None]


def test_what_is_settled_in_another_currency_than_was_agreed_is_not() -> None:
    told, expected = line(1_100, presented=EUROS), wanted(currency="EUR")
    in_pounds = replace(ACCOUNT, settlement_currency=Currency.GBP)

    assert is_agreed(told, expected, ACCOUNT)
    assert is_agreed(told, expected, replace(ACCOUNT, settlement_currency=None))
    assert not is_agreed(told, expected, in_pounds)
    assert not is_agreed(told, replace(expected, settle_currency="GBP"), ACCOUNT)
    assert not is_agreed(line(1_100), expected, ACCOUNT)


def test_a_line_settles_at_once_the_only_one_of_its_type_and_amount_that_is_open() -> None:
    told = Pending("sl_1", line(fee=30))

    fits = exactly(TERMS, told, [wanted(), wanted(900, of="att_2")])

    assert fits is not None
    assert [one.operation_id for one in fits.wanted] == ["att_1"]
    for others in (
        [wanted(line_id="sl_0")],
        [wanted(type="refund")],
        [wanted(), wanted(of="att_2")],
        [wanted(currency="EUR")],
        [wanted(999)],
    ):
        assert exactly(TERMS, told, others) is None
    in_pounds = Pending("sl_1", line(850, currency=Currency.GBP, presented=EUROS))
    assert exactly(TERMS, in_pounds, [wanted(currency="EUR")]) is None  # Dollars were agreed.
    assert exactly(TERMS, Pending("sl_1", line(fee=0)), [wanted()]) is None  # Its fee may be in a line of its own.


def test_what_lines_settle_together_is_settled_once_and_what_is_missing_is_told_once() -> None:
    lines = Pending("sl_1", line(300, 10)), Pending("sl_2", line(500, 20))

    first, second = tie(TERMS, Match(lines, (wanted(),)))

    assert [one.variance_minor for one in first.concerns] == [-200]
    assert ([one.id for one in first.wanted], second.wanted, second.concerns) == (["exs_att_1"], (), ())
    assert {first.match_id, second.match_id} == {"sl_1"}
    assert offs("ma_1", [first, second]) == {}


def declined(day: date, of: str, currency: str = "USD") -> Wanted:
    return wanted(-50, of=of, type="fee", due_on=day, currency=currency)


def test_a_bill_is_of_the_one_month_that_it_adds_up_to_and_of_each_month_once() -> None:
    march = [declined(date(2026, 3, 1), "a1"), declined(date(2026, 3, 31), "a2")]
    may = [declined(date(2026, 5, day), f"b{day}") for day in (1, 2, 3)]
    abroad = [declined(date(2026, 3, 1), f"c{number}", "EUR") for number in range(4)]
    bills = [Pending(f"sl_{n}", line(net, type_=LineType.FEE)) for n, net in enumerate((-100, -100, -150, -200))]

    found = bill(TERMS, bills, by_month([*march, *may, *abroad]))

    assert [one.status for one in found] == ["matched", "posted", "matched", "posted"]
    assert [len(one.wanted) for one in found] == [2, 0, 3, 0]


def test_a_bill_that_two_months_add_up_to_is_of_neither() -> None:
    two = [declined(date(2026, month, 5), f"a{month}") for month in (2, 3)]

    (found,) = bill(TERMS, [Pending("sl_1", line(-50, type_=LineType.FEE))], by_month(two))

    assert (found.status, found.wanted) == ("posted", ())


def test_a_month_is_billed_until_the_end_of_the_next() -> None:
    first, last = billed_since([line(type_=LineType.FEE)])

    assert first <= date(2026, 2, 1)
    assert last == AT.date()


def test_what_is_settled_of_an_expectation_closes_it_and_what_differs_waits() -> None:
    assert moves(of_expected("ma_1", line(900, 30), 1_000)) == {
        ("bank_clearing", "settlement_receivable", 1_000),
        ("suspense", "bank_clearing", 100),
        ("processor_fees", "bank_clearing", 30),
    }
    assert moves(of_expected("ma_1", line(-1_000, type_=LineType.REFUND), -1_000)) == {
        ("settlement_receivable", "bank_clearing", 1_000)
    }


def test_a_conversion_goes_through_the_positions_of_both_currencies() -> None:
    told = line(1_100, 30, presented=replace(EUROS, minor=990))

    assert moves(of_exchanged("ma_1", told, EUROS, -20, 990)) == {
        ("fx_position", "settlement_receivable", 1_000),
        ("suspense", "fx_position", 10),
        ("bank_clearing", "fx_position", 1_100),
        ("fx_gain_loss", "fx_position", 20),
        ("processor_fees", "bank_clearing", 30),
    }


@pytest.mark.parametrize(
    ("type_", "counter"),
    [(LineType.FEE, "processor_fees"), (LineType.RESERVE, "reserve_receivable"), (LineType.OWN_FUNDS, "own_funds")],
)
def test_what_belongs_to_no_operation_stands_where_its_type_says(type_: LineType, counter: str) -> None:
    assert moves(of_itself("ma_1", line(-70, type_=type_))) == {(counter, "bank_clearing", 70)}


def test_a_disputes_fee_is_no_fee_of_the_processors_work() -> None:
    told = line(-1_000, 1_500, LineType.CHARGEBACK)

    assert moves(of_expected("ma_1", told, -1_000)) == {
        ("settlement_receivable", "bank_clearing", 1_000),
        ("dispute_fees", "bank_clearing", 1_500),
    }


def test_what_is_tied_later_leaves_where_it_waited_and_its_fee_stands() -> None:
    settled = of_expected("ma_1", line(1_000, 30), 1_000)

    assert moves(of_tied("ma_1", chart.suspense("ma_1"), settled)) == {("suspense", "settlement_receivable", 1_000)}


def test_a_line_whose_net_is_not_its_gross_less_its_fee_is_told_and_net_is_what_moves() -> None:
    told = line(-1_000, 30, LineType.FEE, net_minor=-1_037)
    found = Decided(line=Pending("sl_1", told), status="posted", bookings=of_itself("ma_1", told))

    assert offs("ma_1", [found]) == {("net", "USD"): 7}


def test_what_is_booked_otherwise_than_the_lines_say_is_told() -> None:
    told = Pending("sl_1", line())
    nothing = Decided(line=told, status="matched", match_id="sl_1", wanted=(wanted(),))
    besides = replace(nothing, bookings=of_expected("ma_1", told.line, 900))

    assert offs("ma_1", [nothing]) == {("clearing", "USD"): -1_000, ("receivable", "sl_1"): -1_000}
    assert offs("ma_1", [besides]) == {("receivable", "sl_1"): -100}


def test_a_payout_is_what_its_lines_add_up_to_in_each_currency_and_what_came_back_is_no_line_of_it() -> None:
    lines = [
        line(1_000, 30, batch="po_1"),
        line(500, batch="po_1", currency=Currency.EUR),
        line(970, type_=LineType.PAYOUT, batch="po_1"),
        line(-970, type_=LineType.PAYOUT_REVERSAL, batch="po_1"),
        line(80),
    ]

    sums = sums_of(lines)

    assert {of: (one.lines, one.net_minor, one.paid_lines, one.paid_minor) for of, one in sums.items()} == {
        ("po_1", "USD"): (1, 970, 1, 970),
        ("po_1", "EUR"): (1, 500, 0, 0),
    }


@pytest.mark.parametrize(
    ("row", "off"),
    [
        ({"lines": 2, "net_minor": 970, "paid_lines": 1, "paid_minor": 900, "told_minor": 970}, -70),
        ({"lines": 2, "net_minor": 970, "paid_lines": 0, "paid_minor": 0, "told_minor": 980}, 10),
        ({"lines": 2, "net_minor": 970, "paid_lines": 0, "paid_minor": 0, "told_minor": None}, None),
        ({"lines": 0, "net_minor": 0, "paid_lines": 1, "paid_minor": 900, "told_minor": None}, None),
    ],
)
def test_a_payout_is_off_only_where_both_its_lines_and_what_was_paid_are_known(
    row: dict[str, Any], off: int | None
) -> None:
    assert off_by(row) == off
