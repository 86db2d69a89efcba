"""Money that is late, and what comes to be known after its money: both find each other in the end."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from adapters.contract import NoticeKind, SettlementNotice
from hub.merchants.profile import Terms, Tolerances
from hub.settlement.finishing import rounds
from hub.settlement.jobs import import_next
from hub.settlement.lookups import ALIKE_MAX
from hub.settlement.missing import find_missing, last_missed
from hub.settlement.retrying import settle_waiting
from hub.settlement.values import Terms as SettledBy
from hub.webhooks.notices import note_notice
from normalization.money import Currency, Money
from normalization.outcome import Approved, Operation
from tests.hub.exceptions.cabinet import resolve
from tests.hub.house import House
from tests.hub.settlement.books import DUE, wanted
from tests.hub.settlement.cases import COLUMNS_TOLD, Case, line, open_case, payout
from tests.hub.settlement.reports import hand_in, import_all, written

together = pytest.mark.asyncio(loop_scope="module")
TAG = "payment_metadata[hub_operation]"
THURSDAY, FRIDAY, MONDAY = date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 9)


def account(late_days: int, *holidays: date) -> Terms:
    tolerances = Tolerances(late_days=late_days)
    return Terms(
        fees=(), settlement_days=2, settlement_currency=None, tolerances=tolerances, holidays=frozenset(holidays)
    )


def test_money_is_late_when_its_working_days_of_grace_are_over() -> None:
    assert last_missed(MONDAY, account(1)) == THURSDAY
    assert last_missed(FRIDAY, account(0)) == THURSDAY


def test_a_holiday_is_no_day_of_grace() -> None:
    assert last_missed(MONDAY, account(1, FRIDAY)) == date(2026, 3, 4)


async def missing_on(case: Case, day: date) -> None:
    """Do what the worker does on *day*."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    await find_missing(replace(case.made.hub.parts.shell, clock=lambda: at))


@together
async def test_rc_27_what_is_not_late_yet_is_open_and_no_exception(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 10_000, fee=320)

    await missing_on(case, THURSDAY)

    assert await case.exceptions() == []


