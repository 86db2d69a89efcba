"""Cards stored, checked, charged without the payer and deleted at the pretend Adyen; money is counted there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.abilities import CompleteVerification, OpenTokenSession, TokenSession, Verify
from adapters.contract import Authorize
from adapters.errors import OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined, Outcome
from normalization.tokens import ProcessorToken
from tests.adapters.adyen.asked import NOON, purchase
from tests.adapters.adyen.sandboxed import ACCOUNT, Merchant, merchant

TEN = (1000, 1000, 0, 1)
NOTHING = (0, 0, 0, 0)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Merchant]:
    async with merchant(tmp_path / "book.db") as opened:
        yield opened


def typed(number: str = "4111111111111111", **more: str) -> dict[str, object]:
    """What Adyen's client-side library makes of a test card."""
    card = {
        "type": "scheme",
        "encryptedCardNumber": f"test_{number}",
        "encryptedExpiryMonth": "test_03",
        "encryptedExpiryYear": "test_2030",
        "encryptedSecurityCode": "test_737",
        **more,
    }
    return {"paymentMethod": card}


def check(data: dict[str, object] | None = None, **changes: Any) -> Verify:
    request = Verify(
        operation_id="ver_1", currency=Currency.EUR, requested_at=NOON, data=data or typed(), customer_id="cus_of_hub"
    )
    return replace(request, **changes)


def later(token: ProcessorToken | None, **changes: Any) -> Authorize:
    """A charge that the payer is absent from."""
    return purchase(operation_id="att_2", token=token, payer_present=False, return_url=None, **changes)


def code_of(outcome: Outcome) -> DeclineCode:
    assert isinstance(outcome, Declined)
    return outcome.decline.code


async def stored(shop: Merchant) -> ProcessorToken:
    """Check a card and have it stored."""
    token = (await shop.adapter.verify(check())).stored
    assert token is not None
    return token


async def test_a_card_stored_with_a_charge_is_charged_again_without_the_payer(shop: Merchant) -> None:
    first = await shop.adapter.authorize(purchase(token=None, data=typed(), save=True, customer_id="cus_of_hub"))
    assert (first.outcome, first.network_transaction_id is not None) == (Approved(), True)
    assert first.stored is not None

    assert (await shop.adapter.authorize(later(first.stored))).outcome == Approved()

    assert await shop.money("att_2") == TEN
    [news] = await shop.tokens()
    assert (news.tag, news.parent_reference, news.token) == ("att_1", first.processor_reference, first.stored)


async def test_an_account_that_tells_tokens_by_webhook_only_tells_them_there(shop: Merchant) -> None:
    settings = await shop.control("GET", f"/accounts/{ACCOUNT}")
    await shop.control("PUT", f"/accounts/{ACCOUNT}", settings | {"tokens_by_webhook_only": True})

    told = await shop.adapter.verify(check())

    assert (told.outcome, told.stored) == (Approved(), None)
    [news] = await shop.tokens()
    assert (news.tag, news.token.customer_reference) == ("ver_1", "cus_of_hub")
    assert (await shop.adapter.authorize(later(news.token))).outcome == Approved()


async def test_the_networks_reference_may_go_along(shop: Merchant) -> None:
    adapter = shop.connect(send_network_reference=True)

    report = await adapter.authorize(later(await stored(shop), network_transaction_id="NTX1"))

    assert report.outcome == Approved()


async def test_a_token_that_adyen_does_not_know_is_refused(shop: Merchant) -> None:
    unknown = ProcessorToken(processor="adyen", token="nowhere", customer_reference="cus_of_hub")

    assert code_of((await shop.adapter.authorize(later(unknown))).outcome) is DeclineCode.TOKEN_INVALID
    assert code_of((await shop.adapter.verify(check(token=unknown))).outcome) is DeclineCode.TOKEN_INVALID
    assert await shop.money("att_2") == NOTHING


