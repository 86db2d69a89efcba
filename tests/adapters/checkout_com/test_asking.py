"""Captures, refunds, voids, and finding out what became of a request."""

from typing import Any

import pytest

from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.contract import Complete, FollowUp
from adapters.errors import NotSentError, OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Outcome, Pending
from tests.adapters.checkout_com.asked import authorization, capture, purchase, refund, void
from tests.adapters.checkout_com.scripted import (
    Answer,
    ScriptedCheckoutCom,
    accepted,
    acted,
    challenged,
    listed,
    paid,
    refused,
)

ASKED = {"capture": capture(), "refund": refund(), "void": void()}
TYPES = {"capture": "Capture", "refund": "Refund", "void": "Void"}


def action(request: FollowUp, **facts: object) -> dict[str, object]:
    kind = TYPES[str(request.operation)]
    return {"id": "act_1", "type": kind, "reference": request.operation_id, "amount": 1000, **facts}


class TestAFollowUp:
    @pytest.mark.parametrize("kind", ASKED)
    async def test_is_accepted_and_told_later(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, kind: str
    ) -> None:
        checkout.will_answer(accepted())
        request = ASKED[kind]

        report = await adapter.follow_up(request)

        (sent,) = checkout.sent
        assert (sent.path, sent.key) == (f"/payments/pay_1/{kind}s", request.operation_id)
        assert (report.outcome, report.processor_reference, report.parent_reference) == (Pending(), "act_1", "pay_1")
        assert sent.body["reference"] == request.operation_id

    async def test_a_capture_says_whether_the_rest_is_given_back(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(accepted(), accepted())

        await adapter.follow_up(capture())
        await adapter.follow_up(capture(final=False))

        assert [sent.body["capture_type"] for sent in checkout.sent] == ["Final", "NonFinal"]

    async def test_a_void_names_no_amount(self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom) -> None:
        checkout.will_answer(accepted())

        await adapter.follow_up(void())

        assert "amount" not in checkout.sent[0].body

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (refused("capture_value_greater_than_authorized"), DeclineCode.INVALID_AMOUNT),
            (refused("payment_invalid", status=403), DeclineCode.UNSUPPORTED_OPERATION),
            (Answer(b"", status=404, headers={"Cko-Request-Id": "1"}), DeclineCode.UNSUPPORTED_OPERATION),
        ],
    )
    async def test_that_is_refused_is_declined(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, answer: Answer, code: DeclineCode
    ) -> None:
        checkout.will_answer(answer)

        report = await adapter.follow_up(capture())

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is code

    async def test_of_an_amount_that_cannot_be_held_is_not_sent(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        report = await adapter.follow_up(refund(money=Money(1005, Currency.BHD)))

        assert isinstance(report.outcome, Declined)
        assert checkout.sent == []


class TestAnInquiryAboutAPayment:
    async def test_asks_by_the_id_that_is_known(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(reference="att_1"))

        report = await adapter.inquire(authorization(processor_reference="pay_1"))

        assert report is not None
        assert (report.outcome, checkout.sent[0].path) == (Approved(), "/payments/pay_1")

    async def test_asks_by_our_reference_where_there_is_no_id(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(listed(paid(reference="att_1")))

        report = await adapter.inquire(authorization())

        assert report is not None
        assert (report.outcome, report.processor_reference) == (Approved(), "pay_1")
        assert checkout.sent[0].query["reference"] == "att_1"

    async def test_of_which_nothing_is_listed_is_none(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(listed())

        assert await adapter.inquire(authorization()) is None

    @pytest.mark.parametrize("status", ["Authorized", "Captured", "Voided"])
    async def test_takes_the_payment_that_holds_or_held_money_before_one_that_was_refused(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, status: str
    ) -> None:
        checkout.will_answer(listed(paid("Declined", reference="att_1"), paid(status, reference="att_1", id="pay_0")))

        report = await adapter.inquire(authorization())

        assert report is not None
        assert (report.outcome, report.processor_reference) == (Approved(), "pay_0")

    async def test_finds_the_reason_of_a_refusal_among_the_actions(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        why = {"id": "act_1", "type": "Authorization", "approved": False, "response_code": "20054"}
        checkout.will_answer(listed(paid("Declined", reference="att_1")), Answer([why]))

        report = await adapter.inquire(purchase())

        assert report is not None
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.EXPIRED_CARD

    async def test_takes_the_reason_from_what_opened_the_payment_and_from_nothing_that_came_after(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        voided = {"id": "act_2", "type": "Void", "approved": False, "response_code": "20003"}
        why = {"id": "act_1", "type": "Authorization", "approved": False, "response_code": "20054"}
        checkout.will_answer(listed(paid("Declined", reference="att_1")), Answer([voided, why]))

        report = await adapter.inquire(purchase())

        assert report is not None
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.EXPIRED_CARD

    @pytest.mark.parametrize(
        ("status", "authorize", "buy"),
        [
            ("Captured", Approved(), Approved()),
            ("Partially Refunded", Approved(), Approved()),
            ("Partially Captured", Approved(), Pending()),
            ("Authorized", Approved(), Pending()),
            ("Voided", Approved(), Declined),
            ("Retry Scheduled", Pending(), Pending()),
        ],
    )
    async def test_reads_how_far_the_payment_is(
        self,
        adapter: CheckoutComAdapter,
        checkout: ScriptedCheckoutCom,
        status: str,
        authorize: Outcome,
        buy: Any,
    ) -> None:
        for request, outcome in ((authorization, authorize), (purchase, buy)):
            checkout.will_answer(paid(status, reference="att_1"))
            report = await adapter.inquire(request(processor_reference="pay_1"))
            assert report is not None
            assert report.outcome == outcome or (outcome is Declined and isinstance(report.outcome, Declined))

    @pytest.mark.parametrize(
        "answer",
        [
            Answer({"total_count": 1, "limit": 1, "skip": 0, "data": []}),
            Answer({}),
            Answer(b"", status=404, headers={"Cko-Request-Id": "1"}),
            Answer(b"", status=401),
        ],
    )
    async def test_that_fails_says_nothing(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, answer: Answer
    ) -> None:
        checkout.will_answer(answer)

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(authorization())

    async def test_answered_about_another_payment_is_unknown(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(id="pay_2"))

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(authorization(processor_reference="pay_1"))


class TestAnInquiryAboutAFollowUp:
    @pytest.mark.parametrize("kind", ASKED)
    @pytest.mark.parametrize(("facts", "outcome"), [({"approved": True}, Approved()), ({}, Pending())])
    async def test_finds_it_by_our_reference(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, kind: str, facts: Any, outcome: Outcome
    ) -> None:
        request = ASKED[kind]
        other = action(request, reference="cap_0", id="act_9", approved=False)
        checkout.will_answer(acted(other, action(request, **facts)))

        report = await adapter.inquire(request)

        assert report is not None
        assert (report.outcome, report.processor_reference, report.money) == (outcome, "act_1", request.money)

    async def test_tells_the_amount_that_was_captured_and_not_the_one_that_was_asked_for(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(acted(action(capture(), approved=True, amount=400)))

        report = await adapter.inquire(capture())

        assert report is not None
        assert report.money == Money(400, Currency.EUR)

    async def test_tells_why_it_was_refused(self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom) -> None:
        checkout.will_answer(acted(action(refund(), approved=False, response_code="50003")))

        report = await adapter.inquire(refund())

        assert report is not None
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.MERCHANT_CONFIGURATION_ERROR

    async def test_that_is_not_among_the_actions_is_none(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(acted())

        assert await adapter.inquire(capture()) is None

    async def test_of_a_payment_without_any_action_is_unknown(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(Answer([]))

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(capture())


class TestACompletion:
    @pytest.mark.parametrize("returned", [{}, {"cko-session-id": "sid_of_somebody_else"}])
    async def test_asks_checkout_com_and_not_the_browser(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, returned: dict[str, str]
    ) -> None:
        checkout.will_answer(paid(reference="att_1"))

        report = await adapter.complete(Complete(request=authorization(), continuation="pay_1", returned=returned))

        assert (report.outcome, checkout.sent[0].path) == (Approved(), "/payments/pay_1")

    async def test_waits_while_the_payer_is_away(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(challenged(reference="att_1"))

        report = await adapter.complete(Complete(request=purchase(), continuation="pay_1", returned={}))

        assert isinstance(report.outcome, ActionRequired)


class TestACancelByReference:
    async def test_voids_what_holds_money(self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom) -> None:
        checkout.will_answer(listed(paid(reference="att_1")), accepted())

        await adapter.cancel_by_reference(authorization())

        assert (checkout.sent[1].path, checkout.sent[1].key) == ("/payments/pay_1/voids", "att_1:cancel")

    @pytest.mark.parametrize("answer", [listed(), listed(paid("Captured", reference="att_1"))])
    async def test_leaves_the_rest_alone(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, answer: Answer
    ) -> None:
        checkout.will_answer(answer)

        await adapter.cancel_by_reference(authorization())

        assert len(checkout.sent) == 1

    async def test_voids_nothing_that_bears_another_reference(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(listed(paid(reference="att_2")), accepted())

        with pytest.raises(OutcomeUnknownError):
            await adapter.cancel_by_reference(authorization())

        assert len(checkout.sent) == 1

    async def test_whose_void_is_not_sent_says_so(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(listed(paid(reference="att_1")), *[Answer(status=429)] * 3)

        with pytest.raises(NotSentError):
            await adapter.cancel_by_reference(authorization())
