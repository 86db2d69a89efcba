"""The adapter at a server that others wrote from Stripe's documentation; money is counted there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.contract import Authorize, Complete, FollowUp
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError, WebhookRejectedError
from adapters.stripe.adapter import StripeAdapter
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Pending, Report
from normalization.tokens import ProcessorToken
from tests.adapters.stripe import asking
from tests.adapters.stripe.asking import EUR_1000, EUR_4999
from tests.adapters.stripe.sandboxed import Shop, shop_at

LOST = ["silent_after", "reset_after", "error_500_after", "malformed", "truncated"]
NEVER_ARRIVED = ["silent_before", "reset_before", "error_500_before"]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop_at(tmp_path / "book.db") as opened:
        yield opened


def purchase(card: str = "pm_card_visa", **changes: object) -> Authorize:
    token = ProcessorToken(processor="stripe", token=card)
    return asking.purchase(**{"token": token, "requested_at": datetime.now(UTC), **changes})


def authorization(card: str = "pm_card_visa", **changes: object) -> Authorize:
    return purchase(card, operation=Operation.AUTHORIZE, **changes)


async def held(adapter: StripeAdapter, card: str = "pm_card_visa") -> str:
    """Authorize 49.99 EUR and give the PaymentIntent's id."""
    report = await adapter.authorize(authorization(card))
    assert report.processor_reference
    return report.processor_reference


async def paid(adapter: StripeAdapter, card: str = "pm_card_visa") -> str:
    """Take 49.99 EUR and give the PaymentIntent's id."""
    report = await adapter.authorize(purchase(card))
    assert report.processor_reference
    return report.processor_reference


def code_of(outcome: Outcome) -> DeclineCode:
    assert isinstance(outcome, Declined)
    return outcome.decline.code


