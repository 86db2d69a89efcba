"""What a dispute becomes by its words, and the money that moves with it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from hub.disputes import rules
from hub.disputes.values import Case, Decided, Standing
from hub.ledger.chart import DISPUTE_LOSSES, DISPUTES_RECEIVABLE
from hub.payments.states import Booking, Payment, Status
from normalization.disputes import DisputeReason, DisputeReport, FundsMovement
from normalization.money import Currency, Money
from tests.hub.disputes.telling import (
    ARBITRATION,
    CLOSED,
    DUE_AT,
    INQUIRY,
    LOST,
    NEEDS,
    REVIEW,
    STORIES,
    WON,
    given_back,
    taken,
    word,
)
from tests.hub.payments.making import eur, operation, payment

OWED = "settlement_receivable:ma_1"
CAPTURED = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000)
USD_11 = FundsMovement(key="txn_1", money=Money(1100, Currency.USD))


class Court(Struct):
    """One dispute as its words come in."""

    payment: Payment = CAPTURED
    case: Case = field(default_factory=Case)
    claims: int = 0
    raised: frozenset[str] = frozenset()
    books: Counter[str] = field(default_factory=Counter)
    transfers: Counter[Booking] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def hear(self, report: DisputeReport, **about: Any) -> Decided:
        self.case, decided = rules.decide(
            self.case, report, self.payment, operation(**about), contested=self.claims, raised=self.raised
        )
        self.payment, self.claims, self.raised = decided.payment, decided.contested_minor, decided.concerns
        self.events.update(decided.events)
        for booking in (*(booking for _, booking in decided.moved), *decided.bookings):
            self.transfers[booking] += 1
            self.books[booking.debit] += booking.money.minor
            self.books[booking.credit] -= booking.money.minor
        return decided

    def tell(self, *reports: DisputeReport) -> Decided:
        return [self.hear(report) for report in reports][-1]

    @property
    def standing(self) -> Standing:
        return rules.standing(self.case, eur(1000))

    def end(self) -> tuple[object, ...]:
        """Everything that must be the same whatever the order."""
        movements = {m.key: m for m in self.case.movements}
        return self.standing, movements, self.transfers, self.events, self.payment


def told(*reports: DisputeReport, of: Payment = CAPTURED) -> Court:
    court = Court(of)
    court.tell(*reports)
    return court


@given(data=st.data(), name=st.sampled_from(sorted(STORIES)))
@settings(max_examples=400, deadline=None)
def test_any_order_with_repetitions_ends_in_the_same_dispute_transfers_and_events(
    data: st.DataObject, name: str
) -> None:
    story = STORIES[name]
    order = data.draw(st.permutations(story))
    again = data.draw(st.lists(st.sampled_from(story), max_size=4))

    mixed = data.draw(st.permutations([*order, *again]))

    assert told(*mixed).end() == told(*story).end()


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_books_balance_after_every_word(name: str) -> None:
    court = Court()

    for report in STORIES[name]:
        court.hear(report)

        assert sum(court.books.values()) == 0


def test_money_taken_is_owed_by_the_payers_bank_until_it_comes_back() -> None:
    court = told(word(movements=(taken(),)))
    assert (court.books[DISPUTES_RECEIVABLE], court.books[OWED]) == (1000, -1000)

    court.tell(word(status=WON, movements=(taken(), given_back())))
    assert (court.books[DISPUTES_RECEIVABLE], court.books[OWED]) == (0, 0)


def test_what_is_lost_is_written_off() -> None:
    court = told(word(movements=(taken(),)), word(status=LOST))

    assert (court.books[DISPUTES_RECEIVABLE], court.books[DISPUTE_LOSSES], court.books[OWED]) == (0, 1000, -1000)


def test_money_told_of_after_the_loss_is_written_off_too() -> None:
    court = told(word(status=LOST), word(movements=(taken(),)))

    assert (court.books[DISPUTES_RECEIVABLE], court.books[DISPUTE_LOSSES]) == (0, 1000)


def test_what_was_lost_is_owed_again_when_the_dispute_goes_on() -> None:
    court = told(word(movements=(taken(),)), word(status=LOST), word(ARBITRATION, REVIEW))

    assert (court.books[DISPUTES_RECEIVABLE], court.books[DISPUTE_LOSSES]) == (1000, 0)


def test_an_arbitration_that_is_lost_as_well_is_written_off_once() -> None:
    court = told(word(movements=(taken(),)), word(status=LOST), word(ARBITRATION, LOST))

    assert (court.books[DISPUTES_RECEIVABLE], court.books[DISPUTE_LOSSES]) == (0, 1000)


def test_a_word_of_a_stage_behind_changes_nothing_of_where_it_stands() -> None:
    court = told(word(ARBITRATION, REVIEW))
    before = court.standing

    court.tell(word(status=LOST), word(INQUIRY, CLOSED))

    assert (before.stage, before.status) == (court.standing.stage, court.standing.status)


def test_each_decision_is_told_once_and_every_word_but_the_first_as_an_update() -> None:
    court = told(word(), word(status=REVIEW), word(status=WON), word(status=WON))

    assert court.events == {"dispute.created": 1, "dispute.updated": 2, "dispute.won": 1}


def test_a_dispute_that_was_accepted_is_told_as_lost_and_as_accepted() -> None:
    decided = told(word()).tell(word(status=LOST, accepted=True))

    assert sorted(decided.events) == ["dispute.accepted", "dispute.lost", "dispute.updated"]


def test_the_reason_of_an_earlier_word_stays_where_a_later_one_has_none() -> None:
    court = told(word(), word(status=REVIEW, reason=DisputeReason.GENERAL, processor_reason=None, money=None))

    now = court.standing
    assert (now.reason, now.processor_reason, now.money) == (DisputeReason.FRAUDULENT, "fraudulent", eur(1000))


def test_the_time_to_answer_an_inquiry_is_not_the_chargebacks() -> None:
    court = told(word(INQUIRY), word(evidence_due_at=None))

    assert (court.standing.status, court.standing.evidence_due_at) == (NEEDS, None)


def test_a_later_date_to_answer_counts() -> None:
    later = DUE_AT.replace(day=DUE_AT.day + 1)

    assert told(word(evidence_due_at=later), word()).standing.evidence_due_at == later


@pytest.mark.parametrize(
    ("reports", "disputed"),
    [
        ((word(INQUIRY),), 0),
        ((word(),), 1000),
        ((word(), word(status=REVIEW)), 1000),
        ((word(), word(status=REVIEW, movements=(taken(), given_back()))), 1000),
        ((word(status=LOST),), 1000),
        ((word(status=WON),), 0),
        ((word(INQUIRY, CLOSED),), 0),
        ((word(status=LOST), word(ARBITRATION, WON)), 0),
        ((word(money=eur(300)),), 300),
        ((word(money=eur(300), movements=(taken(minor=400),)),), 400),
        ((word(money=eur(300), movements=(taken(minor=400), given_back(minor=350))),), 300),
        ((word(ARBITRATION),), 1000),
        ((word(status=CLOSED),), 0),
    ],
)
def test_a_payment_is_disputed_by_what_is_claimed_or_taken_and_not_won(
    reports: tuple[DisputeReport, ...], disputed: int
) -> None:
    assert told(*reports).payment.disputed_minor == disputed


def test_a_movement_of_nothing_moves_nothing() -> None:
    court = told(word(movements=(taken(minor=0),)), word(status=LOST, movements=(taken(minor=0),)))

    assert (court.transfers, court.case.movements) == ({}, ())


def test_two_disputes_of_one_payment_add_up() -> None:
    first = told(word(money=eur(300)))

    assert told(word(money=eur(200)), of=first.payment).payment.disputed_minor == 500


def test_two_disputes_of_more_than_was_taken_together_are_for_a_human() -> None:
    first = told(word(money=eur(700)))

    assert [kind for kind, _ in Court(first.payment).hear(word(money=eur(300))).exceptions] == []
    assert [kind for kind, _ in Court(first.payment).hear(word(money=eur(301))).exceptions] == ["amount_mismatch"]


@pytest.mark.parametrize(
    ("report", "of", "type_"),
    [
        (word(), payment(), "amount_mismatch"),
        (word(money=eur(1001)), CAPTURED, "amount_mismatch"),
        (word(money=Money(1100, Currency.USD)), CAPTURED, "currency_mismatch"),
        (word(movements=(USD_11,)), CAPTURED, "currency_mismatch"),
    ],
)
def test_a_dispute_that_does_not_fit_the_payment_is_recorded_for_a_human(
    report: DisputeReport, of: Payment, type_: str
) -> None:
    decided = Court(of).hear(report)

    assert [kind for kind, _ in decided.exceptions] == [type_]
    assert "dispute.created" in decided.events


def test_a_dispute_in_another_currency_is_booked_in_it_and_claims_the_whole_payment() -> None:
    court = told(word(money=USD_11.money, movements=(USD_11,)))

    assert court.books[DISPUTES_RECEIVABLE] == 1100
    assert court.payment.disputed_minor == 1000


def test_a_dispute_in_another_currency_claims_nothing_as_an_inquiry_and_once_it_is_won() -> None:
    asked = told(word(stage=INQUIRY, money=USD_11.money))
    won = told(word(money=USD_11.money), word(status=WON, money=USD_11.money))

    assert (asked.payment.disputed_minor, won.payment.disputed_minor) == (0, 0)


def test_a_dispute_in_another_currency_that_is_told_before_the_capture_claims_the_payment_all_the_same() -> None:
    assert told(word(money=USD_11.money), of=payment()).payment.disputed_minor == 1000


def test_a_dispute_of_an_attempt_that_was_passed_over_claims_nothing_of_the_one_that_stands() -> None:
    court = Court()
    decided = court.hear(word(movements=(taken(),)), id="att_0", attempt_id="att_0")

    assert [kind for kind, _ in decided.exceptions] == ["amount_mismatch"]
    assert (court.payment.disputed_minor, court.books[DISPUTES_RECEIVABLE]) == (0, 1000)


@pytest.mark.fault_case(id="AMT-06")
def test_a_chargeback_of_what_was_refunded_is_for_a_human() -> None:
    refunded = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_minor=200)

    decided = Court(refunded).hear(word())

    assert [kind for kind, _ in decided.exceptions] == ["refund_then_chargeback"]


def test_what_was_refunded_at_the_processor_itself_counts_as_refunded() -> None:
    refunded = payment(
        status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_externally_minor=200
    )

    assert [kind for kind, _ in Court(refunded).hear(word()).exceptions] == ["refund_then_chargeback"]


def test_an_appeal_that_is_told_in_the_chargebacks_words_ends_as_its_money_says() -> None:
    lost = (word(movements=(taken(),)), word(status=LOST), word(ARBITRATION, REVIEW))
    won = told(*lost, word(status=WON, movements=(given_back(),)))
    lost_again = told(
        *lost, word(status=WON, movements=(given_back(),)), word(status=LOST, movements=(taken("txn_3"),))
    )

    assert (won.standing.status, won.payment.disputed_minor) == (WON, 0)
    assert (lost_again.standing.status, lost_again.payment.disputed_minor) == (LOST, 1000)


def test_an_inquiry_into_what_was_refunded_is_nothing_special() -> None:
    refunded = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_minor=1000)

    assert Court(refunded).hear(word(INQUIRY)).exceptions == ()


def test_two_decisions_of_one_stage_are_for_a_human_once() -> None:
    court = told(word(), word(status=WON))

    first = court.hear(word(status=LOST))
    second = court.hear(word(status=CLOSED))

    assert court.standing.status is LOST
    assert [kind for kind, _ in first.exceptions] == ["dispute_contradicted"]
    assert second.exceptions == ()


def test_a_movement_told_again_with_another_amount_moves_nothing_and_is_for_a_human() -> None:
    court = told(word(movements=(taken(minor=600),)))

    decided = court.hear(word(status=REVIEW, movements=(taken(minor=1000),)))

    assert decided.moved == ()
    assert [kind for kind, _ in decided.exceptions] == ["amount_mismatch"]
