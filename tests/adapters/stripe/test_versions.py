"""Events of an API version other than ours: taken, marked, and read as far as they can be."""

from collections.abc import Mapping

import pytest
import stripe

from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.client import API_VERSION
from normalization.disputes import DisputeReport
from normalization.outcome import Approved, Declined
from tests.adapters.reading import reports_of
from tests.adapters.stripe.asking import EUR_4999
from tests.adapters.stripe.events import arriving, delivered, event
from tests.adapters.stripe.pretend import charge, dispute, intent, listing, refund

OLD = "2019-05-16"


def older(type: str, told: Mapping[str, object]) -> str:
    return event(type, told, api_version=OLD)


def test_ours_is_the_sdks() -> None:
    assert stripe.api_version == API_VERSION


@pytest.mark.parametrize(("written", "marked"), [(API_VERSION, None), (OLD, OLD), (None, None)])
def test_a_delivery_says_which_version_it_has_where_it_is_not_ours(
    adapter: StripeAdapter, written: str | None, marked: str | None
) -> None:
    [delivery] = adapter.open_webhook(arriving(event("payment_intent.succeeded", intent(), api_version=written)))

    assert delivery.api_version == marked


@pytest.mark.fault_case(id="WHI-11")
def test_a_payment_with_its_charges_in_a_list_is_read(adapter: StripeAdapter) -> None:
    told = intent(charges=listing(charge()))
    del told["latest_charge"]

    [report] = reports_of(adapter, delivered(older("payment_intent.succeeded", told)))

    assert (report.outcome, report.money, report.tag) == (Approved(), EUR_4999, "att_1")


@pytest.mark.parametrize(
    ("type", "told"),
    [
        ("payment_intent.succeeded", intent(latest_charge=["ch_1"], payment_method=7, customer={"name": "x"})),
        ("refund.updated", refund(failure_reason={"code": "unknown"})),
        ("charge.dispute.created", dispute(evidence_details=[], payment_method_details="card", reason=4)),
    ],
)
def test_what_only_describes_may_have_another_shape(
    adapter: StripeAdapter, type: str, told: Mapping[str, object]
) -> None:
    [report] = adapter.read_delivery(delivered(older(type, told)))

    assert getattr(report, "money", None) is not None
    with pytest.raises(OutcomeUnknownError):
        adapter.read_delivery(delivered(event(type, told)))


def test_a_refusal_whose_reason_cannot_be_read_is_a_refusal(adapter: StripeAdapter) -> None:
    told = intent("requires_payment_method", last_payment_error="card_declined")

    [report] = reports_of(adapter, delivered(older("payment_intent.payment_failed", told)))

    assert isinstance(report.outcome, Declined)


@pytest.mark.parametrize(
    ("type", "told"),
    [
        ("payment_intent.succeeded", intent(amount_received="4999")),
        ("payment_intent.succeeded", intent(capture_method={"manual": True})),
        ("payment_intent.succeeded", intent(metadata=[])),
        ("payment_intent.succeeded", intent("requires_source")),
        ("payment_intent.succeeded", {"id": "pi_1"}),
        ("refund.updated", refund(amount=10.5)),
        ("charge.dispute.created", dispute(balance_transactions="txn_1")),
        ("charge.dispute.created", dispute(livemode="no")),
    ],
)
def test_what_says_whether_money_moved_is_read_as_strictly_as_ever(
    adapter: StripeAdapter, type: str, told: Mapping[str, object]
) -> None:
    body = older(type, told)

    assert adapter.open_webhook(arriving(body))
    with pytest.raises(OutcomeUnknownError):
        adapter.read_delivery(delivered(body))


def test_a_dispute_of_old_times_is_read(adapter: StripeAdapter) -> None:
    told = dispute(balance_transaction="txn_1", network_reason_code="83")
    for missing in ("payment_method_details", "balance_transactions", "evidence_details"):
        del told[missing]

    [report] = adapter.read_delivery(delivered(older("charge.dispute.created", told)))

    assert isinstance(report, DisputeReport)
    assert (report.money, report.network_reason, report.movements) == (EUR_4999, "83", ())
