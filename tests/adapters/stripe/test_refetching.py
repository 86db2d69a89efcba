"""Looking at an object instead of believing an event: one look tells all that its events would have told."""

from collections.abc import Mapping, Sequence

import pytest

from adapters.abilities import Refetches
from adapters.contract import TokenNews, TokenUpdate, Told
from adapters.errors import AdapterError, ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Transport
from normalization.disputes import DisputeReport
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Pending, Report
from tests.adapters.stripe.asking import EUR_1000, EUR_4999
from tests.adapters.stripe.events import delivered, event
from tests.adapters.stripe.pretend import (
    Behaviour,
    Pretend,
    charge,
    dispute,
    intent,
    is_silent,
    payment_method,
    refund,
    refuses,
    says,
)
from tests.adapters.stripe.test_consequences import nobody_listens

HUB = {"hub_operation": "att_1"}
HELD = charge(status="succeeded", captured=False)


def outcomes(told: Sequence[Told]) -> list[tuple[Operation, str | None, Outcome]]:
    assert all(isinstance(one, Report) for one in told)
    return [(one.kind, one.tag, one.outcome) for one in told if isinstance(one, Report)]


async def looked_at(
    adapter: StripeAdapter, stripe: Pretend, status: str, **fields: object
) -> list[tuple[Operation, str | None, Outcome]]:
    stripe.will(says(200, intent(status, **fields)))
    return outcomes(await adapter.fetch("payment_intents/pi_1"))


class TestNames:
    @pytest.mark.parametrize(
        ("type", "told", "name"),
        [
            ("payment_intent.succeeded", intent(), "payment_intents/pi_1"),
            ("payment_intent.canceled", intent("canceled"), "payment_intents/pi_1"),
            ("payment_intent.payment_failed", intent("requires_payment_method"), "payment_intents/pi_1"),
            ("charge.failed", charge(), "payment_intents/pi_1"),
            ("charge.expired", charge(), "payment_intents/pi_1"),
            ("refund.created", refund(), "refunds/re_1"),
            ("charge.refund.updated", refund(), "refunds/re_1"),
            ("charge.dispute.created", dispute(), "disputes/dp_1"),
            ("charge.dispute.funds_reinstated", dispute(id="du_2"), "disputes/du_2"),
            ("payment_method.detached", payment_method(), "payment_methods/pm_1"),
            ("setup_intent.succeeded", {"id": "seti_1"}, "setup_intents/seti_1"),
        ],
    )
    def test_are_those_of_the_objects(
        self, adapter: StripeAdapter, type: str, told: Mapping[str, object], name: str
    ) -> None:
        assert adapter.fetched_as(delivered(event(type, told))) == name

    @pytest.mark.parametrize(
        ("type", "told"),
        [
            ("charge.failed", charge(payment_intent=None)),
            ("charge.succeeded", charge()),
            ("payment_intent.created", intent("requires_confirmation")),
            ("payout.paid", {"id": "po_1"}),
            ("customer.updated", {"id": "cus_1"}),
            ("refund.updated", {"id": "re_1/../../v1/customers"}),
            ("refund.updated", {"id": 7}),
            ("refund.updated", []),
        ],
    )
    def test_are_not_given_where_there_is_nothing_to_look_at(
        self, adapter: StripeAdapter, type: str, told: object
    ) -> None:
        assert adapter.fetched_as(delivered(event(type, told))) is None

    def test_are_given_whatever_version_an_event_has(self, adapter: StripeAdapter) -> None:
        old = event("payment_intent.succeeded", {"id": "pi_1", "amount": "?"}, api_version="2019-05-16")

        assert adapter.fetched_as(delivered(old)) == "payment_intents/pi_1"

    def test_are_not_given_for_what_is_no_event(self, adapter: StripeAdapter) -> None:
        assert adapter.fetched_as(delivered("[" * 100_000)) is None

    def test_the_hub_sees_that_the_adapter_can(self, adapter: StripeAdapter) -> None:
        assert isinstance(adapter, Refetches)