class TestEveryOperation:
    async def test_a_purchase_is_charged_once_and_its_webhook_says_the_same(self, shop: Shop) -> None:
        report = await shop.adapter.authorize(purchase())

        assert (report.outcome, report.money, report.tag) == (Approved(), EUR_4999, "att_1")
        assert report.card
        assert (report.card.brand, report.card.last4, report.cvc) == ("visa", "4242", "pass")
        assert await shop.money("att_1") == (4999, 4999, 0, 1)
        [told] = [one for one in await shop.reports() if one.kind is Operation.PURCHASE]
        assert (told.outcome, told.money, told.tag) == (report.outcome, report.money, report.tag)
        assert told.processor_reference == report.processor_reference

    @pytest.mark.parametrize(
        ("money", "sent"),
        [
            (Money(500, Currency.JPY), 500),
            (Money(5120, Currency.KWD), 5120),
            (Money(500, Currency.ISK), 50000),
            (Money(5000, Currency.UGX), 500000),
            (Money(150000, Currency.MGA), 1500),
            (Money(20000, Currency.HUF), 20000),
            (Money(100, Currency.USD), 100),
        ],
    )
    async def test_every_kind_of_currency_arrives_in_stripes_unit(self, shop: Shop, money: Money, sent: int) -> None:
        report = await shop.adapter.authorize(purchase(money=money))

        assert (report.outcome, report.money) == (Approved(), money)
        assert await shop.money("att_1") == (sent, sent, 0, 1)

    async def test_an_authorization_is_captured_in_part_and_the_rest_let_go(self, shop: Shop) -> None:
        parent = await held(shop.adapter)

        report = await shop.adapter.follow_up(asking.capture(parent_reference=parent, money=EUR_1000))

        assert (report.outcome, report.money) == (Approved(), EUR_1000)
        assert await shop.money("att_1") == (4999, 1000, 0, 1)
        told = {one.kind: one for one in await shop.reports()}
        assert set(told) == {Operation.AUTHORIZE, Operation.CAPTURE}
        assert (told[Operation.AUTHORIZE].tag, told[Operation.AUTHORIZE].money) == ("att_1", EUR_4999)
        assert (told[Operation.CAPTURE].tag, told[Operation.CAPTURE].money) == ("cap_1", EUR_1000)

    async def test_an_authorization_is_voided(self, shop: Shop) -> None:
        parent = await held(shop.adapter)

        report = await shop.adapter.follow_up(asking.void(parent_reference=parent))

        assert (report.outcome, report.processor_reference) == (Approved(), parent)
        assert (await shop.money("att_1"))[1] == 0
        [told] = [one for one in await shop.reports() if one.kind is Operation.VOID]
        assert (told.outcome, told.tag, told.parent_reference) == (Approved(), None, parent)

    async def test_a_payment_is_refunded_in_parts_up_to_what_was_taken(self, shop: Shop) -> None:
        parent = await paid(shop.adapter)
        refunds = [
            asking.refund(operation_id=f"ref_{n}", parent_reference=parent, money=Money(minor, Currency.EUR))
            for n, minor in enumerate((3000, 1999, 1))
        ]

        reports = [await shop.adapter.follow_up(one) for one in refunds]

        assert [report.outcome for report in reports[:2]] == [Approved(), Approved()]
        assert code_of(reports[2].outcome) is DeclineCode.INVALID_REQUEST
        assert await shop.money("att_1") == (4999, 4999, 4999, 1)
        told = {one.tag for one in await shop.reports() if one.kind is Operation.REFUND}
        assert told == {"ref_0", "ref_1"}

    @pytest.mark.parametrize(
        ("card", "at_first", "in_the_end"),
        [("pm_card_pendingRefund", Pending, Approved), ("pm_card_refundFail", Approved, Declined)],
    )
    async def test_a_refund_that_takes_time_is_finished_by_webhook(
        self, shop: Shop, card: str, at_first: type[Outcome], in_the_end: type[Outcome]
    ) -> None:
        parent = await paid(shop.adapter, card)

        report = await shop.adapter.follow_up(asking.refund(parent_reference=parent))
        await shop.control("POST", "/clock", {"advance_s": 60})
        told = [one for one in await shop.reports() if one.kind is Operation.REFUND]

        assert isinstance(report.outcome, at_first)
        assert isinstance(told[-1].outcome, in_the_end)
        assert {one.processor_reference for one in told} == {report.processor_reference}

    async def test_one_authorization_is_captured_several_times_where_stripe_grants_it(self, shop: Shop) -> None:
        await shop.control("PUT", "/accounts/shop", {"multiple_captures": True})
        adapter = shop.connect(multicapture=True)
        parent = await held(adapter)
        first = asking.capture(parent_reference=parent, money=EUR_1000, final=False)
        last = asking.capture(operation_id="cap_2", parent_reference=parent, money=Money(500, Currency.EUR))

        reports = [await adapter.follow_up(first), await adapter.follow_up(last)]
        looked_up = [await adapter.inquire(first), await adapter.inquire(last)]

        assert [(one.outcome, one.money and one.money.minor) for one in reports] == [
            (Approved(), 1000),
            (Approved(), 500),
        ]
        assert [one and one.money and one.money.minor for one in looked_up] == [1000, 500]
        captures = {one.tag: one.money for one in await shop.reports() if one.kind is Operation.CAPTURE}
        assert captures == {"cap_1": EUR_1000, "cap_2": Money(500, Currency.EUR)}
        assert await shop.money("att_1") == (4999, 1500, 0, 1)

    async def test_what_a_dashboard_did_is_told_without_a_tag(self, shop: Shop) -> None:
        parent = await paid(shop.adapter)

        await shop.control("POST", "/dashboard", {"do": "refund", "processor_reference": parent, "amount": 700})

        [told] = [one for one in await shop.reports() if one.kind is Operation.REFUND]
        assert (told.tag, told.parent_reference, told.money) == (None, parent, Money(700, Currency.EUR))

    async def test_an_authorization_that_runs_out_is_a_void_by_itself(self, shop: Shop) -> None:
        parent = await held(shop.adapter)

        await shop.control("POST", "/clock", {"advance_s": 8 * 86_400})

        await shop.control("POST", "/webhooks/flush", {})
        intent = await shop.adapter.inquire(asking.void(parent_reference=parent))
        assert intent
        assert (intent.outcome, intent.reason) == (Approved(), "expired")