@pytest.mark.fault_case(id="REC-06")
@together
async def test_what_has_not_come_is_missing_once_and_its_late_line_closes_that(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    await missing_on(case, date(2026, 3, 10))
    await missing_on(case, date(2026, 3, 11))
    (missing,) = await case.exceptions()

    came_of = await case.settle(line("s1", "charge", 10_000, **{TAG: e1}))

    (closed,) = await case.exceptions("resolved")
    assert (missing["type"], missing["variance"], missing["amount"]) == ("missing_settlement", -10_000, 10_000)
    assert (came_of.matches, came_of.exceptions) == ([("e1", "s1")], [])
    assert (closed["id"], closed["resolution"]["how"]) == (missing["id"], "settled_late")


@together
async def test_a_line_that_came_before_what_it_settles_was_known_is_taken_out_of_suspense(quiet: House) -> None:
    case = await open_case(quiet)
    await case.settled_charge("e1", 10_000)
    early = await case.settle(line("s1", "dispute", -10_000, 1_500, **{TAG: case.books.known["e1"].operation.id}))
    await case.disputed("e1", 10_000)

    await settle_waiting(case.made.hub.parts.shell)

    assert early.types == ["chargeback_unannounced", "fee_unexpected"]
    assert await case.exceptions() == []
    assert await case.postings() == {
        ("bank_clearing", "USD"): -1_500,
        ("dispute_fees", "USD"): 1_500,
        ("disputes_receivable", "USD"): 10_000,
        ("sales", "USD"): -10_000,
    }


@together
async def test_a_line_of_an_attempt_is_taken_out_of_suspense_when_the_capture_that_it_settles_is_known(
    quiet: House,
) -> None:
    """Of several captures of one PaymentIntent, Stripe's report names none."""
    case = await open_case(quiet)
    held = await case.books.tell(
        await case.books.sent(10_000, kind=Operation.AUTHORIZE), Approved(), reference="pi_several"
    )
    capture = await case.books.asked(held, Operation.CAPTURE, 4_000, capturing_minor=4_000)
    of = {TAG: held.operation.id, "payment_intent_id": "pi_several"}
    early = await case.settle(line("s1", "charge", 4_000, **of))
    await case.books.tell(capture, Approved(), wanted("charge", 4_000, "USD"))

    await settle_waiting(case.made.hub.parts.shell)

    assert early.types == ["unexpected_settlement"]
    assert await case.exceptions() == []
    assert await case.postings() == {("bank_clearing", "USD"): 4_000, ("sales", "USD"): -4_000}


@together
async def test_a_line_that_another_account_settled_is_tied_to_nothing_of_ours_by_looking_again(quiet: House) -> None:
    ours, theirs = await open_case(quiet), await open_case(quiet)
    e1 = await ours.charged("e1", 10_000)
    (wrong,) = (await theirs.settle(line("s1", "charge", 10_000, **{TAG: e1}))).exceptions

    await settle_waiting(quiet.hub.parts.shell)

    assert [(one["id"], one["type"]) for one in await theirs.exceptions()] == [(wrong["id"], "wrong_merchant_account")]
    assert (await ours.postings())["settlement_receivable", "USD"] == 10_000


@together
async def test_a_fee_that_is_told_in_a_later_report_joins_the_match_of_its_charge(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, fee=320)

    gross = await case.settle(line("s1", "charge", 10_000, **{TAG: e1}))
    part = await case.settle(line("s2", "charge", 0, 300, **{TAG: e1}))
    rest = await case.settle(line("s3", "charge", 0, 20, **{TAG: e1}))

    assert [one["variance"] for one in gross.exceptions] == [-320]
    assert [(one["type"], one["variance"]) for one in part.exceptions] == [("fee_variance", -20)]
    assert rest.exceptions == []
    assert rest.lines["s3"]["status"] == "matched"
    assert await case.postings() == {
        ("bank_clearing", "USD"): 9_680,
        ("processor_fees", "USD"): 320,
        ("sales", "USD"): -10_000,
    }


@together
async def test_a_fee_that_is_told_in_an_earlier_report_than_its_charge_counts_with_it(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000, fee=320)

    first = await case.settle(line("s1", "charge", 0, 320, **{TAG: e1}))
    then = await case.settle(line("s2", "charge", 10_000, **{TAG: e1}))

    assert (first.lines["s1"]["status"], first.exceptions) == ("posted", [])
    assert (then.matches, then.exceptions) == ([("e1", "s2")], [])


@together
async def test_the_settlement_tells_what_nobody_knew(quiet: House) -> None:
    case = await open_case(quiet)
    held = await case.books.unanswered(await case.books.sent(10_000))
    tag = {TAG: held.operation.id, "payment_intent_id": "pi_told"}

    came_of = await case.settle(line("s1", "charge", 10_000, **tag), payout("B1", 10_000))

    (found,) = came_of.exceptions
    assert found["type"] == "unknown_outcome_settled"
    assert came_of.lines["s1"]["status"] == "matched"
    shown = (await quiet.hub.get(f"/v1/payments/{held.payment.id}")).json()
    assert (shown["status"], shown["amount_captured"]) == ("captured", 10_000)
    assert ("suspense", "USD") not in await case.postings()


@together
async def test_a_payout_that_its_lines_do_not_add_up_to_is_told_until_they_do(quiet: House) -> None:
    case = await open_case(quiet)
    e1, e2, e3 = [await case.charged(f"e{number}", minor) for number, minor in ((1, 10_000), (2, 600), (3, 100))]

    short = await case.settle(line("s1", "charge", 10_000, **{TAG: e1}), payout("B1", 10_700))
    still = await case.settle(line("s3", "charge", 100, **{TAG: e3}))
    whole = await case.settle(line("s2", "charge", 600, **{TAG: e2}))

    (found,) = short.exceptions
    assert (found["type"], found["variance"], found["context"]["payout"]) == ("batch_total_mismatch", 700, "B1")
    assert [one["id"] for one in still.exceptions] == [found["id"]]  # Told once, however many reports come by.
    assert whole.exceptions == []


@together
async def test_one_line_may_be_all_refunds_of_a_day(quiet: House) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 10_000)
    await case.refunded("r1", "e1", 2_500)
    await case.refunded("r2", "e1", 1_200)

    came_of = await case.settle(line("s1", "refund", -3_700, source_id=""))

    assert came_of.exceptions == []
    assert came_of.matches == [("r1", "s1"), ("r2", "s1")]


@together
async def test_a_surplus_is_expected_too_and_one_line_settles_both(quiet: House) -> None:
    case = await open_case(quiet)
    sent = await case.books.sent(10_000)
    told = sent.operation.money
    lines = (wanted("charge", 10_000, "USD"), wanted("charge", 2_000, "USD"))
    held = await case.books.tell(sent, Approved(), *lines, money=replace(told, minor=12_000))
    case.names[held.operation.id] = "e1"

    came_of = await case.settle(line("s1", "charge", 12_000, **{TAG: held.operation.id}))

    assert [one for one in came_of.exceptions if one["settlement_line"]] == []
    assert came_of.lines["s1"]["status"] == "matched"
    assert len(came_of.lines["s1"]["expected"]) == 2


