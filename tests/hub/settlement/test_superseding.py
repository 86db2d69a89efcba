"""What a line had posted is posted back, by the same way, once."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.settlement.superseding import CODE
from hub.settlement.taking_back import posted_back

AT = datetime(2026, 11, 18, tzinfo=UTC)
ACCOUNTS = ("bank_clearing:ma_1", "settlement_receivable:ma_1", "processor_fees:ma_1", "suspense:ma_1")


def transfer(debit: str, credit: str, minor: int) -> dict[str, Any]:
    told = {"livemode": False, "currency": "EUR", "payment_id": None, "operation_id": None}
    tied = {"line_id": "sl_1", "exception_id": None}
    return {"debit": debit, "credit": credit, "amount_minor": minor} | told | tied


def balances(rows: list[dict[str, Any]]) -> dict[str, int]:
    found = dict.fromkeys(ACCOUNTS, 0)
    for row in rows:
        found[row["debit"]] += row["amount_minor"]
        found[row["credit"]] -= row["amount_minor"]
    return found


def test_debit_and_credit_change_places() -> None:
    (back,) = posted_back([transfer("bank_clearing:ma_1", "suspense:ma_1", 945)], AT, CODE)

    assert (back["debit"], back["credit"], back["amount_minor"]) == ("suspense:ma_1", "bank_clearing:ma_1", 945)
    assert (back["line_id"], back["code"], back["created_at"]) == ("sl_1", "line_superseded", AT)


def test_what_was_posted_back_before_is_not_posted_back_again() -> None:
    posted = [transfer("bank_clearing:ma_1", "suspense:ma_1", 945)]

    assert posted_back([*posted, *posted_back(posted, AT, CODE)], AT, CODE) == []


def test_what_had_other_causes_another_currency_or_mode_is_posted_back_apart() -> None:
    others: list[dict[str, Any]] = [
        {"currency": "USD"}, {"livemode": True}, {"payment_id": "pay_2"}, {"operation_id": "att_2"},
        {"line_id": "sl_2"}, {"exception_id": "exc_1"},
    ]  # fmt: skip
    there = transfer("bank_clearing:ma_1", "suspense:ma_1", 945)
    here = [transfer("suspense:ma_1", "bank_clearing:ma_1", 945) | other for other in others]

    first, *made = posted_back([there, *here], AT, CODE)

    assert (first["debit"], first["amount_minor"]) == ("suspense:ma_1", 945)
    assert [{name: one[name] for name in other} for one, other in zip(made, others, strict=True)] == others


@settings(max_examples=50)
@given(st.lists(st.tuples(st.permutations(ACCOUNTS), st.integers(1, 1_000)), max_size=8))
def test_nothing_is_left_of_it_on_any_account(drawn: list[tuple[list[str], int]]) -> None:
    posted = [transfer(sides[0], sides[1], minor) for sides, minor in drawn]

    assert not any(balances([*posted, *posted_back(posted, AT, CODE)]).values())