class TestDeclines:
    @pytest.mark.parametrize(
        ("card", "code"),
        [
            ("pm_card_visa_chargeDeclined", DeclineCode.DO_NOT_HONOR),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", DeclineCode.INSUFFICIENT_FUNDS),
            ("pm_card_visa_chargeDeclinedLostCard", DeclineCode.LOST_OR_STOLEN_CARD),
            ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", DeclineCode.LIMIT_EXCEEDED),
            ("pm_card_chargeDeclinedExpiredCard", DeclineCode.EXPIRED_CARD),
            ("pm_card_chargeDeclinedIncorrectCvc", DeclineCode.INCORRECT_CVC),
            ("pm_card_chargeDeclinedProcessingError", DeclineCode.PROCESSOR_ERROR),
            ("pm_card_radarBlock", DeclineCode.SUSPECTED_FRAUD),
        ],
    )
    async def test_a_decline_is_the_same_by_answer_webhook_and_inquiry(
        self, shop: Shop, card: str, code: DeclineCode
    ) -> None:
        request = purchase(card)

        answered = await shop.adapter.authorize(request)
        [told] = [one for one in await shop.reports() if one.kind is Operation.PURCHASE]
        found = await shop.adapter.inquire(request)

        assert code_of(answered.outcome) is code
        assert found
        assert answered.outcome == told.outcome == found.outcome
        assert answered.processor_reference == told.processor_reference == found.processor_reference
        assert (await shop.money("att_1"))[3] == 0

    async def test_an_unknown_payment_method_is_an_invalid_token(self, shop: Shop) -> None:
        assert code_of((await shop.adapter.authorize(purchase("pm_unknown"))).outcome) is DeclineCode.TOKEN_INVALID

    async def test_too_little_is_an_invalid_amount(self, shop: Shop) -> None:
        report = await shop.adapter.authorize(purchase(money=Money(1, Currency.EUR)))

        assert code_of(report.outcome) is DeclineCode.INVALID_AMOUNT

    async def test_a_refused_key_is_our_configuration(self, shop: Shop) -> None:
        with pytest.raises(ConfigurationError):
            await shop.connect("sk_test_invalid").authorize(purchase())


class TestChallenges:
    async def begin(self, shop: Shop, card: str = "pm_card_threeDSecure2Required") -> tuple[Authorize, ActionRequired]:
        request = purchase(card)
        outcome = (await shop.adapter.authorize(request)).outcome
        assert isinstance(outcome, ActionRequired)
        return request, outcome

    async def finish(self, shop: Shop, answer: str) -> Report:
        request, outcome = await self.begin(shop)
        returned = await shop.challenged(outcome, answer)
        return await shop.adapter.complete(
            Complete(request=request, continuation=outcome.continuation, returned=returned)
        )

    async def test_passed_is_charged(self, shop: Shop) -> None:
        report = await self.finish(shop, "complete")

        assert (report.outcome, report.tag, report.money) == (Approved(), "att_1", EUR_4999)
        assert await shop.money("att_1") == (4999, 4999, 0, 1)

    async def test_failed_is_not(self, shop: Shop) -> None:
        report = await self.finish(shop, "fail")

        assert code_of(report.outcome) is DeclineCode.AUTHENTICATION_FAILED
        assert (await shop.money("att_1"))[3] == 0

    async def test_left_open_is_cancelled_for_good(self, shop: Shop) -> None:
        request, outcome = await self.begin(shop)

        await shop.adapter.cancel_by_reference(request)
        returned = await shop.challenged(outcome, "complete")
        report = await shop.adapter.complete(
            Complete(request=request, continuation=outcome.continuation, returned=returned)
        )

        assert code_of(report.outcome) is DeclineCode.CUSTOMER_CANCELLED
        assert (await shop.money("att_1"))[3] == 0

    @pytest.mark.parametrize("absence", [{"payer_present": False}, {"return_url": None}])
    async def test_where_none_may_be_asked_the_banks_wish_is_a_decline(
        self, shop: Shop, absence: dict[str, object]
    ) -> None:
        request = purchase("pm_card_authenticationRequired", **absence)

        report = await shop.adapter.authorize(request)

        assert code_of(report.outcome) is DeclineCode.AUTHENTICATION_REQUIRED
        assert (await shop.money("att_1"))[3] == 0