@together
async def test_a_months_declines_are_billed_in_one_line(quiet: House) -> None:
    fees = [{"kind": "decline", "fixed_minor": 10}]
    case = await open_case(quiet, fees=fees)
    for _ in range(3):
        fee = wanted("fee", -10, "USD", due_on=date(2026, 2, 27))
        await case.books.expect(await case.books.declined(5_000), fee, posted=False)

    came_of = await case.settle(line("s1", "fee", -30), line("s2", "fee", -44))

    assert (came_of.lines["s1"]["status"], len(came_of.lines["s1"]["expected"])) == ("matched", 3)
    assert came_of.lines["s2"]["status"] == "posted"
    assert came_of.exceptions == []
    assert await case.postings() == {("bank_clearing", "USD"): -74, ("processor_fees", "USD"): 74}


@together
async def test_a_payout_that_the_processor_tells_of_after_its_report_is_held_against_its_lines(quiet: House) -> None:
    case = await open_case(quiet)
    connected = quiet.hub.parts.directory.connected(case.account)
    assert connected is not None
    paid = Money(10_000, Currency.USD)
    notice = SettlementNotice(kind=NoticeKind.PAYOUT_PAID, processor_reference="po_told", livemode=False, money=paid)
    names = "po_told", "po_abroad", "po_failed"
    failed = replace(notice, processor_reference="po_failed", kind=NoticeKind.PAYOUT_FAILED)
    await note_notice(quiet.hub.parts.shell, connected, failed)  # Nothing of it was paid.
    told = await case.settle(*(line(f"s_{name}", "charge", 9_000, automatic_payout_id=name) for name in names))

    await note_notice(quiet.hub.parts.shell, connected, notice)
    abroad = replace(notice, processor_reference="po_abroad", money=replace(paid, currency=Currency.EUR))
    await note_notice(quiet.hub.parts.shell, connected, notice)
    await note_notice(quiet.hub.parts.shell, connected, abroad)  # What it paid in dollars nobody has said.

    assert told.types == ["unexpected_settlement"] * 3
    (off,) = [one for one in await case.exceptions() if one["type"] != "unexpected_settlement"]
    assert (off["type"], off["variance"], off["settlement"]) == ("batch_total_mismatch", 1_000, told.batch["id"])


