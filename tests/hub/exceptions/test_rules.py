"""Which transfers settle an exception, and which types are how bad."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.exceptions.opening import Opening, open_rows
from hub.exceptions.rules import Posting, posting_errors
from hub.exceptions.types import ACTION, MEANING, SEVERITY, TYPES, due_at

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def wrong(debit: str, credit: str, amount: int = 100) -> list[str]:
    posting = Posting(debit=debit, credit=credit, amount_minor=amount)
    return [error.field for error in posting_errors(posting, "ma_1", 100)]


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        ("suspense:ma_1", "sales"),
        ("write_offs", "settlement_receivable:ma_1"),
        ("processor_fees:ma_1", "suspense:ma_1"),
        ("suspense:ma_1", "settlement_receivable:ma_1"),
        ("suspense:ma_1", "customer_refunds_payable"),
    ],
)
def test_money_leaves_suspense_or_the_receivable_for_an_account_that_explains_it(debit: str, credit: str) -> None:
    assert wrong(debit, credit) == []


@pytest.mark.parametrize(
    ("debit", "credit", "fields"),
    [
        ("suspense:ma_2", "sales", ["transfer.debit"]),
        ("suspense:ma_1", "bank:ma_1", ["transfer.credit"]),
        ("suspense:ma_1", "petty_cash", ["transfer.credit"]),
        ("write_offs", "sales", ["transfer.debit"]),
        ("suspense:ma_1", "suspense:ma_1", ["transfer.credit"]),
    ],
)
def test_a_transfer_between_other_accounts_is_refused_at_its_field(debit: str, credit: str, fields: list[str]) -> None:
    assert wrong(debit, credit) == fields


def test_a_transfer_is_at_most_the_money_at_risk() -> None:
    assert wrong("suspense:ma_1", "sales", 101) == ["transfer.amount"]


def test_every_type_has_its_severity_meaning_and_action() -> None:
    assert set(TYPES) == set(SEVERITY) == set(MEANING) == set(ACTION)


def test_what_harms_a_payer_is_due_first() -> None:
    assert due_at(NOON, "double_charge_after_failover") == NOON + timedelta(hours=4)
    assert due_at(NOON, "fee_variance") == NOON + timedelta(days=10)


def test_an_opening_is_one_row_and_one_event() -> None:
    opening = Opening(
        type="fee_variance",
        livemode=True,
        merchant_account="ma_1",
        amount_minor=3,
        currency="EUR",
        detail="3 more than the schedule",
        context={"expected": 10},
    )

    (row,), (event,) = open_rows([opening], NOON)

    assert (row["status"], row["context"]) == ("open", '{"expected":10}')
    assert (event["type"], event["object_id"], event["livemode"]) == ("exception.opened", row["id"], True)
