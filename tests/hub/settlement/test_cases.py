"""The cases that reconciliation is held to: what is expected, what is settled, and what a human then has to look at."""

from datetime import UTC, datetime

import pytest

from hub.ledger.store import Wanted as Transfers
from hub.ledger.store import transfers_before
from normalization.outcome import Approved
from tests.hub.exceptions.cabinet import resolve
from tests.hub.house import House
from tests.hub.settlement.books import wanted
from tests.hub.settlement.cases import Case, line, moved, open_case, payout
from tests.hub.settlement.reports import ADYEN, hand_in, import_all

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAG = "payment_metadata[hub_operation]"
REFUND_TAG = "refund_metadata[hub_operation]"


async def test_rc_01_a_clean_line_closes_what_the_processor_owed(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, fee=320)

    came_of = await case.settle(line("s1", "charge", 10_000, 320, **{TAG: e1}), payout("B1", 9_680))

    assert came_of.matches == [("e1", "s1")]
    assert came_of.exceptions == []
    assert await case.postings() == {
        ("bank_clearing", "USD"): 9_680,
        ("processor_fees", "USD"): 320,
        ("sales", "USD"): -10_000,
    }


@pytest.mark.fault_case(id="REC-07")
async def test_rc_03_a_fee_off_by_what_is_tolerated_is_only_told(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 9_999, fee=320)

    came_of = await case.settle(line("s1", "charge", 9_999, 321, **{TAG: e1}), payout("B1", 9_678))

    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1")], [])
    assert came_of.info == [{"type": "fee_rounding", "variance": 1}]


async def test_rc_05_the_parts_of_a_fee_are_held_against_the_schedule_together(quiet: House) -> None:
    case = await open_case(quiet, "adyen", settlement_currency="GBP")
    _, place = quiet.places[case.account]
    e1 = await case.charged("e1", 500, "GBP", fee=12)
    row = f"Hub,{place},PSP5,{e1},visa,2013-06-03 10:00:00,CET,Settled,MOD5,GBP,,5.00,1,GBP,,4.88,,0.04,0.01,0.07,,,1"

    handed = await hand_in(quiet.hub, case.account, f"{ADYEN}\n{row}\n".encode())
    await import_all(quiet.hub.parts.shell)

    batch = f"/v1/settlements/{handed.json()['id']}"
    (told,) = (await quiet.hub.get(f"{batch}/lines")).json()["data"]
    assert (told["status"], await case.expected_names(told["expected"])) == ("matched", ["e1"])
    assert (told["gross"], told["fee"], told["net"]) == (500, 12, 488)
    assert await case.exceptions() == []


@pytest.mark.fault_case(id="CUR-09")
async def test_rc_07_a_conversion_within_tolerance_goes_through_both_currencies(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, "EUR", settle_minor=10_850, settle_currency="USD")
    told = {"customer_facing_amount": "100.00", "customer_facing_currency": "eur", "exchange_rate": "1.0820"}

    came_of = await case.settle(line("s1", "charge", 10_820, 340, **{TAG: e1}, **told), payout("B1", 10_480))

    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1")], [])
    assert came_of.info == [{"type": "fx_difference", "variance": -30, "bps": 28}]
    assert await case.postings() == {
        ("bank_clearing", "USD"): 10_480,
        ("processor_fees", "USD"): 340,
        ("fx_gain_loss", "USD"): 30,
        ("fx_position:USD", "USD"): -10_850,
        ("fx_position:EUR", "EUR"): 10_000,
        ("sales", "EUR"): -10_000,
    }
    of_line = Transfers(livemode=False, merchant_accounts=frozenset({case.account}), currency="USD")
    shown = await transfers_before(quiet.hub.parts.database, of_line, None, 10)
    assert ("fx_gain_loss", "fx_position:USD", 30) in [(t["debit"], t["credit"], t["amount_minor"]) for t in shown]


async def test_rc_09_a_currency_that_was_not_agreed_is_never_compared(quiet: House) -> None:
    case = await open_case(quiet, settlement_currency="EUR")
    e1 = await case.charged("e1", 10_000, "EUR")

    came_of = await case.settle(line("s1", "charge", 10_830, **{TAG: e1}))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "currency_mismatch", "high")
    assert (found["context"]["expected"], found["context"]["settled"]) == ("EUR", "USD")


