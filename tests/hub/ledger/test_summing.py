"""What transfers add up to: both sides of each, in its own currency, mode and day; pure."""

from datetime import date

from hub.ledger.summing import Day, Moved, Sums, added, by_account, by_day

DAY = date(2026, 11, 22)
TEST, LIVE = False, True


def test_both_sides_of_every_transfer_are_added_up_by_account_and_currency() -> None:
    moved = [Moved("a", "b", "EUR", 100), Moved("b", "a", "EUR", 30), Moved("a", "b", "USD", 7)]

    assert by_account(moved) == {
        ("a", "EUR"): Sums(debits_minor=100, credits_minor=30),
        ("b", "EUR"): Sums(debits_minor=30, credits_minor=100),
        ("a", "USD"): Sums(debits_minor=7),
        ("b", "USD"): Sums(credits_minor=7),
    }


def test_by_day_modes_days_and_codes_are_kept_apart() -> None:
    moved = Moved("a", "b", "EUR", 100)
    others = [(TEST, DAY, "refund"), (LIVE, DAY, "capture"), (TEST, DAY.replace(day=21), "capture")]

    found = by_day([(TEST, DAY, "capture", moved), (TEST, DAY, "capture", moved), *((*one, moved) for one in others)])

    assert found[Day(TEST, DAY, "a", "EUR", "capture")] == Sums(debits_minor=200)
    assert found[Day(TEST, DAY, "b", "EUR", "capture")] == Sums(credits_minor=200)
    assert len(found) == 8


def test_two_stretches_add_up_where_one_of_them_has_nothing() -> None:
    one, other = {("a", "EUR"): Sums(5, 2)}, {("a", "EUR"): Sums(1, 1), ("b", "EUR"): Sums(0, 9)}

    assert added(one, other) == {("a", "EUR"): Sums(6, 3), ("b", "EUR"): Sums(0, 9)}
