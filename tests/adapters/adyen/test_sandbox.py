"""The adapter at a server that was written from Adyen's documentation by others; money is counted there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.contract import Complete
from adapters.errors import NotSentError, OutcomeUnknownError, WebhookRejectedError
from adapters.transport import Deadlines
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Pending
from normalization.tokens import ProcessorToken
from tests.adapters.adyen.asked import authorization, capture, follow_up, purchase
from tests.adapters.adyen.sandboxed import ACCOUNT, Merchant, merchant


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Merchant]:
    async with merchant(tmp_path / "book.db", Deadlines(answer=0.5, total=2)) as opened:
        yield opened


def stored(name: str) -> ProcessorToken:
    return ProcessorToken(processor="adyen", token=name, customer_reference="shopper-1")


VISA = stored("stored_visa")


async def test_a_purchase_is_charged_once_and_its_webhook_says_so(shop: Merchant) -> None:
    report = await shop.adapter.authorize(purchase(token=VISA))
    assert (report.outcome, report.money) == (Approved(), Money(1000, Currency.EUR))
    assert report.card is not None
    assert (report.card.brand, report.card.last4) == ("visa", "1111")
    told = await shop.report("att_1")
    assert (told.outcome, told.money) == (Approved(), Money(1000, Currency.EUR))
    assert told.processor_reference == report.processor_reference
    assert await shop.money("att_1") == (1000, 1000, 0, 1)


@pytest.mark.parametrize(
    ("money", "minor_there"),
    [
        (Money(500, Currency.JPY), 500),
        (Money(5124, Currency.KWD), 5124),
        (Money(5, Currency.ISK), 500),
        (Money(1_000_000, Currency.IDR), 10_000),
    ],
)
async def test_every_currency_is_charged_in_adyen_s_own_unit(shop: Merchant, money: Money, minor_there: int) -> None:
    report = await shop.adapter.authorize(purchase(token=VISA, money=money))
    assert (report.outcome, report.money) == (Approved(), money)
    assert (await shop.money("att_1"))[1] == minor_there
    assert (await shop.report("att_1")).money == money


async def test_an_authorization_is_captured_in_part_and_refunded_in_parts(shop: Merchant) -> None:
    report = await shop.adapter.authorize(authorization(token=VISA))
    psp = report.processor_reference
    assert psp is not None
    assert await shop.money("att_1") == (1000, 0, 0, 1)
    captured = await shop.adapter.follow_up(capture(parent_reference=psp, money=Money(600, Currency.EUR)))
    assert captured.outcome == Pending()
    told = await shop.report("cap_1")
    assert (told.kind, told.outcome, told.money) == (Operation.CAPTURE, Approved(), Money(600, Currency.EUR))
    assert (told.processor_reference, told.parent_reference) == (captured.processor_reference, psp)
    for ref in ("ref_1", "ref_2"):
        asked = follow_up(Operation.REFUND, ref, parent_reference=psp, money=Money(250, Currency.EUR))
        assert (await shop.adapter.follow_up(asked)).outcome == Pending()
        assert (await shop.report(ref)).outcome == Approved()
    assert await shop.money("att_1") == (1000, 600, 500, 1)


async def test_a_refund_of_more_than_is_left_is_a_decline_by_answer_or_webhook(shop: Merchant) -> None:
    report = await shop.adapter.authorize(purchase(token=VISA))
    asked = follow_up(
        Operation.REFUND,
        "ref_1",
        parent_reference=report.processor_reference,
        money=Money(1001, Currency.EUR),
    )
    outcome = (await shop.adapter.follow_up(asked)).outcome
    if outcome == Pending():
        outcome = (await shop.report("ref_1")).outcome
    assert isinstance(outcome, Declined)
    assert (await shop.money("att_1"))[2] == 0


async def test_an_authorization_is_voided(shop: Merchant) -> None:
    report = await shop.adapter.authorize(authorization(token=VISA))
    asked = follow_up(Operation.VOID, "can_1", parent_reference=report.processor_reference)
    assert (await shop.adapter.follow_up(asked)).outcome == Pending()
    told = await shop.report("can_1")
    assert (told.kind, told.outcome, told.parent_reference) == (
        Operation.VOID,
        Approved(),
        report.processor_reference,
    )


async def test_an_authorization_is_cancelled_by_our_reference(shop: Merchant) -> None:
    report = await shop.adapter.authorize(authorization(token=VISA))
    await shop.adapter.cancel_by_reference(authorization(token=VISA))
    (told,) = [found for found in await shop.reports() if found.kind is Operation.VOID]
    assert (told.tag, told.outcome, told.parent_reference) == ("att_1", Approved(), report.processor_reference)


@pytest.mark.parametrize(
    ("token", "code", "network_code"),
    [
        ("stored_declined", DeclineCode.DO_NOT_HONOR, "05"),
        ("stored_insufficient_funds", DeclineCode.INSUFFICIENT_FUNDS, "51"),
        ("stored_expired", DeclineCode.EXPIRED_CARD, "54"),
        ("stored_stolen", DeclineCode.LOST_OR_STOLEN_CARD, "43"),
        ("stored_fraud", DeclineCode.BLOCKED_BY_RISK_RULE, None),
        ("stored_unavailable", DeclineCode.ISSUER_UNAVAILABLE, "91"),
    ],
)
async def test_a_decline_says_the_same_by_answer_and_by_webhook(
    shop: Merchant, token: str, code: DeclineCode, network_code: str | None
) -> None:
    answered = (await shop.adapter.authorize(purchase(token=stored(token)))).outcome
    told = (await shop.report("att_1")).outcome
    assert isinstance(answered, Declined)
    assert isinstance(told, Declined)
    assert (answered.decline.code, answered.decline.network_code) == (code, network_code)
    assert told.decline.code is code
    assert (await shop.money("att_1"))[3] == 0


@pytest.mark.parametrize("token", ["stored_3ds_redirect", "stored_3ds_post"])
async def test_a_challenge_is_followed_and_completed(shop: Merchant, token: str) -> None:
    request = purchase(token=stored(token))
    begun = (await shop.adapter.authorize(request)).outcome
    assert isinstance(begun, ActionRequired)
    returned = await shop.challenged(begun, "complete")
    report = await shop.adapter.complete(Complete(request=request, continuation=begun.continuation, returned=returned))
    assert (report.outcome, report.tag) == (Approved(), "att_1")
    assert await shop.money("att_1") == (1000, 1000, 0, 1)


async def test_a_challenge_that_the_payer_fails_charges_nothing(shop: Merchant) -> None:
    request = purchase(token=stored("stored_3ds_redirect"))
    begun = (await shop.adapter.authorize(request)).outcome
    assert isinstance(begun, ActionRequired)
    returned = await shop.challenged(begun, "fail")
    outcome = (
        await shop.adapter.complete(Complete(request=request, continuation=begun.continuation, returned=returned))
    ).outcome
    assert isinstance(outcome, Declined)
    assert outcome.decline.code is DeclineCode.AUTHENTICATION_FAILED
    assert (await shop.money("att_1"))[3] == 0


async def test_where_no_challenge_may_be_asked_the_bank_s_wish_is_a_decline(shop: Merchant) -> None:
    request = purchase(token=stored("stored_3ds_redirect"), payer_present=False, return_url=None)
    outcome = (await shop.adapter.authorize(request)).outcome
    assert isinstance(outcome, Declined)
    assert outcome.decline.code is DeclineCode.AUTHENTICATION_REQUIRED


@pytest.mark.parametrize(
    ("fault", "charges"),
    [
        ("silent_before", 0),
        ("silent_after", 1),
        ("reset_before", 0),
        ("reset_after", 1),
        ("malformed", 1),
        ("truncated", 1),
    ],
)
async def test_whatever_is_lost_on_the_way_an_inquiry_finds_one_charge(
    shop: Merchant, fault: str, charges: int
) -> None:
    request = purchase(token=VISA)
    await shop.fails(fault)
    with pytest.raises(OutcomeUnknownError):
        await shop.adapter.authorize(request)
    assert (await shop.money("att_1"))[3] == charges
    assert (await shop.found_out(request)).outcome == Approved()
    assert await shop.money("att_1") == (1000, 1000, 0, 1)


@pytest.mark.parametrize("fault", ["error_500_before", "error_500_after"])
async def test_an_error_that_adyen_calls_transient_is_asked_again_and_charges_once(shop: Merchant, fault: str) -> None:
    await shop.fails(fault)
    assert (await shop.adapter.authorize(purchase(token=VISA))).outcome == Approved()
    assert await shop.money("att_1") == (1000, 1000, 0, 1)


async def test_a_busy_adyen_is_asked_again_and_charges_once(shop: Merchant) -> None:
    await shop.fails("rate_limited", 2)
    assert (await shop.adapter.authorize(purchase(token=VISA))).outcome == Approved()
    await shop.fails("rate_limited", 3)
    with pytest.raises(NotSentError):
        await shop.adapter.authorize(purchase(token=VISA, operation_id="att_2"))
    assert (await shop.money("att_1"))[3] == 1
    assert (await shop.money("att_2"))[3] == 0


async def test_a_capture_whose_answer_is_lost_captures_once(shop: Merchant) -> None:
    report = await shop.adapter.authorize(authorization(token=VISA))
    asked = capture(parent_reference=report.processor_reference)
    await shop.fails("malformed")
    with pytest.raises(OutcomeUnknownError):
        await shop.adapter.follow_up(asked)
    assert (await shop.found_out(asked)).outcome == Pending()
    assert (await shop.report("cap_1")).outcome == Approved()
    assert await shop.money("att_1") == (1000, 1000, 0, 1)


async def test_a_manual_account_s_purchase_is_captured_and_its_webhook_ends_it(shop: Merchant) -> None:
    await shop.control("PUT", f"/accounts/{ACCOUNT}", {"capture": "manual"})
    manual = shop.connect(capture="manual")
    report = await manual.authorize(purchase(token=VISA))
    assert report.outcome == Pending()
    told = {found.kind: found for found in await shop.reports(manual)}
    assert told[Operation.AUTHORIZE].tag == "att_1"
    assert (told[Operation.PURCHASE].tag, told[Operation.PURCHASE].outcome) == ("att_1", Approved())
    assert told[Operation.PURCHASE].processor_reference == report.processor_reference
    assert await shop.money("att_1") == (1000, 1000, 0, 1)


async def test_a_forged_webhook_is_rejected(shop: Merchant) -> None:
    await shop.control("POST", "/webhooks", {"mode": "forge"})
    await shop.adapter.authorize(purchase(token=VISA))
    with pytest.raises(WebhookRejectedError):
        await shop.reports()


async def test_a_batch_is_verified_and_split(shop: Merchant) -> None:
    await shop.control("PUT", f"/accounts/{ACCOUNT}", {"batch": 2})
    await shop.adapter.authorize(purchase(token=VISA))
    await shop.adapter.authorize(purchase(token=VISA, operation_id="att_2"))
    assert {report.tag for report in await shop.reports()} == {"att_1", "att_2"}
    assert len(shop.heard) == 1