async def test_the_payers_browser_is_shown_what_is_stored(shop: Merchant) -> None:
    token = await stored(shop)

    session = await shop.connect(client_key="test_ABC").open_token_session(
        OpenTokenSession(session_id="ps_1", customer_reference=token.customer_reference)
    )

    assert isinstance(session, TokenSession)
    offered = session.client["payment_methods"]
    assert isinstance(offered, dict)
    assert token.token in {method["id"] for method in offered["storedPaymentMethods"]}


async def test_a_check_moves_no_money_and_stores_the_card(shop: Merchant) -> None:
    told = await shop.adapter.verify(check())

    assert (told.outcome, told.cvc, told.avs) == (Approved(), "1", "4")
    assert told.card is not None
    assert told.stored is not None
    described = await shop.adapter.describe(told.stored)
    assert described is not None
    assert (described.brand, described.last4) == (told.card.brand, told.card.last4) == ("visa", "1111")
    assert await shop.money("ver_1") == NOTHING
    assert await shop.reports() == []


@pytest.mark.parametrize("fault", ["silent_after", "reset_after", "error_500_after"])
async def test_a_check_whose_answer_was_lost_is_asked_for_again(tmp_path: Path, fault: str) -> None:
    async with merchant(tmp_path / "book.db") as shop:
        await shop.control("POST", "/faults", {"fault": fault, "count": 1, "match": {"operation": "purchase"}})
        request = check()

        told = None
        for _ in range(50):
            try:
                told = await shop.adapter.verify(request)
                break
            except OutcomeUnknownError:
                continue

        assert told is not None
        assert told.outcome == Approved()
        assert [news.token for news in await shop.tokens()] == [told.stored]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (typed(holderName="NOT_ENOUGH_BALANCE"), DeclineCode.INSUFFICIENT_FUNDS),
        (typed(holderName="CARD_EXPIRED"), DeclineCode.EXPIRED_CARD),
        (typed("4212345678901237"), DeclineCode.AUTHENTICATION_REQUIRED),
    ],
)
async def test_a_card_that_is_refused_is_not_stored(shop: Merchant, data: dict[str, object], code: DeclineCode) -> None:
    told = await shop.adapter.verify(check(data))

    assert (code_of(told.outcome), told.stored) == (code, None)
    assert await shop.tokens() == []


@pytest.mark.parametrize("number", ["4212345678901237", "5212345678901234"])
@pytest.mark.parametrize(("button", "good"), [("complete", True), ("fail", False)])
async def test_a_challenge_decides_over_a_check(shop: Merchant, number: str, button: str, good: object) -> None:
    request = check(typed(number), return_url="https://hub.example/return")
    begun = await shop.adapter.verify(request)
    assert isinstance(begun.outcome, ActionRequired)

    returned = await shop.challenged(begun.outcome, button)
    ended = await shop.adapter.complete_verification(
        CompleteVerification(request=request, continuation=begun.outcome.continuation, returned=returned)
    )

    assert (ended.outcome == Approved(), ended.stored is not None) == (good, good)


async def test_a_stored_card_can_go_bad_later_and_good_again(shop: Merchant) -> None:
    token = await stored(shop)
    await shop.control("PUT", f"/tokens/{token.token}", {"outcome": "NOT_ENOUGH_BALANCE"})

    assert code_of((await shop.adapter.authorize(later(token))).outcome) is DeclineCode.INSUFFICIENT_FUNDS

    await shop.control("PUT", f"/tokens/{token.token}", {})
    assert (await shop.adapter.authorize(replace(later(token), operation_id="att_3"))).outcome == Approved()


async def test_a_deleted_card_is_gone_and_stays_so(shop: Merchant) -> None:
    token = await stored(shop)

    assert await shop.adapter.detach(token) is None
    assert await shop.adapter.detach(token) is None

    assert code_of((await shop.adapter.authorize(later(token))).outcome) is DeclineCode.TOKEN_INVALID
    assert await shop.money("att_2") == NOTHING