@pytest.mark.fault_case(id="REC-04")
async def test_rc_11_a_refund_settles_in_a_later_batch_than_its_charge(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, fee=320)
    r1 = await case.refunded("r1", "e1", 2_500, fee=0)

    came_of = await case.settle(
        line("s1", "charge", 10_000, 320, **{TAG: e1}),
        line("s2", "refund", -2_500, automatic_payout_id="B2", **{REFUND_TAG: r1}),
        payout("B1", 9_680),
        payout("B2", -2_500),
    )

    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1"), ("r1", "s2")], [])


@pytest.mark.fault_case(id="REC-04")
async def test_rc_13_a_refund_of_another_amount_is_matched_and_told(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 10_000)
    r1 = await case.refunded("r1", "e1", 2_500)

    came_of = await case.settle(line("s1", "refund", -2_550, **{REFUND_TAG: r1}))

    (found,) = came_of.exceptions
    assert came_of.matches == [("r1", "s1")]
    assert (found["type"], found["severity"]) == ("amount_mismatch", "high")
    assert (found["variance"], found["currency"], found["amount"]) == (-50, "USD", 50)


async def test_rc_15_a_refund_that_came_back_is_owed_to_the_payer(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 10_000)
    r1 = await case.refunded("r1", "e1", 2_500)
    await case.settle(line("s0", "refund", -2_500, **{REFUND_TAG: r1}))
    before = await case.postings()

    came_of = await case.settle(line("s1", "refund_failure", 2_500, **{REFUND_TAG: r1}))

    (found,) = came_of.exceptions
    after = await case.postings()
    assert (came_of.matches, found["type"], found["severity"]) == ([], "refund_failed", "high")
    assert (found["variance"], found["currency"]) == (2_500, "USD")
    assert case.names[found["context"]["linked_to"]] == "r1"
    assert moved(before, after) == {
        ("bank_clearing", "USD"): 2_500,
        ("customer_refunds_payable", "USD"): -2_500,
    }


