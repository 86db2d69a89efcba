"""Renewed and retired cards, payouts and reports."""

import pytest

from adapters.contract import NoticeKind, SettlementNotice, TokenUpdate
from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from normalization.money import Currency, Money
from normalization.tokens import CardFacts, ProcessorToken
from tests.adapters.stripe.events import delivered, event
from tests.adapters.stripe.pretend import payment_method, payout

FACTS = CardFacts(
    brand="visa", last4="4242", exp_month=8, exp_year=2031, funding="credit", country="US", fingerprint="fp_2"
)


class TestCards:
    @pytest.mark.parametrize("type", ["automatically_updated", "card_automatically_updated", "updated"])
    def test_a_card_that_was_renewed_comes_with_what_is_known_of_it_now(
        self, adapter: StripeAdapter, type: str
    ) -> None:
        told = adapter.read_delivery(delivered(event(f"payment_method.{type}", payment_method())))

        token = ProcessorToken(processor="stripe", token="pm_1", customer_reference="cus_1")
        assert told == [TokenUpdate(token=token, livemode=False, card=FACTS)]

    def test_a_card_that_was_detached_can_be_charged_no_more(self, adapter: StripeAdapter) -> None:
        told = adapter.read_delivery(delivered(event("payment_method.detached", payment_method(customer=None))))

        token = ProcessorToken(processor="stripe", token="pm_1")
        assert told == [TokenUpdate(token=token, livemode=False, card=FACTS, retired=True)]

    def test_what_is_no_card_tells_nothing(self, adapter: StripeAdapter) -> None:
        account = payment_method(type="sepa_debit", card=None)

        assert adapter.read_delivery(delivered(event("payment_method.updated", account))) == []


class TestSettlements:
    @pytest.mark.parametrize(
        ("type", "kind"),
        [
            ("payout.paid", NoticeKind.PAYOUT_PAID),
            ("payout.failed", NoticeKind.PAYOUT_FAILED),
            ("payout.reconciliation_completed", NoticeKind.REPORT_AVAILABLE),
        ],
    )
    def test_a_payout_is_told_with_its_amount(self, adapter: StripeAdapter, type: str, kind: NoticeKind) -> None:
        [notice] = adapter.read_delivery(delivered(event(type, payout())))

        money = Money(11042, Currency.EUR)
        assert notice == SettlementNotice(kind=kind, processor_reference="po_1", livemode=False, money=money)

    def test_a_payout_that_took_money_from_the_bank_is_negative(self, adapter: StripeAdapter) -> None:
        [notice] = adapter.read_delivery(delivered(event("payout.paid", payout(amount=-500))))

        assert isinstance(notice, SettlementNotice)
        assert notice.money == Money(-500, Currency.EUR)

    def test_a_report_that_is_made_says_where_it_lies(self, adapter: StripeAdapter) -> None:
        run = {"id": "frr_1", "livemode": True, "result": {"id": "file_1", "url": "https://files.stripe.com/v1/f"}}

        [notice] = adapter.read_delivery(delivered(event("reporting.report_run.succeeded", run)))

        assert notice == SettlementNotice(
            kind=NoticeKind.REPORT_AVAILABLE,
            processor_reference="frr_1",
            livemode=True,
            location="https://files.stripe.com/v1/f",
        )

    def test_a_report_without_a_file_tells_nothing(self, adapter: StripeAdapter) -> None:
        run = {"id": "frr_1", "livemode": True, "result": None}

        assert adapter.read_delivery(delivered(event("reporting.report_run.succeeded", run))) == []

    def test_a_payout_that_cannot_be_read_waits_for_a_human(self, adapter: StripeAdapter) -> None:
        with pytest.raises(OutcomeUnknownError):
            adapter.read_delivery(delivered(event("payout.paid", payout(currency="xxx"))))
