"""Cards kept, checked, charged without the payer and let go at the pretend Stripe; money is counted there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.abilities import CompleteVerification, OpenTokenSession, TokenSession, Verify
from adapters.errors import NotSentError
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined, Outcome
from normalization.tokens import ProcessorToken
from tests.adapters.stripe.asking import purchase
from tests.adapters.stripe.sandboxed import Shop, shop_at

FRESH = ProcessorToken(processor="stripe", token="pm_card_visa")
RETURN = "https://hub.example/return/ver_1"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop_at(tmp_path / "book.db") as opened:
        yield opened


def check(card: str = "pm_card_visa", *, return_url: str | None = None, operation_id: str = "ver_1") -> Verify:
    token = ProcessorToken(processor="stripe", token=card)
    return Verify(
        operation_id=operation_id,
        currency=Currency.EUR,
        requested_at=datetime.now(UTC),
        token=token,
        customer_id="cus_of_hub",
        return_url=return_url,
    )


def code_of(outcome: Outcome) -> DeclineCode:
    assert isinstance(outcome, Declined)
    return outcome.decline.code


async def kept(shop: Shop, card: str = "pm_card_visa") -> ProcessorToken:
    """Check a card and have it kept."""
    stored = (await shop.adapter.verify(check(card))).stored
    assert stored is not None
    return stored


async def test_a_card_kept_with_a_charge_is_charged_again_without_the_payer(shop: Shop) -> None:
    first = await shop.adapter.authorize(purchase(token=FRESH, save=True, customer_id="cus_of_hub"))
    assert (first.outcome, first.network_transaction_id is not None) == (Approved(), True)

    later = purchase(operation_id="att_2", token=first.stored, payer_present=False, return_url=None)
    assert (await shop.adapter.authorize(later)).outcome == Approved()

    assert await shop.money("att_2") == (4999, 4999, 0, 1)
    told = [report for report in await shop.reports() if report.tag == "att_1"]
    assert [report.stored for report in told] == [first.stored]


async def test_a_card_charged_without_being_kept_cannot_be_charged_again(shop: Shop) -> None:
    async with shop.http.post(
        f"{shop.url}/v1/payment_methods",
        data={"type": "card", "card[token]": "tok_visa"},
        headers={"Authorization": "Bearer pk_test_shop"},
    ) as answer:
        once = ProcessorToken(processor="stripe", token=(await answer.json())["id"])
    assert (await shop.adapter.authorize(purchase(token=once))).outcome == Approved()

    again = await shop.adapter.authorize(purchase(operation_id="att_2", token=once))

    assert isinstance(again.outcome, Declined)
    assert await shop.money("att_2") == (0, 0, 0, 0)


@pytest.mark.parametrize("fault", ["silent_after", "reset_after", "error_500_after", "truncated"])
async def test_a_lost_answer_about_the_customer_charges_nothing(shop: Shop, fault: str) -> None:
    await shop.fails(fault, count=2)  # A connection out of the pool is tried twice.

    with pytest.raises(NotSentError):
        await shop.adapter.authorize(purchase(token=FRESH, save=True))
    assert await shop.money("att_1") == (0, 0, 0, 0)


async def test_the_payers_browser_keeps_a_card_in_a_session(shop: Shop) -> None:
    session = await shop.adapter.open_token_session(OpenTokenSession(session_id="ps_1", customer_id="cus_of_hub"))
    assert isinstance(session, TokenSession)

    confirmed = await shop.in_browser(session, "pm_card_visa")

    token = ProcessorToken(
        processor="stripe", token=confirmed["payment_method"], customer_reference=session.customer_reference
    )
    [news] = await shop.tokens()
    assert (news.tag, news.parent_reference, news.token) == ("ps_1", session.processor_reference, token)
    later = purchase(token=token, payer_present=False, return_url=None)
    assert (await shop.adapter.authorize(later)).outcome == Approved()


async def test_the_same_session_asked_for_twice_is_one(shop: Shop) -> None:
    request = OpenTokenSession(session_id="ps_1")

    first, second = [await shop.adapter.open_token_session(request) for _ in range(2)]

    assert first == second


async def test_a_publishable_key_opens_nothing_without_the_client_secret(shop: Shop) -> None:
    session = await shop.adapter.open_token_session(OpenTokenSession(session_id="ps_1"))
    assert isinstance(session, TokenSession)

    refused = await shop.in_browser(session, "pm_card_visa", client_secret="guessed")

    assert refused["error"]["code"] == "secret_key_required"


async def test_a_check_moves_no_money_and_keeps_the_card(shop: Shop) -> None:
    told = await shop.adapter.verify(check("pm_card_avsZipFail"))

    assert (told.outcome, told.cvc, told.avs) == (Approved(), "pass", "unchecked/fail")
    assert told.stored is not None
    assert await shop.adapter.describe(told.stored) == told.card
    assert await shop.money("ver_1") == (0, 0, 0, 0)
    assert await shop.reports() == []


async def test_a_check_sent_twice_keeps_one_card(shop: Shop) -> None:
    request = check()

    first, second = [await shop.adapter.verify(request) for _ in range(2)]

    assert first.stored == second.stored


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", DeclineCode.INSUFFICIENT_FUNDS),
        ("pm_card_chargeDeclinedExpiredCard", DeclineCode.EXPIRED_CARD),
        ("pm_card_authenticationRequired", DeclineCode.AUTHENTICATION_REQUIRED),
    ],
)
async def test_a_card_that_cannot_be_kept_is_a_decline(shop: Shop, card: str, code: DeclineCode) -> None:
    told = await shop.adapter.verify(check(card))

    assert (code_of(told.outcome), told.stored) == (code, None)
    assert await shop.tokens() == []


@pytest.mark.parametrize(("answer", "good"), [("complete", True), ("fail", False)])
async def test_a_challenge_decides_over_a_check(shop: Shop, answer: str, good: bool) -> None:  # noqa: FBT001 - a table
    request = check("pm_card_authenticationRequired", return_url=RETURN)
    begun = await shop.adapter.verify(request)
    assert isinstance(begun.outcome, ActionRequired)

    returned = await shop.challenged(begun.outcome, answer)
    ended = await shop.adapter.complete_verification(
        CompleteVerification(request=request, continuation=begun.outcome.continuation, returned=returned)
    )

    assert (ended.outcome == Approved(), ended.stored is not None) == (good, good)
    assert [news.token for news in await shop.tokens()] == ([ended.stored] if good else [])


async def test_a_kept_card_can_go_bad_later_and_good_again(shop: Shop) -> None:
    token = await kept(shop)
    bad = {"behaves_like": "visa_chargeDeclinedInsufficientFunds"}
    await shop.control("PUT", f"/tokens/{token.token}", bad)

    refused = await shop.adapter.authorize(purchase(token=token, payer_present=False))
    assert code_of(refused.outcome) is DeclineCode.INSUFFICIENT_FUNDS

    await shop.control("PUT", f"/tokens/{token.token}", {})
    again = purchase(operation_id="att_2", token=token, payer_present=False)
    assert (await shop.adapter.authorize(again)).outcome == Approved()


async def test_a_detached_card_is_gone_and_stays_so(shop: Shop) -> None:
    token = await kept(shop)

    assert await shop.adapter.detach(token) is None
    assert await shop.adapter.detach(token) is None

    refused = await shop.adapter.authorize(purchase(token=token, payer_present=False))
    assert isinstance(refused.outcome, Declined)
    assert await shop.money("att_1") == (0, 0, 0, 0)


async def test_the_networks_id_is_taken_only_where_stripe_switched_that_on(shop: Shop) -> None:
    token = await kept(shop)
    adapter = shop.connect(mit_exemption=True)
    later = purchase(token=token, payer_present=False, network_transaction_id="ntx_1")
    assert code_of((await adapter.authorize(later)).outcome) is DeclineCode.INVALID_REQUEST

    settings = await shop.control("GET", "/accounts/shop")
    await shop.control("PUT", "/accounts/shop", settings | {"mit_exemption": True})

    granted = purchase(operation_id="att_2", token=token, payer_present=False, network_transaction_id="ntx_1")
    assert (await adapter.authorize(granted)).outcome == Approved()
