"""Why a line came that nothing was expected for, and what differs where something was; no database is needed for it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest
from msgspec.structs import replace

from hub.merchants.profile import Terms as AccountTerms
from hub.merchants.profile import Tolerances
from hub.payments.states import OperationStatus, Status
from hub.settlement.conserving import offs
from hub.settlement.deciding import decide
from hub.settlement.payouts import sums_of
from hub.settlement.placing import Facts
from hub.settlement.values import Decided, Known, Pending, Terms, Wanted
from normalization.money import Currency, Money
from normalization.outcome import Operation
from normalization.settlements import LineType, SettlementLine

AT = datetime(2026, 3, 3, tzinfo=UTC)
AGREED = AccountTerms(
    fees=(), settlement_days=2, settlement_currency=Currency.USD, tolerances=Tolerances(fee_minor=1, fx_bps=50)
)
TERMS = Terms(batch_id="set_1", livemode=False, merchant_account="ma_1", account=AGREED, now=AT, account_name="HubECOM")
CHARGE = Known(
    id="att_1", payment_id="pay_1", attempt_id="att_1", kind=Operation.PURCHASE, status=OperationStatus.APPROVED,
    merchant_account="ma_1", processor_reference="pi_1", standing="att_1", payment_status=Status.CAPTURED,
    captured_minor=1_000, refunded_minor=0, currency="USD",
)  # fmt: skip
REFUND = replace(CHARGE, id="ref_1", kind=Operation.REFUND, processor_reference="re_1")


def line(type_: LineType, gross: int, **told: Any) -> SettlementLine:
    fee = told.pop("fee_minor", 0)
    made = SettlementLine(
        key="txn_1", type=type_, raw_type=type_.value, gross_minor=gross, fee_minor=fee, net_minor=gross - fee,
        currency=Currency.USD, booked_at=AT,
    )  # fmt: skip
    return replace(made, **told)


def wanted(type_: str, gross: int, matched_by: str | None = None, of: str = "att_1", **more: Any) -> Wanted:
    made = Wanted(f"exs_{of}_{type_}", "pay_1", of, type_, gross, None, "USD", None, None, date(2026, 3, 4), matched_by)
    return replace(made, **more)


def decided(told: SettlementLine, *expected: Wanted, known: tuple[Known, ...] = (CHARGE, REFUND)) -> Decided:
    (found,) = all_decided([told], *expected, known=known)
    return found


def all_decided(
    told: list[SettlementLine],
    *expected: Wanted,
    known: tuple[Known, ...] = (CHARGE, REFUND),
    uneven: Mapping[str, tuple[str, int]] = MappingProxyType({}),
) -> tuple[Decided, ...]:
    facts = Facts(
        operations={one.id: one for one in known},
        by_reference={one.processor_reference or "": [one] for one in known},
        disputed={},
        wanted={"att_1": expected},
        uneven=uneven,
    )
    lines = [Pending(f"sl_{number}", one) for number, one in enumerate(told)]
    return decide(TERMS, lines, facts, frozenset(one.id for one in lines)).decided


def told_by(found: Decided) -> list[str]:
    return [one.type for one in found.concerns]


TAKEN = wanted("charge", 1_000, "sl_0")
DISPUTED = wanted("chargeback", -1_000, "sl_0"), wanted("chargeback_reversal", 1_000, "sl_0")


@pytest.mark.parametrize(
    ("told", "expected", "reason"),
    [
        (line(LineType.CHARGE, 1_000, tag="att_1"), (TAKEN,), "duplicate_settlement"),
        (line(LineType.CHARGE, 1_000, tag="att_9"), (), "unexpected_settlement"),
        (line(LineType.CHARGE_REVERSAL, -1_000, tag="att_1"), (TAKEN,), "capture_failed"),
        (line(LineType.REFUND, -300, parent_reference="pi_1"), (), "unexpected_refund"),
        (line(LineType.REFUND, -1_300, parent_reference="pi_1"), (), "over_refund"),
        (line(LineType.REFUND, -300, tag="ref_9"), (), "unexpected_refund"),
        (line(LineType.CHARGEBACK, -1_000, tag="att_1"), (DISPUTED[0],), "duplicate_settlement"),
        (line(LineType.CHARGEBACK, -1_000, tag="att_1"), DISPUTED, "second_chargeback"),
        (line(LineType.SECOND_CHARGEBACK, -1_000, tag="att_1"), (), "second_chargeback"),
        (line(LineType.CHARGEBACK_REVERSAL, 1_000, tag="att_1"), (), "unexpected_settlement"),
        (line(LineType.REFUND_REVERSAL, 300, tag="ref_1"), (), "refund_failed"),
        (line(LineType.INVOICE, -110), (), "processor_invoice_unbooked"),
        (line(LineType.UNMAPPED, -150), (), "unmapped_line_type"),
        (line(LineType.CHARGE, 1_000, tag="att_1", account="HubPOS"), (), "wrong_merchant_account"),
    ],
)
def test_a_line_that_fits_nothing_is_left_to_a_human_with_its_reason(
    told: SettlementLine, expected: tuple[Wanted, ...], reason: str
) -> None:
    found = decided(told, *expected)

    assert (found.status, told_by(found)) == ("exception", [reason])
    assert found.concerns[0].variance_minor == told.gross_minor


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": OperationStatus.DECLINED, "payment_status": Status.FAILED}, "failed_but_settled"),
        ({"kind": Operation.AUTHORIZE, "payment_status": Status.CANCELED}, "void_not_cleared"),
        ({"standing": "att_2"}, "double_charge_after_failover"),
        ({"status": OperationStatus.UNKNOWN}, "unknown_outcome_settled"),
        ({"merchant_account": "ma_2"}, "wrong_merchant_account"),
    ],
)
def test_a_charge_that_our_books_hold_otherwise_says_how(changes: dict[str, Any], reason: str) -> None:
    found = decided(line(LineType.CHARGE, 1_000, tag="att_1"), known=(replace(CHARGE, **changes),))

    assert told_by(found) == [reason]


def test_a_payout_that_came_back_is_posted_and_told() -> None:
    found = decided(line(LineType.PAYOUT_REVERSAL, -500))

    assert (found.status, told_by(found), found.bookings) == ("posted", ["payment_returned"], ())


def test_a_fee_that_differs_is_told_on_the_line_that_is_matched() -> None:
    charged = line(LineType.CHARGE, 1_000, fee_minor=40, tag="att_1")

    variance = decided(charged, wanted("charge", 1_000, fee_minor=30))
    unexpected = decided(charged, wanted("charge", 1_000, fee_minor=0))

    assert (variance.status, told_by(variance)) == ("matched", ["fee_variance"])
    assert (unexpected.status, told_by(unexpected)) == ("matched", ["fee_unexpected"])
    assert variance.concerns[0].variance_minor == 10


def test_fees_in_lines_of_their_own_are_held_against_the_schedule_with_the_gross_of_their_action() -> None:
    first, second = (
        replace(CHARGE, id=f"cap_{n}", kind=Operation.CAPTURE, processor_reference=f"a{n}") for n in (1, 2)
    )
    known = (replace(CHARGE, kind=Operation.AUTHORIZE), first, second)
    expected = [wanted("charge", n * 100, of=f"cap_{n}", fee_minor=n * 10) for n in (1, 2)]
    told = [
        line(LineType.CHARGE, gross, fee_minor=fee, tag="att_1", processor_reference=reference)
        for gross, fee, reference in ((0, 15, "a2"), (100, 0, "a1"), (200, 0, "a2"), (0, 10, "a1"), (0, 9, "a2"))
    ]

    found = {one.line.id: one for one in all_decided(told, *expected, known=known)}

    assert {id_: one.match_id for id_, one in found.items()} == {
        "sl_0": "sl_2", "sl_1": "sl_1", "sl_2": "sl_2", "sl_3": "sl_1", "sl_4": "sl_2",
    }  # fmt: skip
    off = [concern for one in found.values() for concern in one.concerns]
    assert [(one.type, one.variance_minor, one.operation_id) for one in off] == [("fee_variance", 4, "cap_2")]


def test_a_fee_of_a_charge_that_failed_is_posted_and_no_exception() -> None:
    declined = replace(CHARGE, status=OperationStatus.DECLINED, payment_status=Status.FAILED)

    found = decided(line(LineType.CHARGE, 0, fee_minor=12, tag="att_1"), known=(declined,))

    assert (found.status, found.concerns, found.operation_id) == ("posted", (), "att_1")
    assert [booking.money.minor for booking in found.bookings] == [12]


def test_a_conversion_that_is_too_far_off_its_rate_is_told() -> None:
    presented = Money(10_000, Currency.EUR)
    told = line(LineType.CHARGE, 10_600, tag="att_1", presented=presented, exchange_rate="1.06")
    expected = wanted("charge", 10_000, currency="EUR", settle_minor=10_850, settle_currency="USD")

    found = decided(told, expected)

    assert (found.status, told_by(found), found.concerns[0].variance_minor) == ("matched", ["fx_variance"], -250)


def test_a_line_of_the_attempt_fits_two_captures_and_is_tied_to_neither() -> None:
    first, second = (replace(CHARGE, id=f"cap_{n}", kind=Operation.CAPTURE, processor_reference=None) for n in (1, 2))
    authorized = replace(CHARGE, kind=Operation.AUTHORIZE)
    expected = (wanted("charge", 500, of="cap_1"), wanted("charge", 500, of="cap_2"))

    found = decided(line(LineType.CHARGE, 500, tag="att_1"), *expected, known=(authorized, first, second))

    assert told_by(found) == ["ambiguous_match"]
    assert found.concerns[0].context is not None
    assert found.concerns[0].context["candidates"] == ["exs_cap_1_charge", "exs_cap_2_charge"]


def test_what_a_payout_costs_is_a_fee_and_what_it_pays_out_waits_for_the_bank() -> None:
    instant = line(LineType.PAYOUT, 1_010, fee_minor=10, batch="po_1")

    found = decided(instant)

    assert [(one.debit, one.credit, one.money.minor) for one in found.bookings] == [
        ("processor_fees:ma_1", "bank_clearing:ma_1", 10)
    ]
    assert offs("ma_1", [found]) == {}
    (sums,) = sums_of([line(LineType.CHARGE, 1_010, batch="po_1"), instant]).values()
    assert (sums.net_minor, sums.paid_minor) == (1_000, 1_000)


def test_another_accounts_payout_is_told_and_does_not_come_out_of_our_clearing() -> None:
    found = decided(line(LineType.PAYOUT, 500, account="HubPOS"))

    assert (told_by(found), found.bookings) == (["wrong_merchant_account"], ())
    assert offs("ma_1", [found]) == {}


CAPTURES = tuple(replace(CHARGE, id=f"cap_{n}", kind=Operation.CAPTURE, processor_reference=None) for n in (1, 2, 3))
AUTHORIZED = (replace(CHARGE, kind=Operation.AUTHORIZE), *CAPTURES)


def test_of_two_lines_for_what_is_expected_once_one_settles_it_and_the_other_is_told() -> None:
    first, second = all_decided([line(LineType.CHARGE, 1_000, tag="att_1")] * 2, wanted("charge", 1_000))

    assert (first.status, [one.id for one in first.wanted]) == ("matched", ["exs_att_1_charge"])
    assert (second.status, told_by(second), second.wanted) == ("exception", ["duplicate_settlement"], ())


def test_amounts_of_two_currencies_are_never_compared() -> None:
    found = decided(line(LineType.CHARGE, 1_000, tag="att_1"), wanted("charge", 1_000, currency="EUR"))

    assert (found.status, told_by(found)) == ("exception", ["currency_mismatch"])


def test_a_reversal_alone_settles_no_charge_that_has_not_come_yet() -> None:
    found = decided(line(LineType.CHARGE_REVERSAL, -1_000, tag="att_1"), wanted("charge", 1_000))

    assert (found.status, told_by(found)) == ("exception", ["capture_failed"])


@pytest.mark.parametrize(("lines", "becomes"), [(3, "matched"), (2, "exception"), (4, "exception")])
def test_lines_alike_settle_captures_alike_where_there_are_as_many(lines: int, becomes: str) -> None:
    expected = [wanted("charge", 500, of=one.id) for one in CAPTURES]

    found = all_decided([line(LineType.CHARGE, 500, tag="att_1")] * lines, *expected, known=AUTHORIZED)

    assert [one.status for one in found] == [becomes] * lines
    assert len({of.id for one in found for of in one.wanted}) == (3 if becomes == "matched" else 0)


@pytest.mark.parametrize(("gross", "becomes"), [(800, "matched"), (700, "exception"), (500, "matched")])
def test_one_line_settles_captures_that_it_adds_up_to_and_guesses_at_none(gross: int, becomes: str) -> None:
    expected = [wanted("charge", minor, of=f"cap_{n}") for n, minor in ((1, 500), (2, 300))]

    found = decided(line(LineType.CHARGE, gross, tag="att_1"), *expected, known=AUTHORIZED)

    assert found.status == becomes
    assert sum(one.gross_minor for one in found.wanted) == (gross if becomes == "matched" else 0)


def test_a_refund_that_bears_its_payments_name_alone_is_no_operation_that_we_know() -> None:
    found = decided(line(LineType.REFUND, -300, processor_reference="pi_1"), known=(CHARGE,))

    assert (told_by(found), found.operation_id) == (["unexpected_refund"], "att_1")


def test_a_line_of_another_accounts_operation_is_told_and_settles_nothing_of_ours() -> None:
    elsewhere = replace(CHARGE, id="att_2", attempt_id="att_1", merchant_account="ma_2", processor_reference=None)

    found = decided(line(LineType.CHARGE, 1_000, tag="att_2"), wanted("charge", 1_000), known=(CHARGE, elsewhere))

    assert (told_by(found), found.wanted) == (["wrong_merchant_account"], ())


@pytest.mark.parametrize(("told", "joins"), [(-200, True), (200, False), (-199, False)])
def test_what_was_settled_too_much_is_made_good_by_a_line_of_just_that_and_once(told: int, *, joins: bool) -> None:
    lines = [line(LineType.CHARGE_REVERSAL if told < 0 else LineType.CHARGE, told, tag="att_1")] * 2

    first, second = all_decided(lines, wanted("charge", 1_000, "sl_before"), uneven={"sl_before": ("exc_1", 200)})

    assert [one.match_id == "sl_before" for one in (first, second)] == [joins, False]


def test_a_line_that_names_one_capture_settles_no_other_of_the_same_amount() -> None:
    found = decided(line(LineType.CHARGE, 300, tag="cap_1"), wanted("charge", 300, of="cap_2"), known=AUTHORIZED)

    assert (found.status, found.wanted) == ("exception", ())


def test_a_chargeback_is_no_refund_of_the_same_amount() -> None:
    found = decided(line(LineType.CHARGEBACK, -1_000, tag="att_1"), wanted("refund", -1_000, of="ref_1"))

    assert (found.status, found.wanted) == ("exception", ())