async def test_rc_17_a_chargeback_that_was_won_closes_both_ways(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    await case.settle(line("s0", "charge", 10_000, **{TAG: e1}))
    before = await case.postings()
    c1, c2 = await case.disputed("e1", 10_000, fee=1_500), await case.disputed("e1", -10_000, fee=0)

    came_of = await case.settle(
        line("s1", "dispute", -10_000, 1_500, automatic_payout_id="B4", **{TAG: e1}),
        line("s2", "dispute_reversal", 10_000, automatic_payout_id="B9", **{TAG: e1}),
        payout("B4", -11_500),
        payout("B9", 10_000),
    )

    after = await case.postings()
    assert came_of.exceptions == []
    assert came_of.lines["s1"]["expected"] == [c1]
    assert came_of.lines["s2"]["expected"] == [c2]
    assert moved(before, after) == {
        ("bank_clearing", "USD"): -1_500,
        ("dispute_fees", "USD"): 1_500,
    }


async def test_rc_19_a_chargeback_that_nobody_told_of(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.settled_charge("e1", 10_000)

    came_of = await case.settle(line("s1", "dispute", -10_000, 1_500, **{TAG: e1}))

    unannounced, fee = came_of.exceptions
    assert came_of.matches == []
    assert (unannounced["type"], unannounced["severity"]) == ("chargeback_unannounced", "high")
    assert (fee["type"], fee["severity"]) == ("fee_unexpected", "medium")
    assert (unannounced["variance"], fee["variance"]) == (-10_000, 1_500)
    assert unannounced["context"]["linked_to"] == fee["context"]["linked_to"] == e1


async def test_rc_21_a_payer_who_is_paid_back_twice(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.settled_charge("e1", 10_000)
    r1 = await case.refunded("r1", "e1", 10_000)
    await case.settle(line("s0", "refund", -10_000, **{REFUND_TAG: r1}))

    came_of = await case.settle(line("s1", "dispute", -10_000, 1_500, **{TAG: e1}))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "refund_then_chargeback", "high")
    assert (found["variance"], found["context"]["linked_to"]) == (-10_000, e1)
    assert "refund as evidence" in found["suggested_action"]


@pytest.mark.fault_case(id="REC-01")
async def test_rc_23_the_same_file_again_changes_nothing(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, fee=320)
    told = [line("s1", "charge", 10_000, 320, **{TAG: e1}), payout("B1", 9_680)]
    first = await case.settle(*told)
    before = await case.postings()

    again = await case.settle(*told, line("s9", "fee", -10, automatic_payout_id=""))

    assert first.matches == [("e1", "s1")]
    assert (again.batch["counts"]["added"], again.batch["counts"]["known"]) == (1, 2)
    assert again.exceptions == []
    assert (await case.postings())["sales", "USD"] == before["sales", "USD"]


async def test_rc_25_two_honest_charges_that_are_alike_are_no_duplicates(quiet: House) -> None:
    case = await open_case(quiet)
    e1, e2 = await case.charged("e1", 2_900), await case.charged("e2", 2_900)

    came_of = await case.settle(
        line("s1", "charge", 2_900, 114, **{TAG: e1}),
        line("s2", "charge", 2_900, 114, **{TAG: e2}),
        payout("B1", 5_572),
    )

    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1"), ("e2", "s2")], [])


async def test_rc_29_money_for_a_charge_that_is_not_ours_waits_in_suspense(quiet: House) -> None:
    case = await open_case(quiet)

    came_of = await case.settle(line("s1", "charge", 4_900, 172, payment_intent_id="pi_77"))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "unexpected_settlement", "high")
    assert (found["variance"], found["currency"]) == (4_900, "USD")
    assert await case.postings() == {
        ("bank_clearing", "USD"): 4_728,
        ("processor_fees", "USD"): 172,
        ("suspense", "USD"): -4_900,
    }


async def test_rc_31_a_charge_that_failed_in_our_books_was_settled(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = (await case.books.declined(10_000)).operation.id

    came_of = await case.settle(line("s1", "charge", 10_000, 320, **{TAG: e1}))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "failed_but_settled", "high")
    assert found["variance"] == 10_000


async def test_rc_31_what_was_settled_is_not_charged_again_until_a_human_has_decided(quiet: House) -> None:
    case = await open_case(quiet)
    failed = await case.books.declined(10_000)
    came_of = await case.settle(line("s1", "charge", 10_000, 320, **{TAG: failed.operation.id}))
    again = {"payment_method": quiet.payment_method, "reference": failed.payment.reference}

    refused = await quiet.hub.charge(**again)
    await resolve(quiet.hub, came_of.exceptions[0]["id"])
    charged = await quiet.hub.charge(**again)

    assert (refused.status_code, refused.json()["code"]) == (409, "duplicate_reference")
    assert refused.json()["payment"] == failed.payment.id
    assert charged.status_code == 201


async def test_rc_33_a_charge_that_was_voided_was_settled(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = (await case.books.canceled(10_000)).operation.id

    came_of = await case.settle(line("s1", "charge", 10_000, 320, **{TAG: e1}))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "void_not_cleared", "high")
    assert (found["variance"], found["suggested_action"]) == (10_000, "Refund the payer.")


async def test_rc_35_a_partial_capture_is_a_whole_charge_and_its_rest_given_back(quiet: House) -> None:
    case = await open_case(quiet)
    held = await case.books.captured(6_000, of=10_000, fee=204)
    case.names[held.operation.id] = "e1"
    tag = {TAG: held.operation.attempt_id}

    came_of = await case.settle(
        line("s1", "charge", 10_000, 204, **tag),
        line("s2", "partial_capture_reversal", -4_000, **tag),
        payout("B1", 5_796),
    )

    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1+s2")], [])


async def test_rc_35_the_rest_may_be_told_in_a_later_report(quiet: House) -> None:
    case = await open_case(quiet)
    held = await case.books.captured(6_000, of=10_000, fee=204)
    tag = {TAG: held.operation.attempt_id}

    first = await case.settle(line("s1", "charge", 10_000, 204, **tag))
    then = await case.settle(line("s2", "partial_capture_reversal", -4_000, **tag))

    assert first.types == ["amount_mismatch"]
    assert then.exceptions == []
    assert then.lines["s2"]["status"] == "matched"
    assert ("suspense", "USD") not in await case.postings()
    (closed,) = await case.exceptions("resolved")
    assert closed["resolution"]["how"] == "settled_later"


async def test_rc_37_what_is_charged_in_march_and_settled_in_april_is_owed_in_between(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, fee=320)
    april = {"available_on_utc": "2026-04-02 00:00:00"}

    came_of = await case.settle(line("s1", "charge", 10_000, 320, **{TAG: e1}, **april))

    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1")], [])
    assert came_of.lines["s1"]["booked_at"].startswith("2026-04-02")
    assert (await case.revenue_at()).startswith("2026-03")


async def test_rc_39_a_chargeback_of_a_closed_month_is_booked_when_it_is_settled(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.settled_charge("e1", 10_000)
    c1 = await case.disputed("e1", 10_000)

    came_of = await case.settle(line("s1", "dispute", -10_000, 1_500, **{TAG: e1}))

    assert (came_of.lines["s1"]["expected"], came_of.exceptions) == ([c1], [])


async def test_rc_41_a_reserve_is_withheld_and_released(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 100_000, fee=2_930)

    came_of = await case.settle(
        line("s1", "charge", 100_000, 2_930, **{TAG: e1}),
        line("s2", "risk_reserved_funds", -10_000),
        payout("B1", 87_070),
    )
    held_back = await case.postings()
    released = await case.settle(
        line("s3", "risk_reserved_funds", 10_000, automatic_payout_id="B7"), payout("B7", 10_000)
    )

    assert (came_of.matches, came_of.exceptions, released.exceptions) == ([("e1", "s1")], [], [])
    assert came_of.info + released.info == [
        {"type": "reserve_withheld", "amount": 10_000},
        {"type": "reserve_released", "amount": 10_000},
    ]
    assert held_back == {
        ("bank_clearing", "USD"): 87_070,
        ("processor_fees", "USD"): 2_930,
        ("reserve_receivable", "USD"): 10_000,
        ("sales", "USD"): -100_000,
    }


async def test_rc_43_only_the_attempt_that_stands_may_settle(quiet: House) -> None:
    first, second = await open_case(quiet), await open_case(quiet)
    sent = await first.books.sent(10_000)
    moved = await first.books.passed_over(sent, second.books)
    done = await second.books.tell(moved, Approved(), wanted("charge", 10_000, "USD", 250))
    second.names[done.operation.id] = "e1"

    right = await second.settle(line("s1", "charge", 10_000, 250, **{TAG: done.operation.id}))
    wrong = await first.settle(line("s2", "charge", 10_000, 320, **{TAG: sent.operation.id}))

    (found,) = wrong.exceptions
    assert (right.matches, right.exceptions, wrong.matches) == ([("e1", "s1")], [], [])
    assert (found["type"], found["severity"]) == ("double_charge_after_failover", "critical")
    assert (found["variance"], found["settlement_line"]) == (10_000, wrong.lines["s2"]["id"])


async def test_rc_45_of_two_candidates_none_is_picked(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 2_900)
    await case.charged("e2", 2_900)

    came_of = await case.settle(line("s1", "charge", 2_900, 114))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "ambiguous_match", "medium")
    assert await case.expected_names(found["context"]["candidates"]) == ["e1", "e2"]


async def test_rc_47_an_unknown_type_of_line_is_kept(quiet: House) -> None:
    case = await open_case(quiet)

    came_of = await case.settle(line("s1", "contribution", -150))

    (found,) = came_of.exceptions
    assert (came_of.matches, found["type"], found["severity"]) == ([], "unmapped_line_type", "medium")
    assert (found["variance"], found["context"]["raw_type"]) == (-150, "contribution")


async def drifts(case: Case, **held: int) -> tuple[dict[str, int], dict[str, str]]:
    """Tell the hub what the processor holds; gives how far each currency is off, and what a human has to look at."""
    body = {"as_of": datetime.now(UTC).isoformat(), "balances": held}
    answer = await case.made.hub.post(f"/v1/merchant_accounts/{case.account}/balances", body)
    assert answer.status_code == 200, answer.text
    found = {one["currency"]: one["type"] for one in await case.exceptions()}
    return {one["currency"]: one["drift"] for one in answer.json()["balances"]}, found


async def test_rc_55_a_processor_that_holds_more_than_it_owes_is_told_too(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 100, "USD")
    await case.charged("e2", 200, "EUR")

    off, types = await drifts(case, USD=200, EUR=300)

    assert off == {"USD": 100, "EUR": 100}
    assert types == {"USD": "balance_over", "EUR": "balance_over"}


async def test_rc_57_a_currency_that_only_one_side_has_is_nothing_on_the_other(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 100, "USD")
    await case.charged("e2", 200, "DKK")

    off, types = await drifts(case, USD=100, EUR=200)

    assert off == {"USD": 0, "EUR": 200, "DKK": -200}
    assert types == {"EUR": "balance_over", "DKK": "balance_short"}