class TestAPayment:
    async def test_is_asked_for_with_its_card_and_in_our_version(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        [report] = await adapter.fetch("payment_intents/pi_1")

        [asked] = stripe.asked
        assert (asked.method, asked.path, asked.query) == (
            "GET", "/v1/payment_intents/pi_1", {"expand[0]": "latest_charge"},
        )  # fmt: skip
        assert asked.headers["Stripe-Version"] == "2026-10-28.endive"
        assert isinstance(report, Report)
        assert (report.kind, report.tag, report.outcome, report.money) == (
            Operation.PURCHASE, "att_1", Approved(), EUR_4999,
        )  # fmt: skip
        assert report.card
        assert report.card.last4 == "4242"

    async def test_that_is_on_its_way_is_pending(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        assert await looked_at(adapter, stripe, "processing") == [(Operation.PURCHASE, "att_1", Pending())]

    async def test_that_was_refused_is_declined(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        error = {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor"}

        [(kind, _, outcome)] = await looked_at(adapter, stripe, "requires_payment_method", last_payment_error=error)

        assert kind is Operation.PURCHASE
        assert isinstance(outcome, Declined)

    async def test_that_waits_for_the_payer_says_where(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        step = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}

        [(_, _, outcome)] = await looked_at(adapter, stripe, "requires_action", next_action=step)

        assert isinstance(outcome, ActionRequired)

    async def test_that_is_held_is_an_authorization(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        told = await looked_at(adapter, stripe, "requires_capture", capture_method="manual")

        assert told == [(Operation.AUTHORIZE, "att_1", Approved())]

    async def test_that_was_captured_tells_of_its_authorization_too(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        metadata = {**HUB, "hub_capture": "cap_1"}

        told = await looked_at(adapter, stripe, "succeeded", capture_method="manual", metadata=metadata)

        assert told == [(Operation.AUTHORIZE, "att_1", Approved()), (Operation.CAPTURE, "cap_1", Approved())]

    async def test_that_was_captured_in_a_dashboard_has_a_capture_without_a_tag(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        told = await looked_at(adapter, stripe, "succeeded", capture_method="manual", amount_received=1000)

        assert told == [(Operation.AUTHORIZE, "att_1", Approved()), (Operation.CAPTURE, None, Approved())]

    async def test_that_was_captured_in_parts_tells_of_each(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        metadata = {**HUB, "hub_capture": "cap_2", "cap_1": "1000", "cap_2": "500"}
        held = intent(
            "requires_capture", capture_method="manual", amount_capturable=3499, amount_received=1500, metadata=metadata
        )
        stripe.will(says(200, held))

        told = await adapter.fetch("payment_intents/pi_1")

        reports = [one for one in told if isinstance(one, Report)]
        assert [(one.kind, one.tag, one.money) for one in reports] == [
            (Operation.AUTHORIZE, "att_1", EUR_4999),
            (Operation.CAPTURE, "cap_1", EUR_1000),
            (Operation.CAPTURE, "cap_2", Money(500, Currency.EUR)),
        ]

    async def test_whose_notes_are_of_more_than_was_received_is_sure_of_the_latest_only(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        metadata = {**HUB, "hub_capture": "cap_2", "cap_1": "1000", "cap_2": "500"}

        told = await looked_at(
            adapter, stripe, "succeeded", capture_method="manual", amount_received=500, metadata=metadata
        )

        assert told == [(Operation.AUTHORIZE, "att_1", Approved()), (Operation.CAPTURE, "cap_2", Approved())]

    async def test_that_was_canceled_is_a_void(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        assert await looked_at(adapter, stripe, "canceled") == [(Operation.VOID, None, Approved())]

    async def test_whose_hold_was_let_go_tells_that_there_was_one(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        told = await looked_at(adapter, stripe, "canceled", capture_method="manual", latest_charge=HELD)

        assert told == [(Operation.AUTHORIZE, "att_1", Approved()), (Operation.VOID, None, Approved())]

    async def test_that_was_canceled_after_a_refusal_was_never_held(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        refused = charge(status="failed", captured=False)

        told = await looked_at(adapter, stripe, "canceled", capture_method="manual", latest_charge=refused)

        assert told == [(Operation.VOID, None, Approved())]

    @pytest.mark.parametrize("status", ["requires_confirmation", "reticulating"])
    async def test_of_which_nothing_can_be_said_leaves_the_message_to_be_read(
        self, adapter: StripeAdapter, stripe: Pretend, status: str
    ) -> None:
        with pytest.raises(OutcomeUnknownError):
            await looked_at(adapter, stripe, status)


class TestWhatBelongsToAPayment:
    @pytest.mark.parametrize(
        ("status", "outcome"),
        [("pending", Pending), ("requires_action", Pending), ("succeeded", Approved), ("failed", Declined),
         ("canceled", Declined)],
    )  # fmt: skip
    async def test_a_refund_is_as_its_status_says(
        self, adapter: StripeAdapter, stripe: Pretend, status: str, outcome: type
    ) -> None:
        stripe.will(says(200, refund(status)))

        [(kind, tag, told)] = outcomes(await adapter.fetch("refunds/re_1"))

        assert (kind, tag, type(told)) == (Operation.REFUND, "ref_1", outcome)
        assert stripe.asked[0].path == "/v1/refunds/re_1"

    async def test_a_refund_that_lets_go_of_a_hold_is_none(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, refund(reason="expired_uncaptured_charge")))

        assert await adapter.fetch("refunds/re_1") == []

    async def test_a_dispute_comes_with_our_tag(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, dispute("won", payment_intent=intent())))

        [report] = await adapter.fetch("disputes/dp_1")

        assert isinstance(report, DisputeReport)
        assert (report.tag, report.parent_reference, report.status) == ("att_1", "pi_1", "won")
        assert stripe.asked[0].query == {"expand[0]": "payment_intent"}


class TestCards:
    @pytest.mark.parametrize(("customer", "retired"), [("cus_1", False), (None, True)])
    async def test_a_card_without_a_customer_can_be_charged_no_more(
        self, adapter: StripeAdapter, stripe: Pretend, customer: str | None, *, retired: bool
    ) -> None:
        stripe.will(says(200, payment_method(customer=customer)))

        [update] = await adapter.fetch("payment_methods/pm_1")

        assert isinstance(update, TokenUpdate)
        assert (update.token.token, update.token.customer_reference, update.retired) == ("pm_1", customer, retired)
        assert update.card
        assert update.card.exp_year == 2031

    async def test_a_card_that_was_kept_is_told_once_that_succeeded(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        kept = {
            "id": "seti_1", "status": "succeeded", "livemode": False, "metadata": {"hub_operation": "ps_1"},
            "payment_method": "pm_1", "customer": "cus_1",
        }  # fmt: skip
        stripe.will(says(200, {**kept, "status": "processing"}), says(200, kept))

        assert await adapter.fetch("setup_intents/seti_1") == []
        [news] = await adapter.fetch("setup_intents/seti_1")

        assert isinstance(news, TokenNews)
        assert (news.tag, news.token.token) == ("ps_1", "pm_1")


class TestWhatCannotBeHad:
    @pytest.mark.parametrize(
        ("behaviour", "raised"),
        [
            (refuses(404, "resource_missing"), OutcomeUnknownError),
            (refuses(401), ConfigurationError),
            (refuses(403), ConfigurationError),
            (refuses(500), OutcomeUnknownError),
            (refuses(429), NotSentError),
            (is_silent(), OutcomeUnknownError),
            (says(200, {}), OutcomeUnknownError),
            (says(200, {"id": "pi_2"}), OutcomeUnknownError),
            (says(200, {"id": "pi_1"}), OutcomeUnknownError),
        ],
    )
    async def test_leaves_the_message_to_be_read(
        self, adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour, raised: type[AdapterError]
    ) -> None:
        stripe.will(behaviour)

        with pytest.raises(raised):
            await adapter.fetch("payment_intents/pi_1")

    @pytest.mark.parametrize("name", ["", "payment_intents/", "customers/cus_1", "payment_intents"])
    async def test_is_not_asked_for_under_other_names(self, adapter: StripeAdapter, stripe: Pretend, name: str) -> None:
        with pytest.raises(OutcomeUnknownError):
            await adapter.fetch(name)

        assert stripe.asked == []

    async def test_was_not_asked_for_where_nobody_listens(self, transport: Transport) -> None:
        credentials = StripeCredentials(api_key="sk_test_abc", base_url=nobody_listens())
        adapter = StripeAdapter(credentials, transport, livemode=False)

        with pytest.raises(NotSentError):
            await adapter.fetch("payment_intents/pi_1")
