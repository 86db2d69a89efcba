"""Which entry of our bank is which payout, and how far a processor's balance is off our books."""

from datetime import date, timedelta
from typing import Any

from hub.banking.rules import Entry, Payout, came_back, tie
from hub.settlement.balances import Books, compare

DAY = date(2026, 11, 23)


def payout(name: str = "po_first1", minor: int = 1000, **changes: Any) -> Payout:
    facts: dict[str, Any] = {"merchant_account": "ma_1", "currency": "EUR", "paid_on": DAY}
    return Payout(name=name, amount_minor=minor, **facts | changes)


def entry(id_: str = "ben_1", minor: int = 1000, *texts: str, **changes: Any) -> Entry:
    facts: dict[str, Any] = {"booked_on": DAY + timedelta(days=1), "currency": "EUR"}
    return Entry(id=id_, amount_minor=minor, texts=texts, **facts | changes)


def tied(entries: list[Entry], payouts: list[Payout]) -> list[tuple[str, str]]:
    return [(one.id, of.name) for one, of in tie(entries, payouts).tied]


def test_a_payout_is_known_by_its_name_even_where_the_amount_differs() -> None:
    named = entry("ben_1", 900, "STRIPE PAYOUT po_second2 thank you")

    assert tied([named], [payout("po_first1", 900), payout("po_second2", 1000)]) == [("ben_1", "po_second2")]


def test_a_short_name_proves_nothing_without_the_amount() -> None:
    assert tied([entry("ben_1", 900, "batch 12")], [payout("12", 1000)]) == []
    assert tied([entry("ben_1", 1000, "batch 12")], [payout("12", 1000), payout("13", 1000)]) == [("ben_1", "12")]


def test_without_a_name_it_is_known_by_currency_amount_and_days() -> None:
    assert tied([entry()], [payout(), payout("po_other1", 1001)]) == [("ben_1", "po_first1")]
    assert tied([entry(currency="USD")], [payout()]) == []
    assert tied([entry(booked_on=DAY + timedelta(days=8))], [payout()]) == []
    assert tied([entry(booked_on=DAY - timedelta(days=2))], [payout()]) == []


def test_the_days_within_which_it_may_come_are_counted_from_the_one_before_to_a_week_after() -> None:
    days = [-2, -1, 0, 6, 7, 8]

    found = [bool(tied([entry(booked_on=DAY + timedelta(days=after))], [payout()])) for after in days]

    assert found == [False, True, True, True, True, False]


def test_payouts_of_one_name_are_told_apart_by_account_and_currency() -> None:
    euros, dollars = payout("po_first1", 1000), payout("po_first1", 1100, currency="USD")
    named = [entry("ben_1", 1000, "po_first1"), entry("ben_2", 1100, "po_first1", currency="USD")]
    elsewhere = payout("batch7", 500, merchant_account="ma_2")
    both = [entry("ben_1", 400, "batch7"), entry("ben_2", 500)]

    found = tie(named, [euros, dollars]).tied
    of_two_accounts = tie(both, [payout("batch7", 400), elsewhere])

    assert [(one.id, of.currency) for one, of in found] == [("ben_1", "EUR"), ("ben_2", "USD")]
    assert sorted((one.id, of.merchant_account) for one, of in of_two_accounts.tied) == [
        ("ben_1", "ma_1"),
        ("ben_2", "ma_2"),
    ]


def test_money_of_another_currency_is_no_payout_whatever_it_names() -> None:
    assert tied([entry("ben_1", 1000, "po_first1", currency="USD")], [payout()]) == []


def test_what_left_and_names_two_is_known_as_neither() -> None:
    left = entry("ben_1", -1000, "RETURN po_first1 po_second2")

    assert came_back(left, [payout(), payout("po_second2")]) is None


