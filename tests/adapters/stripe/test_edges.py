"""Where one word more or less of Stripe's decides: whether it acted, on what, and how much of it."""

import asyncio
from typing import Any

import msgspec
import pytest

from adapters.contract import FollowUp, Recurring
from adapters.errors import OutcomeUnknownError
from adapters.stripe import translate
from adapters.stripe.adapter import CANCELABLE, StripeAdapter
from adapters.stripe.client import Consequence, consequence
from adapters.stripe.currencies import STRIPE_EXPONENT
from adapters.stripe.parameters import capturing, customer_of, opening, refunding
from adapters.stripe.wire import Error, PaymentIntent
from normalization.money import EXPONENT, Currency, Money
from normalization.outcome import Approved, Declined
from tests.adapters.stripe.asking import authorization, capture, purchase, refund, void
from tests.adapters.stripe.conftest import Connect
from tests.adapters.stripe.pretend import Pretend, intent, listing, refuses, says
from tests.adapters.stripe.pretend import refund as stripe_refund

CARD, REQUEST, API, KEY = "card_error", "invalid_request_error", "api_error", "idempotency_error"
HELD: dict[str, Any] = {"capture_method": "manual"}


def read(status: str = "succeeded", **fields: Any) -> PaymentIntent:
    return msgspec.convert(intent(status, **fields), PaymentIntent)


@pytest.mark.parametrize(
    ("status", "type_", "code", "means"),
    [
        (200, None, None, Consequence.YES),
        (299, None, None, Consequence.YES),
        (300, None, None, Consequence.UNKNOWN),
        *((status, type_, None, Consequence.NO) for status in (400, 402, 404, 422) for type_ in (CARD, REQUEST)),
        *((status, type_, None, Consequence.UNKNOWN) for status in (400, 402, 404, 422) for type_ in (API, KEY)),
        *((status, None, None, Consequence.UNKNOWN) for status in (400, 402, 404, 422, 409, 424, 500, 502, 503)),
        *((status, REQUEST, None, Consequence.UNKNOWN) for status in (409, 424, 500, 502, 503)),
        *((status, type_, None, Consequence.LOCKED_OUT) for status in (401, 403) for type_ in (None, REQUEST)),
        *((429, type_, None, Consequence.BUSY) for type_ in (None, REQUEST, API)),
        *((400, REQUEST, code, Consequence.BUSY) for code in ("lock_timeout", "rate_limit")),
    ],
)
def test_each_answer_means_one_thing_for_the_money(
    status: int, type_: str | None, code: str | None, means: Consequence
) -> None:
    assert consequence(status, None if type_ is None else Error(type=type_, code=code)) is means


@pytest.mark.parametrize("unit", [(Currency.ISK, 5, 500), (Currency.JPY, 500, 500), (Currency.KWD, 1230, 1230)])
def test_what_is_captured_and_given_back_is_counted_in_stripes_unit_too(unit: tuple[Currency, int, int]) -> None:
    currency, minor, sent = unit
    money = Money(minor, currency)

    captured = capturing(capture(money=money), multicapture=True)

    assert refunding(refund(money=money))["amount"] == sent
    assert (captured["amount_to_capture"], captured["metadata"]) == (sent, {"hub_capture": "cap_1", "cap_1": sent})


async def test_a_charge_that_a_server_before_stripe_found_too_large_has_no_outcome(
    adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(says(413, b"<h1>Request Entity Too Large</h1>"))

    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())


@pytest.mark.parametrize("status", ["succeeded", "requires_capture", "processing"])
async def test_a_refusal_beside_money_that_moves_or_is_held_is_no_outcome(
    status: str, adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(refuses(402, "card_declined", CARD, payment_intent=intent(status)))

    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())


