"""What each transfer counts as in a reconciliation; pure."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from hub.reporting.rules import Alike, Figures, Key, account_of, by_key, counted_as, unconserved, unlike_the_ledger

DAY = date(2026, 11, 22)
OWED, CLEARING = "settlement_receivable:ma_1", "bank_clearing:ma_1"


def alike(debit: str, credit: str, code: str = "settled", **more: Any) -> Alike:
    facts: dict[str, Any] = {"line_account": None, "by_hand": False, "at_once": False, "ruleset": "", "rule": ""}
    return Alike(
        livemode=True, day=DAY, debit=debit, credit=credit, currency="EUR", code=code, amount_minor=100, **facts | more
    )


@pytest.mark.parametrize(
    ("moved", "counted"),
    [
        (alike(OWED, "sales", "capture"), Figures(expected=100, captured=100)),
        (alike(OWED, "sales", "capture", at_once=True), Figures(expected=100, captured=100, authorized=100)),
        (
            alike("sales", OWED, "capture_reversal", at_once=True),
            Figures(expected=-100, captured=-100, authorized=-100),
        ),
        (alike("sales", OWED, "refund", at_once=True), Figures(expected=-100, refunded=100)),
        (alike(OWED, "sales", "refund_reversal"), Figures(expected=100, refunded=-100)),
        (alike("disputes_receivable", OWED, "dispute_taken"), Figures(expected=-100, disputed=100)),
        (alike(OWED, "disputes_receivable", "dispute_reinstated"), Figures(expected=100, disputed=-100)),
        (alike(OWED, "suspense:ma_1", "surplus"), Figures(expected=100, surplus=100)),
        (alike("suspense:ma_1", OWED, "surplus_reversal"), Figures(expected=-100, surplus=-100)),
        (alike(CLEARING, OWED, line_account="ma_1"), Figures(settled=100)),
        (alike(OWED, CLEARING, line_account="ma_1"), Figures(settled=-100)),
        (alike("write_offs", OWED, by_hand=True), Figures(adjusted=-100)),
        (alike(OWED, "suspense:ma_1", by_hand=True, line_account="ma_1"), Figures(adjusted=100, unmatched=100)),
        (alike(CLEARING, "suspense:ma_1", line_account="ma_1"), Figures(unmatched=100)),
        (alike(CLEARING, "customer_refunds_payable", line_account="ma_1"), Figures(unmatched=100)),
        (alike("processor_fees:ma_1", CLEARING, line_account="ma_1"), Figures(fees=100)),
        (alike(CLEARING, "dispute_fees", line_account="ma_1"), Figures(fees=-100)),
        (alike("reserve_receivable:ma_1", CLEARING, line_account="ma_1"), Figures(reserve=100)),
        (alike("fx_gain_loss", "fx_position:EUR", line_account="ma_1"), Figures(exchange_loss=100)),
        (alike("bank:ma_1", CLEARING), Figures(received=100)),
        (alike(CLEARING, "own_funds:ma_1", line_account="ma_1"), Figures()),
    ],
)
def test_a_transfer_raises_and_lowers_what_its_accounts_and_its_code_say(moved: Alike, counted: Figures) -> None:
    assert counted_as(moved) == counted


def test_a_transfer_belongs_to_the_account_of_its_line_else_to_the_one_that_its_sides_name() -> None:
    assert account_of(alike(OWED, "sales", line_account="ma_2")) == "ma_2"
    assert account_of(alike("sales", OWED)) == "ma_1"
    assert account_of(alike("sales", "fx_position:EUR")) == ""


def test_figures_are_added_up_by_all_that_tells_them_apart_and_no_row_counts_nothing() -> None:
    captured = alike(OWED, "sales", "capture")
    apart: list[dict[str, Any]] = [
        {"livemode": False},
        {"day": DAY.replace(day=21)},
        {"currency": "USD"},
        {"ruleset": "rs_1"},
        {"rule": "r"},
    ]
    others = [captured._replace(**other) for other in apart]
    key = Key(captured.livemode, DAY, "ma_1", "EUR", "", "")

    found = by_key([captured, captured, *others, alike(CLEARING, "own_funds:ma_1", ruleset="rs_9")], [(key, 7)])

    assert found[key] == Figures(expected=200, captured=200, authorized=7)
    assert len(found) == 1 + len(others)


def test_what_is_expected_is_what_was_captured_less_what_was_given_back() -> None:
    right = Figures(expected=65, captured=100, refunded=20, disputed=20, surplus=5)

    assert list(unconserved(right, "EUR", "ma_1")) == []
    for name in ("expected", "captured", "refunded", "disputed", "surplus"):
        assert len(list(unconserved(replace(right, **{name: 1}), "EUR", "ma_1"))) == 1


def test_what_is_outstanding_on_one_side_only_is_told_too() -> None:
    here, there = {("ma_1", "EUR"): 5, ("ma_2", "EUR"): 7}, {("ma_1", "EUR"): 5, ("ma_3", "EUR"): 9}

    assert [told.partition(":")[0] for told in unlike_the_ledger(here, there)] == ["ma_2", "ma_3"]
