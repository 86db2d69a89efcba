"""Every way a call can end says whether money may have moved."""

import socket

import pytest

from adapters.errors import AdapterError, ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Deadlines, Transport
from normalization.declines import DeclineCode
from normalization.outcome import Approved, Declined
from tests.adapters.stripe.asking import capture, purchase, refund
from tests.adapters.stripe.pretend import (
    Behaviour,
    Pretend,
    intent,
    is_silent,
    refuses,
    resets,
    says,
    stops_halfway,
)


def nobody_listens() -> str:
    """Name an address that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class TestUnknown:
    @pytest.mark.parametrize(
        "behaviour",
        [
            resets(),
            is_silent(),
            stops_halfway(),
            stops_halfway(then_silent=True),
            says(200, b"<html>"),
            says(200, b""),
            says(200, b"\xff\xfe"),
            says(200, b"[" * 100_000),
            says(200, {"error": {"type": "card_error"}}),
            refuses(500, type="api_error"),
            says(502, b"<html>Bad Gateway</html>"),
            says(503, {"error": ["busy"]}),
            says(504, {"error": "timeout"}),
            refuses(409, "idempotency_key_in_use"),
            refuses(400, type="idempotency_error"),
            says(402, b"declined"),
            says(404, b"<html>"),
            refuses(424),
            says(302, b"", {"Location": nobody_listens()}),
        ],
    )
    async def test_what_may_have_happened_is_unknown(
        self, adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour
    ) -> None:
        stripe.will(behaviour)

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

        assert len(stripe.asked) == 1

    async def test_a_pool_that_is_closed_is_no_reason_to_go_elsewhere(
        self, adapter: StripeAdapter, transport: Transport
    ) -> None:
        await transport.close()

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

    async def test_the_whole_call_has_a_deadline(self, stripe: Pretend) -> None:
        stripe.will(is_silent())
        pool = Transport(Deadlines(connect=0.5, answer=20, total=0.2))
        adapter = StripeAdapter(StripeCredentials(api_key="sk_test_abc", base_url=stripe.url), pool, livemode=False)

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

        await pool.close()


class TestNotSent:
    async def test_a_refused_connection_sent_nothing(self, transport: Transport) -> None:
        credentials = StripeCredentials(api_key="sk_test_abc", base_url=nobody_listens())
        adapter = StripeAdapter(credentials, transport, livemode=False)

        with pytest.raises(NotSentError):
            await adapter.authorize(purchase())

    async def test_a_name_that_does_not_resolve_sent_nothing(self, transport: Transport) -> None:
        credentials = StripeCredentials(api_key="sk_test_abc", base_url="http://stripe.invalid")
        adapter = StripeAdapter(credentials, transport, livemode=False)

        with pytest.raises(NotSentError):
            await adapter.authorize(purchase())

    @pytest.mark.parametrize(
        "busy", [refuses(429, "rate_limit"), refuses(429, "lock_timeout"), refuses(400, "rate_limit"), says(429, b"")]
    )
    async def test_a_busy_stripe_is_asked_three_times_with_one_key(
        self, adapter: StripeAdapter, stripe: Pretend, busy: Behaviour
    ) -> None:
        stripe.will(busy)

        with pytest.raises(NotSentError):
            await adapter.follow_up(capture())

        assert [asked.headers["Idempotency-Key"] for asked in stripe.asked] == ["cap_1"] * 3
        assert len({tuple(asked.form.items()) for asked in stripe.asked}) == 1

    async def test_a_stripe_that_was_busy_once_answers(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(429, "rate_limit"), says(200, intent()))

        assert (await adapter.authorize(purchase())).outcome == Approved()

    async def test_no_time_left_to_ask_again_is_not_sent(self, stripe: Pretend) -> None:
        stripe.will(refuses(429, "rate_limit"))
        pool = Transport(Deadlines(connect=0.1, answer=0.2, total=0.25))
        adapter = StripeAdapter(StripeCredentials(api_key="sk_test_abc", base_url=stripe.url), pool, livemode=False)

        with pytest.raises(NotSentError):
            await adapter.authorize(purchase())

        assert len(stripe.asked) == 1
        await pool.close()


class TestAConnectionThatDiesInThePool:
    async def test_is_sent_over_again_once_with_the_same_key(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()), resets(), says(200, intent()))
        await adapter.authorize(purchase())

        report = await adapter.authorize(purchase())

        assert report.outcome == Approved()
        assert [asked.headers["Idempotency-Key"] for asked in stripe.asked] == ["att_1"] * 3

    async def test_that_dies_again_is_unknown(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()), resets(), resets())
        await adapter.authorize(purchase())

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

        assert len(stripe.asked) == 3

    @pytest.mark.parametrize("second", [refuses(429, "rate_limit"), refuses(401)])
    async def test_stays_unknown_when_the_second_sending_was_not_executed(
        self, adapter: StripeAdapter, stripe: Pretend, second: Behaviour
    ) -> None:
        stripe.will(says(200, intent()), resets(), second)
        await adapter.authorize(purchase())

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

    async def test_a_new_connection_that_dies_is_not_sent_over_again(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(resets(), says(200, intent()))

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

        assert len(stripe.asked) == 1

    async def test_a_slow_answer_over_it_is_not_sent_over_again(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()), is_silent())
        await adapter.authorize(purchase())

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

        assert len(stripe.asked) == 2


class TestRefusals:
    @pytest.mark.parametrize("behaviour", [refuses(401), refuses(403, "account_invalid"), says(403, b"<html>")])
    async def test_a_refused_key_or_account_is_our_configuration(
        self, adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour
    ) -> None:
        stripe.will(behaviour)

        with pytest.raises(ConfigurationError):
            await adapter.authorize(purchase())

    async def test_a_request_stripe_finds_wrong_is_a_decline_of_ours(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(refuses(400, "payment_intent_unexpected_state"))

        report = await adapter.follow_up(capture())

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.INVALID_REQUEST
        assert report.outcome.decline.processor_code == "payment_intent_unexpected_state"

    async def test_a_refund_of_what_is_refunded_is_a_decline(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(400, "charge_already_refunded"))

        report = await adapter.follow_up(refund())

        assert isinstance(report.outcome, Declined)
        assert (report.tag, report.parent_reference) == ("ref_1", "pi_1")

    async def test_a_payment_method_that_is_gone_is_an_invalid_token(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(refuses(404, "resource_missing", param="payment_method"))

        report = await adapter.authorize(purchase())

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.TOKEN_INVALID


@pytest.mark.parametrize(
    "behaviour", [refuses(401), refuses(409), says(200, b"secret: pm_card_visa"), says(500, b"pm_card_visa")]
)
async def test_no_error_repeats_a_secret_or_what_was_said(
    adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour
) -> None:
    stripe.will(behaviour)

    with pytest.raises(AdapterError) as caught:
        await adapter.authorize(purchase())

    assert not any(word in str(caught.value) for word in ("sk_test_abc", "pm_card", "as the test told"))