class TestFaults:
    @pytest.mark.parametrize("fault", LOST)
    async def test_a_purchase_whose_answer_is_lost_is_found(self, shop: Shop, fault: str) -> None:
        request = purchase()
        await shop.fails(fault)

        with pytest.raises(OutcomeUnknownError):
            await shop.adapter.authorize(request)

        report = await shop.adapter.inquire(request)
        assert report
        assert (report.outcome, report.money, report.tag) == (Approved(), EUR_4999, "att_1")
        assert await shop.money("att_1") == (4999, 4999, 0, 1)

    @pytest.mark.parametrize("fault", NEVER_ARRIVED)
    async def test_a_purchase_that_never_arrived_is_not_found(self, shop: Shop, fault: str) -> None:
        request = purchase()
        await shop.fails(fault)

        with pytest.raises(OutcomeUnknownError):
            await shop.adapter.authorize(request)

        assert await shop.adapter.inquire(request) is None
        assert (await shop.money("att_1"))[3] == 0

    @pytest.mark.parametrize("fault", ["error_500_after", "malformed", "silent_after"])
    async def test_a_decline_whose_answer_is_lost_is_found(self, shop: Shop, fault: str) -> None:
        request = purchase("pm_card_visa_chargeDeclinedStolenCard")
        await shop.fails(fault)

        with pytest.raises(OutcomeUnknownError):
            await shop.adapter.authorize(request)

        report = await shop.adapter.inquire(request)
        assert report
        assert code_of(report.outcome) is DeclineCode.LOST_OR_STOLEN_CARD

    @pytest.mark.parametrize("fault", [*LOST[0:1], *LOST[2:], "silent_before", "error_500_before"])
    @pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.REFUND])
    async def test_a_follow_up_whose_answer_is_lost_is_found_or_not_by_what_happened(
        self, shop: Shop, operation: Operation, fault: str
    ) -> None:
        request = await self.following(shop, operation)
        await shop.fails(fault)

        with pytest.raises(OutcomeUnknownError):
            await shop.adapter.follow_up(request)

        report = await shop.adapter.inquire(request)
        if fault.endswith("_before"):
            assert report is None
        else:
            assert report
            assert (report.kind, report.outcome, report.tag) == (operation, Approved(), request.operation_id)

    @pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
    @pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.REFUND])
    async def test_a_connection_out_of_the_pool_that_resets_is_tried_again_and_moves_money_once(
        self, shop: Shop, operation: Operation, fault: str
    ) -> None:
        request = await self.following(shop, operation)
        await shop.fails(fault)

        report = await shop.adapter.follow_up(request)

        assert report.outcome == Approved()
        authorized, captured, refunded, charges = await shop.money("att_1")
        assert (authorized, charges) == (4999, 1)
        assert (captured, refunded) == {
            Operation.CAPTURE: (4999, 0),
            Operation.VOID: (0, 0),
            Operation.REFUND: (4999, 1000),
        }[operation]

    async def following(self, shop: Shop, operation: Operation) -> FollowUp:
        """Make a payment that *operation* fits, and ask for it."""
        if operation is Operation.REFUND:
            return asking.refund(parent_reference=await paid(shop.adapter))
        parent = await held(shop.adapter)
        return (asking.capture if operation is Operation.CAPTURE else asking.void)(parent_reference=parent)

    async def test_a_busy_stripe_is_asked_again_and_charges_once(self, shop: Shop) -> None:
        await shop.fails("rate_limited", 2)

        assert (await shop.adapter.authorize(purchase())).outcome == Approved()
        assert (await shop.money("att_1"))[3] == 1

    async def test_a_stripe_that_stays_busy_did_nothing(self, shop: Shop) -> None:
        await shop.fails("rate_limited", 3)

        with pytest.raises(NotSentError):
            await shop.adapter.authorize(purchase())

        assert (await shop.money("att_1"))[3] == 0

    async def test_a_second_sending_beside_the_first_is_unknown(self, shop: Shop) -> None:
        await shop.control("POST", "/faults", {"fault": "delay", "count": 1, "delay_ms": 1500})
        request = purchase()
        with pytest.raises(OutcomeUnknownError):
            await shop.adapter.authorize(request)

        with pytest.raises(OutcomeUnknownError, match="409"):
            await shop.adapter.authorize(request)

        assert (await shop.money("att_1"))[3] == 1


async def test_a_forged_webhook_is_rejected(shop: Shop) -> None:
    await shop.control("POST", "/webhooks", {"mode": "forge"})
    await shop.adapter.authorize(purchase())

    with pytest.raises(WebhookRejectedError):
        await shop.reports()