def test_of_two_payouts_alike_none_is_picked_until_only_one_is_left() -> None:
    alike = [payout(), payout("po_second2")]

    found = tie([entry()], alike)

    assert (found.tied, [one.id for one, _ in found.ambiguous]) == ([], ["ben_1"])
    assert tied([entry("ben_1", 1000, "po_first1"), entry("ben_2")], alike) == [
        ("ben_1", "po_first1"),
        ("ben_2", "po_second2"),
    ]


def test_of_two_entries_alike_none_is_taken_for_the_one_payout() -> None:
    assert tied([entry("ben_1"), entry("ben_2")], [payout()]) == []


def test_what_names_a_payout_that_came_before_is_not_taken_for_another_of_its_amount() -> None:
    first, second = payout(), payout("po_second2")
    again = entry("ben_1", 1000, "po_first1")

    found = tie([again], [second], [first, second])

    assert (found.tied, found.ambiguous) == ([], [])


def test_what_names_a_payout_twice_is_not_taken_for_another_of_its_amount() -> None:
    entries = [entry("ben_1", 1000, "po_first1"), entry("ben_2", 1000, "po_first1")]

    assert tied(entries, [payout(), payout("po_second2")]) == [("ben_1", "po_first1")]


def test_of_two_that_name_a_payout_the_one_of_its_amount_is_it() -> None:
    entries = [entry("ben_1", 40, "fee of po_first1"), entry("ben_2", 1000, "po_first1")]

    assert tied(entries, [payout()]) == [("ben_2", "po_first1")]


def test_what_left_again_is_known_by_its_name_alone() -> None:
    assert came_back(entry("ben_1", -1000, "RETURN po_first1"), [payout()]) == payout()
    assert came_back(entry("ben_1", -1000, "RENT"), [payout()]) is None


def drifts(held: dict[str, int], owed: dict[str, int], fees: int = 0) -> dict[str, int]:
    books = {currency: Books(owed_minor=minor, fees_minor=fees) for currency, minor in owed.items()}
    return {one.currency: one.drift_minor for one in compare(held, books)}


def test_holding_more_than_our_books_say_disagrees_as_much_as_holding_less() -> None:
    assert drifts({"USD": 200, "EUR": 100}, {"USD": 100, "EUR": 200}) == {"USD": 100, "EUR": -100}


def test_a_currency_on_one_side_only_counts_as_zero_on_the_other() -> None:
    assert drifts({"USD": 100, "EUR": 200}, {"USD": 100, "DKK": 200}) == {"DKK": -200, "EUR": 200, "USD": 0}


def test_a_fee_that_is_not_settled_may_be_kept_already_or_not() -> None:
    assert drifts({"EUR": 1000}, {"EUR": 1000}, fees=30) == {"EUR": 0}
    assert drifts({"EUR": 970}, {"EUR": 1000}, fees=30) == {"EUR": 0}
    assert drifts({"EUR": 969}, {"EUR": 1000}, fees=30) == {"EUR": -1}
    assert drifts({"EUR": 1001}, {"EUR": 1000}, fees=30) == {"EUR": 1}


def test_what_a_processor_took_from_our_bank_is_its_payout_below_zero() -> None:
    took = payout("po_taken1", -700)

    assert tied([entry("ben_1", -700, "po_taken1")], [took, payout("po_first1", 700)]) == [("ben_1", "po_taken1")]
    assert tied([entry("ben_1", -700)], [took]) == [("ben_1", "po_taken1")]
    assert tied([entry("ben_1", 700, "po_taken1")], [took]) == []
    assert came_back(entry("ben_1", -700, "po_taken1"), [took]) is None


def test_a_payout_is_known_by_the_name_that_its_processor_writes_for_the_bank() -> None:
    batches = [payout("12", 1000, reference="TX1234567XT"), payout("13", 900, reference="TX7654321XT")]

    assert tied([entry("ben_1", 950, "TX1234567XT batch 12, Shop")], batches) == [("ben_1", "12")]
    assert tied([entry("ben_1", 900, "TX1234567XT batch 12, Shop")], batches) == [("ben_1", "12")]
    assert came_back(entry("ben_1", -1000, "RETURN TX1234567XT batch 12"), batches) == batches[0]
