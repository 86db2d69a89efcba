"""What Checkout.com's financial actions report says of each kind of money in an action."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from adapters.checkout_com.settlement import (
    ARBITRATION,
    BREAKDOWNS,
    CLEARING_FAILED,
    NEEDED,
    RESERVE,
    is_fee,
    open_report,
)
from normalization.money import Currency, Money
from normalization.settlements import (
    BrokenRow,
    FeeParts,
    LineType,
    NotAReportError,
    SettlementLine,
    totals,
    unbalanced,
)
from tests.adapters.settlement_page import shown

CAPTURED = {
    "Action Type": "Capture",
    "Action ID": "act_1",
    "Payment ID": "pay_1",
    "Processed On": "2026-07-09T18:07:06.844",
    "Processing Currency": "GBP",
    "Holding Currency": "GBP",
    "Payout ID": "0001CFJU",
    "Reference": "att_1",
    "Breakdown Type": "Capture",
    "Processing Currency Amount": "50.00000000",
    "Holding Currency Amount": "50.00000000",
    "Processing Channel ID": "pc_1",
    "Payment Method": "VISA",
    "Card Type": "Credit",
    "Issuer Country": "GB",
}


def all_of(rows: Sequence[dict[str, str]]) -> list[SettlementLine]:
    report = open_report(list(CAPTURED))
    told = [report.read(list((CAPTURED | row).values())) for row in rows]
    lines = [one for one in told if isinstance(one, SettlementLine)]
    assert len(lines) == len(rows)
    return lines


def line(**cells: str) -> SettlementLine:
    return all_of([{name.replace("_", " "): cell for name, cell in cells.items()}])[0]


def fee(breakdown: str, amount: str, **more: str) -> dict[str, str]:
    return {"Breakdown Type": breakdown, "Holding Currency Amount": amount, **more}


def test_a_capture_is_a_charge_of_its_payment() -> None:
    assert line() == SettlementLine(
        key="act_1:Capture",
        type=LineType.CHARGE,
        raw_type="Capture",
        gross_minor=5000,
        fee_minor=0,
        net_minor=5000,
        currency=Currency.GBP,
        booked_at=datetime(2026, 7, 9, 18, 7, 6, 844_000, tzinfo=UTC),
        batch="0001CFJU",
        tag="att_1",
        processor_reference="act_1",
        parent_reference="pay_1",
        account="pc_1",
        card_brand="visa",
        card_funding="credit",
        card_country="GB",
    )


def test_the_fees_of_an_action_add_up_to_its_fee() -> None:
    lines = all_of([
        {},
        fee("Premium Variable Fee", "-0.75"),
        fee("Scheme Fixed Fee", "-0.04"),
        fee("Interchange Fixed Fee", "-0.10"),
    ])  # fmt: skip

    assert {one.type for one in lines} == {LineType.CHARGE}
    assert (sum(one.gross_minor for one in lines), sum(one.fee_minor for one in lines)) == (5000, 89)
    assert [one.fee_parts for one in lines[1:]] == [
        FeeParts(commission_minor=75), FeeParts(scheme_minor=4), FeeParts(interchange_minor=10),
    ]  # fmt: skip
    assert not any(map(unbalanced, lines))
    assert len({one.key for one in lines}) == len(lines)


def test_parts_of_a_penny_are_carried_until_they_are_one() -> None:
    lines = all_of([{}, *(fee("Scheme Variable Fee", "-0.00250000") for _ in range(8))])

    assert [one.fee_minor for one in lines[1:]] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert totals(lines) == {("0001CFJU", Currency.GBP): 4998}


def test_parts_of_a_penny_are_carried_within_their_payout() -> None:
    lines = all_of([fee("Scheme Variable Fee", "-0.006", **{"Payout ID": payout}) for payout in ("one", "two", "one")])

    assert [one.fee_minor for one in lines] == [0, 0, 1]


def test_two_fees_of_one_kind_are_two_lines_where_their_details_differ() -> None:
    rows = [CAPTURED | fee("Scheme Fixed Fee", "-0.04") | {"Fee Detail": detail} for detail in ("clearing", "use")]
    report = open_report(list(rows[0]))

    keys = [told.key for row in rows if isinstance(told := report.read(list(row.values())), SettlementLine)]

    assert keys == ["act_1:Scheme Fixed Fee:clearing", "act_1:Scheme Fixed Fee:use"]


@pytest.mark.parametrize("change", [{"Action Type": "Authorization"}, {"Payment ID": ""}], ids=["action", "payment"])
def test_a_fee_of_no_capture_is_one_of_the_account(change: dict[str, str]) -> None:
    told = all_of([fee("Authorization Fixed Fee", "-0.08", **change)])[0]

    assert (told.type, told.gross_minor, told.fee_minor, told.net_minor) == (LineType.FEE, -8, 0, -8)


@pytest.mark.parametrize(
    ("breakdown", "amount", "kind"),
    [
        ("Refund", "-5.00", LineType.REFUND),
        ("Chargeback (ADJM)", "-50.00", LineType.CHARGEBACK),
        ("Chargeback (RPDW)", "50.00", LineType.CHARGEBACK_REVERSAL),
        (CLEARING_FAILED, "-50.00", LineType.CHARGE_REVERSAL),
        (CLEARING_FAILED, "5.00", LineType.REFUND_REVERSAL),
        (f"{RESERVE} Hold", "-2.50", LineType.RESERVE),
        ("Of Next Year", "1.00", LineType.UNMAPPED),
    ],
)
def test_a_breakdown_type_says_what_the_money_is(breakdown: str, amount: str, kind: LineType) -> None:
    told = line(Breakdown_Type=breakdown, Holding_Currency_Amount=amount)

    assert (told.type, told.raw_type, told.net_minor) == (kind, breakdown, round(float(amount) * 100))


def test_an_arbitration_that_was_lost_costs_a_fee() -> None:
    told = line(Action_Type="Chargeback", Breakdown_Type=ARBITRATION, Holding_Currency_Amount="-15.00")

    assert (told.type, told.gross_minor, told.fee_minor) == (LineType.CHARGEBACK, 0, 1500)


def test_a_payout_is_money_to_our_bank() -> None:
    told = line(Action_Type="Payout", Breakdown_Type="Payout", Holding_Currency_Amount="-49.11", Payment_ID="")

    assert (told.type, told.net_minor, told.processor_reference, told.tag) == (
        LineType.PAYOUT, 4911, "0001CFJU", None,
    )  # fmt: skip


def test_what_was_charged_in_another_currency_stands_beside_what_is_held() -> None:
    row = CAPTURED | {"Processing Currency": "EUR", "Processing Currency Amount": "58.20", "FX Rate Applied": "0.8591"}
    told = open_report(list(row)).read(list(row.values()))

    assert isinstance(told, SettlementLine)
    assert (told.presented, told.exchange_rate) == (Money(5820, Currency.EUR), "0.8591")


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("Holding Currency Amount", {"Holding Currency Amount": "50.001"}),
        ("Holding Currency Amount", fee("Scheme Fixed Fee", "little")),
        ("Holding Currency Amount", fee("Scheme Fixed Fee", "1_0")),
        ("Holding Currency Amount", fee("Scheme Fixed Fee", "Infinity")),
        ("Holding Currency Amount", fee("Scheme Fixed Fee", "1e999999")),
        ("Holding Currency Amount", fee("Scheme Fixed Fee", "0" * 30)),
        ("Holding Currency", {"Holding Currency": "XYZ"}),
        ("Processed On", {"Processed On": "then"}),
        ("Action ID", {"Action ID": ""}),
    ],
)
def test_a_cell_that_cannot_be_read_breaks_its_row_by_the_columns_name(column: str, cells: dict[str, str]) -> None:
    told = open_report(list(CAPTURED)).read(list((CAPTURED | cells).values()))

    assert isinstance(told, BrokenRow)
    assert told.column == column


def test_a_header_of_something_else_is_told_what_it_lacks() -> None:
    with pytest.raises(NotAReportError, match="lacks Processed On UTC or Processed On of the format financial_actions"):
        open_report([name for name in NEEDED if "Processed" not in name])


def test_every_breakdown_type_stands_on_the_page() -> None:
    assert {(name, str(kind)) for name, kind in BREAKDOWNS.items()} - shown("checkout_com") == set()
    assert not any(map(is_fee, BREAKDOWNS))
