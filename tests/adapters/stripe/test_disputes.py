"""Disputes: what each of Stripe's words on one means, whichever event brings it."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.disputes import REASONS, STATUSES
from normalization.disputes import DisputeReason, DisputeReport, DisputeStatus, FundsMovement, Stage
from normalization.money import Currency, Money
from tests.adapters.stripe.asking import EUR_4999
from tests.adapters.stripe.events import delivered, event
from tests.adapters.stripe.pretend import dispute

TXN = {"id": "txn_1", "object": "balance_transaction", "amount": -4999, "currency": "eur", "fee": 1500}
BACK = {"id": "txn_2", "object": "balance_transaction", "amount": 4999, "currency": "eur", "fee": -1500}
EVENTS = [f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")]


def told(adapter: StripeAdapter, body: Mapping[str, object], type: str = "charge.dispute.updated") -> DisputeReport:
    [report] = adapter.read_delivery(delivered(event(type, body)))
    assert isinstance(report, DisputeReport)
    return report


@pytest.mark.parametrize("type", EVENTS)
def test_every_event_of_a_dispute_tells_how_it_stands(adapter: StripeAdapter, type: str) -> None:
    assert told(adapter, dispute(), type) == DisputeReport(
        processor_reference="dp_1",
        parent_reference="pi_1",
        tag=None,
        livemode=False,
        stage=Stage.CHARGEBACK,
        status=DisputeStatus.NEEDS_RESPONSE,
        money=EUR_4999,
        reason=DisputeReason.FRAUDULENT,
        processor_reason="fraudulent",
        network_reason="10.4",
        evidence_due_at=datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC),
        defendable=True,
        movements=(FundsMovement(key="txn_1", money=EUR_4999),),
        raw_status="needs_response",
    )


@pytest.mark.parametrize(
    ("word", "stage", "status"),
    [
        ("warning_needs_response", "inquiry", "needs_response"),
        ("warning_under_review", "inquiry", "under_review"),
        ("warning_closed", "inquiry", "closed"),
        ("prevented", "inquiry", "closed"),
        ("needs_response", "chargeback", "needs_response"),
        ("under_review", "chargeback", "under_review"),
        ("won", "chargeback", "won"),
        ("lost", "chargeback", "lost"),
        ("appeal_needs_response", "arbitration", "needs_response"),
        ("appeal_under_review", "arbitration", "under_review"),
    ],
)
def test_each_status_is_a_stage_and_where_it_stands_in_it(
    adapter: StripeAdapter, word: str, stage: str, status: str
) -> None:
    report = told(adapter, dispute(word))

    assert (report.stage, report.status, report.raw_status) == (stage, status, word)
    assert word in STATUSES
    assert report.accepted is False


def test_a_status_that_is_not_known_waits_for_a_human(adapter: StripeAdapter) -> None:
    with pytest.raises(OutcomeUnknownError):
        told(adapter, dispute("reticulating"))


@pytest.mark.parametrize(("word", "reason"), REASONS.items())
def test_each_reason_has_a_word_and_is_kept_beside_it(adapter: StripeAdapter, word: str, reason: str) -> None:
    report = told(adapter, dispute(reason=word))

    assert (report.reason, report.processor_reason) == (reason, word)


def test_a_reason_that_is_not_known_is_general(adapter: StripeAdapter) -> None:
    assert told(adapter, dispute(reason="solar_flare")).reason is DisputeReason.GENERAL


class TestMovements:
    def test_an_inquiry_moves_nothing(self, adapter: StripeAdapter) -> None:
        assert told(adapter, dispute("warning_needs_response", balance_transactions=[])).movements == ()
        nothing = {"id": "txn_0", "amount": 0, "currency": "eur"}
        assert told(adapter, dispute("warning_needs_response", balance_transactions=[nothing])).movements == ()

    def test_what_was_given_back_is_reinstated_and_the_fee_is_no_part_of_it(self, adapter: StripeAdapter) -> None:
        report = told(adapter, dispute("won", balance_transactions=[TXN, BACK]))

        assert report.movements == (
            FundsMovement(key="txn_1", money=EUR_4999),
            FundsMovement(key="txn_2", money=EUR_4999, reinstated=True),
        )

    def test_they_are_in_the_currency_of_our_balance(self, adapter: StripeAdapter) -> None:
        yen = {"id": "txn_3", "amount": -810, "currency": "jpy"}

        [moved] = told(adapter, dispute(balance_transactions=[yen])).movements

        assert moved.money == Money(810, Currency.JPY)

    def test_amounts_are_in_the_units_of_iso_not_of_stripe(self, adapter: StripeAdapter) -> None:
        kronur = {"id": "txn_4", "amount": -123000, "currency": "isk"}

        report = told(adapter, dispute(amount=123000, currency="isk", balance_transactions=[kronur]))

        assert report.money == Money(1230, Currency.ISK)
        assert report.movements[0].money == Money(1230, Currency.ISK)

    def test_one_that_cannot_be_read_waits_for_a_human(self, adapter: StripeAdapter) -> None:
        with pytest.raises(OutcomeUnknownError):
            told(adapter, dispute(balance_transactions=[{"id": "txn_5", "amount": -1, "currency": "xxx"}]))


class TestAnswering:
    def test_a_bank_that_takes_no_answer_says_so_with_a_date_of_zero(self, adapter: StripeAdapter) -> None:
        report = told(adapter, dispute(evidence_details={"due_by": 0}))

        assert (report.evidence_due_at, report.defendable) == (None, False)

    def test_what_is_under_review_keeps_its_date_and_says_nothing_of_answers(self, adapter: StripeAdapter) -> None:
        report = told(adapter, dispute("under_review"))

        assert report.evidence_due_at is not None
        assert report.defendable is None

    def test_a_dispute_without_details_says_nothing(self, adapter: StripeAdapter) -> None:
        report = told(adapter, dispute(evidence_details=None))

        assert (report.evidence_due_at, report.defendable) == (None, None)

    def test_a_date_beyond_all_calendars_waits_for_a_human(self, adapter: StripeAdapter) -> None:
        with pytest.raises(OutcomeUnknownError):
            told(adapter, dispute(evidence_details={"due_by": 10**18}))


class TestWhoseItIs:
    @pytest.mark.parametrize("expanded", ["payment_intent", "charge"])
    def test_our_tag_comes_with_what_is_expanded(self, adapter: StripeAdapter, expanded: str) -> None:
        with_metadata = {"id": "pi_1", "object": expanded, "metadata": {"hub_operation": "att_1"}}

        report = told(adapter, dispute(**{expanded: with_metadata}))

        assert (report.tag, report.parent_reference) == ("att_1", "pi_1")

    def test_words_of_somebody_else_there_are_no_tag(self, adapter: StripeAdapter) -> None:
        foreign = {"id": "pi_1", "object": "payment_intent", "metadata": {"hub_operation": "order 7"}}

        assert told(adapter, dispute(payment_intent=foreign)).tag is None

    def test_a_charge_without_a_payment_intent_names_no_payment(self, adapter: StripeAdapter) -> None:
        assert told(adapter, dispute(payment_intent=None)).parent_reference is None


def test_a_dispute_of_an_older_api_version_has_the_networks_code_elsewhere(adapter: StripeAdapter) -> None:
    report = told(adapter, dispute(payment_method_details=None, network_reason_code="4837"))

    assert report.network_reason == "4837"


def test_an_early_fraud_warning_is_no_dispute(adapter: StripeAdapter) -> None:
    warning = {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1", "actionable": True}

    assert adapter.read_delivery(delivered(event("radar.early_fraud_warning.created", warning))) == []