@pytest.mark.parametrize("status", sorted(CANCELABLE | {"requires_capture", "processing"}))
async def test_all_that_could_still_take_money_is_cancelled(
    status: str, adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(says(200, listing(intent(status, **HELD))), says(200, intent("canceled")))

    await adapter.cancel_by_reference(authorization())

    assert [asked.path for asked in stripe.asked][1:] == ["/v1/payment_intents/pi_1/cancel"]


async def test_a_capture_is_not_done_by_another_capture_of_the_same_payment(
    adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(says(200, intent(metadata={"hub_capture": "cap_0"}, **HELD)))

    with pytest.raises(OutcomeUnknownError, match="another"):
        await adapter.follow_up(capture())


@pytest.mark.parametrize(
    ("request_", "beside"),
    [
        (capture(), intent(id="pi_2", metadata={"hub_capture": "cap_1"}, **HELD)),
        (capture(), intent("requires_capture", metadata={"hub_capture": "cap_1"}, **HELD)),
        (capture(), intent(metadata={"hub_capture": "cap_0"}, **HELD)),
        (void(), intent("canceled", id="pi_2")),
        (void(), intent("requires_capture", **HELD)),
    ],
    ids=["of another payment", "not captured", "by another capture", "another was canceled", "not canceled"],
)
async def test_a_refusal_says_done_already_only_of_this_very_operation(
    request_: FollowUp, beside: dict[str, object], adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(refuses(400, "payment_intent_unexpected_state", payment_intent=beside))

    report = await adapter.follow_up(request_)

    assert isinstance(report.outcome, Declined)


@pytest.mark.parametrize(
    ("told", "done"),
    [
        (intent("processing", metadata={"hub_capture": "cap_1"}, **HELD), True),
        (intent("requires_capture", amount_received=1000, metadata={"hub_capture": "cap_1", "cap_1": "1000"}), True),
        (intent("requires_capture", amount_received=0, metadata={"hub_capture": "cap_1", "cap_1": "1000"}), False),
        (intent("succeeded", metadata={"cap_1": "1000", "hub_capture": "cap_2"}, **HELD), True),
    ],
    ids=["on its way", "one of several", "noted and not taken", "followed by another"],
)
async def test_a_capture_that_was_lost_is_found_where_its_note_and_the_money_are(
    told: dict[str, object],
    done: bool,  # noqa: FBT001 - the case
    adapter: StripeAdapter,
    stripe: Pretend,
) -> None:
    stripe.will(says(200, told | HELD))

    assert (await adapter.inquire(capture()) is not None) is done


async def test_a_refund_that_is_asked_for_by_its_id_is_this_one(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, stripe_refund(metadata={"hub_operation": "ref_0"})))

    with pytest.raises(OutcomeUnknownError, match="another"):
        await adapter.inquire(refund(processor_reference="re_1"))


async def test_an_answer_without_our_tag_is_taken_for_what_was_asked(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, intent(metadata={})))

    report = await adapter.inquire(purchase(processor_reference="pi_1"))

    assert report
    assert report.tag == "att_1"


async def test_what_search_finds_of_another_is_not_believed(adapter: StripeAdapter, stripe: Pretend) -> None:
    others = listing(intent(id="pi_9", metadata={"hub_operation": "att_9"}), more=True)
    stripe.will(*(says(200, others),) * 21)

    with pytest.raises(OutcomeUnknownError):
        await adapter.inquire(purchase(token=None))


@pytest.mark.parametrize(
    ("status", "wanted", "kept"),
    [
        ("succeeded", "off_session", True),
        ("requires_capture", "off_session", True),
        ("requires_action", "off_session", False),
        ("succeeded", None, False),
    ],
)
def test_a_card_is_kept_by_a_payment_that_was_to_keep_it_and_holds_or_took_the_money(
    status: str,
    wanted: str | None,
    kept: bool,  # noqa: FBT001 - the case
) -> None:
    told = read(status, setup_future_usage=wanted, customer="cus_1", payment_method="pm_1", **HELD)

    report = translate.opening(told, translate.opening_kind(told))

    assert (report.stored is not None) is kept


@pytest.mark.parametrize("why", ["automatic", "expired"])
def test_a_hold_that_ran_out_is_told_as_expired(why: str) -> None:
    assert translate.void(read("canceled", cancellation_reason=why), None).reason == "expired"


def test_a_capture_took_no_more_than_was_received() -> None:
    noted = read(amount_received=900, metadata={"cap_1": "1000", "hub_capture": "cap_1"}, **HELD)

    told = translate.capture(noted, "cap_1")

    assert (told.outcome, told.money) == (Approved(), Money(900, Currency.EUR))


def test_several_captures_are_asked_for_only_where_there_will_be_a_capture() -> None:
    bought = opening(purchase(), customer=None, multicapture=True)
    held = opening(authorization(), customer=None, multicapture=True)

    assert "payment_method_options" not in bought
    assert held["payment_method_options"] == {"card": {"request_multicapture": "if_available"}}


def test_whose_the_card_is_counts_more_than_who_is_to_keep_it() -> None:
    assert customer_of(purchase(save=True, customer_reference="cus_2")) == "cus_1"
    assert customer_of(purchase(token=None, save=True, customer_reference="cus_2")) == "cus_2"
    assert customer_of(purchase(token=None, customer_reference="cus_2")) is None


@pytest.mark.parametrize("recurring", Recurring)
def test_only_the_first_of_a_series_asks_for_the_card_to_be_kept(recurring: Recurring) -> None:
    sent = opening(purchase(recurring=recurring), customer=None, multicapture=False)

    assert ("setup_future_usage" in sent) is (recurring is Recurring.INITIAL)


def test_stripes_units_are_isos_but_for_three() -> None:
    unlike = {currency: digits for currency, digits in STRIPE_EXPONENT.items() if digits != EXPONENT[currency]}

    assert unlike == {Currency.ISK: 2, Currency.UGX: 2, Currency.MGA: 0}


async def test_who_may_have_acted_and_is_not_reached_any_more_leaves_the_outcome_unknown(connect: Connect) -> None:
    body = msgspec.json.encode(intent())
    yes = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(yes)
        await writer.drain()
        while b"att_2" not in await reader.read(65_536):
            pass
        server.close()
        writer.transport.abort()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    adapter = connect(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert (await adapter.authorize(purchase())).outcome == Approved()

    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase(operation_id="att_2"))


async def test_the_next_page_begins_after_the_last_one_of_the_page_before(
    adapter: StripeAdapter, stripe: Pretend
) -> None:
    others = [intent(id=f"pi_{n}", metadata={}) for n in (8, 9)]
    stripe.will(says(200, listing(*others, more=True)), says(200, listing(intent())))
    assert await adapter.inquire(purchase()) is not None

    refunds = [stripe_refund(id=f"re_{n}", metadata={}) for n in (8, 9)]
    stripe.will(says(200, listing(*refunds, more=True)), says(200, listing(stripe_refund())))
    assert await adapter.inquire(refund()) is not None

    assert [asked.query.get("starting_after") for asked in stripe.asked] == [None, "pi_9", None, "re_9"]