@together
async def test_what_was_written_off_as_missing_comes_back_when_its_line_comes_after_all(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    await missing_on(case, date(2026, 3, 10))
    (missing,) = await case.exceptions()
    lost = {"debit": "write_offs", "credit": f"settlement_receivable:{case.account}", "amount": 10_000}
    assert (await resolve(quiet.hub, missing["id"], **lost)).status_code == 200

    await case.settle(line("s1", "charge", 10_000, **{TAG: e1}))

    assert await case.postings() == {("bank_clearing", "USD"): 10_000, ("sales", "USD"): -10_000}
    (shown,) = await case.exceptions("resolved")
    assert shown["resolution"]["how"] == "settled_late"


@together
async def test_where_more_are_expected_alike_than_are_read_none_is_picked(quiet: House) -> None:
    case = await open_case(quiet)
    for number in range(ALIKE_MAX):
        await case.charged(f"old{number}", 999, due_on=date(2026, 2, 20) if number else DUE)
    for number in range(3):
        await case.charged(f"new{number}", 999)

    came_of = await case.settle(
        line("s1", "charge", 999), line("s2", "charge", 5, available_on_utc="2026-02-20 00:00:00")
    )

    assert came_of.matches == []
    assert came_of.lines["s1"]["status"] == "exception"
    assert "ambiguous_match" in came_of.types


@together
async def test_a_capture_that_failed_before_it_was_settled_is_not_missing_and_neither_is_its_failure(
    quiet: House,
) -> None:
    case = await open_case(quiet)
    await case.charged("e1", 10_000)
    await missing_on(case, date(2026, 3, 10))
    back = wanted("charge_reversal", -10_000, "USD", due_on=date(2026, 3, 6))

    await case.books.expect(case.books.known["e1"], back)
    await missing_on(case, date(2026, 3, 13))

    assert await case.exceptions() == []
    (closed,) = await case.exceptions("resolved")
    assert closed["resolution"]["how"] == "taken_back"


@together
async def test_what_had_taken_something_back_is_missing_once_that_was_settled_alone(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    await case.books.expect(case.books.known["e1"], wanted("charge_reversal", -10_000, "USD"))
    await missing_on(case, date(2026, 3, 10))

    await case.settle(line("s1", "charge", 10_000, **{TAG: e1}))
    await missing_on(case, date(2026, 3, 11))

    (missing,) = await case.exceptions()
    assert (missing["type"], missing["variance"]) == ("missing_settlement", 10_000)


@together
async def test_what_was_settled_and_by_a_restated_line_is_no_more_is_missed_though_its_day_was_looked_at(
    quiet: House,
) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    await case.settle(line("s1", "charge", 10_000, **{TAG: e1}))
    await missing_on(case, date(2026, 3, 10))

    await case.settle(line("s1", "fee", -50))
    await missing_on(case, date(2026, 3, 10))

    assert [one["amount"] for one in await case.exceptions() if one["type"] == "missing_settlement"] == [10_000]


@together
async def test_what_somebody_wrote_off_is_not_missed_again_because_another_line_was_restated(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 700)
    await case.charged("e2", 10_000)
    await case.settle(line("s1", "charge", 700, **{TAG: e1}))
    await missing_on(case, date(2026, 3, 10))
    (missing,) = await case.exceptions()
    lost = {"debit": "write_offs", "credit": f"settlement_receivable:{case.account}", "amount": 10_000}
    assert (await resolve(quiet.hub, missing["id"], **lost)).status_code == 200

    await case.settle(line("s1", "charge", 700, 5, **{TAG: e1}))
    await missing_on(case, date(2026, 3, 11))

    assert "missing_settlement" not in [one["type"] for one in await case.exceptions()]


@together
async def test_a_line_that_a_later_report_tells_with_its_tag_is_tied_by_it(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    await case.charged("e2", 10_000)
    nameless = await case.settle(line("s1", "charge", 10_000))

    named = await case.settle(line("s1", "charge", 10_000, **{TAG: e1}))
    await settle_waiting(quiet.hub.parts.shell)

    assert nameless.types == ["ambiguous_match"]
    assert (named.batch["counts"]["known"], await case.exceptions()) == (1, [])
    listed = (await quiet.hub.get(f"/v1/settlements/{nameless.batch['id']}/lines")).json()["data"]
    assert [(one["status"], one["operation"]) for one in listed] == [("matched", e1)]


@together
async def test_whoever_was_held_up_while_another_worker_went_on_books_nothing_a_second_time(quiet: House) -> None:
    case = await open_case(quiet)
    held = await case.books.unanswered(await case.books.sent(10_000))
    report = written([line("s1", "charge", 10_000, **{TAG: held.operation.id, "payment_intent_id": "pi_held"})],
                     COLUMNS_TOLD)  # fmt: skip
    batch = (await hand_in(quiet.hub, case.account, report)).json()["id"]
    stop = asyncio.Event()
    stop.set()
    await import_next(quiet.hub.parts.shell, stop)  # Its lines are written, and nothing is decided.
    connected = quiet.hub.parts.directory.connected(case.account)
    assert connected is not None
    now = datetime.now(UTC)
    terms = SettledBy(batch_id=batch, livemode=False, merchant_account=case.account, account=connected.terms, now=now)

    held_up = rounds(quiet.hub.parts.shell, terms)
    await anext(held_up)
    await import_all(quiet.hub.parts.shell)
    async for _ in held_up:
        pass

    shown = (await quiet.hub.get(f"/v1/settlements/{batch}/lines")).json()["data"]
    assert [one["status"] for one in shown] == ["matched"]
    assert await case.postings() == {("bank_clearing", "USD"): 10_000, ("sales", "USD"): -10_000}


@together
async def test_a_line_whose_payout_a_later_report_tells_counts_for_it_from_then_on(quiet: House) -> None:
    case = await open_case(quiet)
    e1, e2 = await case.charged("e1", 10_000), await case.charged("e2", 700)
    first = line("s1", "charge", 10_000, **{TAG: e1})
    await case.settle(first | {"automatic_payout_id": ""})

    again = [first, line("s2", "charge", 700, **{TAG: e2}), payout("B1", 10_700)]
    told = [await case.settle(*again), await case.settle(*again, line("s3", "fee", 0))]

    assert [one.exceptions for one in told] == [[], []]
