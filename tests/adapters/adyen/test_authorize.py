from collections.abc import Callable

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Authentication, Authorize, Recurring
from adapters.errors import OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Pending
from tests.adapters.adyen.asked import authorization, purchase
from tests.adapters.adyen.scripted import ScriptedAdyen, paid, received, refused

ONE_TIME = {"paymentMethod": {"type": "scheme", "encryptedCardNumber": "test_4111"}, "origin": "https://shop.example"}


async def test_a_purchase_carries_our_ids_and_is_captured_at_once(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid(merchantReference="att_1", amount={"value": 1000, "currency": "EUR"}))
    report = await adapter.authorize(purchase())
    (sent,) = adyen.sent
    assert (sent.path, sent.key, sent.headers["x-api-key"]) == ("/v72/payments", "att_1", "key")
    assert sent.body == {
        "amount": {"value": 1000, "currency": "EUR"},
        "merchantAccount": "Shop",
        "reference": "att_1",
        "merchantOrderReference": "invoice-1",
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "8415"},
        "shopperReference": "shopper-1",
        "returnUrl": "https://shop.example/return",
        "channel": "Web",
        "shopperInteraction": "Ecommerce",
        "recurringProcessingModel": "CardOnFile",
        "metadata": {"hub_payment": "pay_1"},
        "authenticationData": {"threeDSRequestData": {"nativeThreeDS": "disabled"}},
        "captureDelayHours": 0,
    }
    assert (report.kind, report.tag, report.processor_reference) == (Operation.PURCHASE, "att_1", "PSP1")
    assert (report.money, report.outcome) == (Money(1000, Currency.EUR), Approved())


async def test_an_authorization_asks_for_manual_capture(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid())
    await adapter.authorize(authorization())
    assert adyen.sent[0].body["additionalData"] == {"manualCapture": "true"}
    assert "captureDelayHours" not in adyen.sent[0].body


@pytest.mark.parametrize(
    ("request_", "interaction", "model", "attempt"),
    [
        (purchase(payer_present=False), "ContAuth", "UnscheduledCardOnFile", "never"),
        (purchase(payer_present=False, recurring=Recurring.SUBSEQUENT), "ContAuth", "Subscription", "never"),
        (purchase(recurring=Recurring.INITIAL), "Ecommerce", "Subscription", None),
        (purchase(authentication=Authentication.REQUIRED), "Ecommerce", "CardOnFile", "always"),
        (purchase(authentication=Authentication.AVOID), "Ecommerce", "CardOnFile", "never"),
        (purchase(return_url=None), "Ecommerce", "CardOnFile", "never"),
        (purchase(token=None, data=ONE_TIME), "Ecommerce", None, None),
    ],
)
async def test_who_is_present_decides_what_is_asked_for(
    adyen: ScriptedAdyen,
    adapter: AdyenAdapter,
    request_: Authorize,
    interaction: str,
    model: str | None,
    attempt: str | None,
) -> None:
    adyen.will_answer(paid())
    await adapter.authorize(request_)
    body = adyen.sent[0].body
    assert (body["shopperInteraction"], body.get("recurringProcessingModel")) == (interaction, model)
    authentication = body["authenticationData"]
    assert isinstance(authentication, dict)
    assert authentication.get("attemptAuthentication") == attempt


async def test_one_time_data_cannot_change_the_amount(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid())
    data = {**ONE_TIME, "amount": {"value": 1, "currency": "EUR"}, "reference": "x", "clientStateDataIndicator": True}
    await adapter.authorize(purchase(token=None, data=data))
    body = adyen.sent[0].body
    assert (body["amount"], body["reference"]) == ({"value": 1000, "currency": "EUR"}, "att_1")
    assert (body["paymentMethod"], body["origin"]) == (ONE_TIME["paymentMethod"], "https://shop.example")
    assert "clientStateDataIndicator" not in body


@pytest.mark.parametrize("data", [None, {}, {"origin": "https://shop.example"}, {"paymentMethod": None}])
async def test_nothing_is_sent_without_a_means_of_payment(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, data: dict[str, object] | None
) -> None:
    report = await adapter.authorize(purchase(token=None, data=data))
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.code is DeclineCode.INVALID_REQUEST
    assert report.outcome.decline.processor_code == "hub/payment_method_data"
    assert adyen.sent == []


async def test_an_amount_that_adyen_cannot_hold_is_refused_before_anything_is_sent(
    adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    report = await adapter.authorize(purchase(money=Money(1050, Currency.CVE)))
    assert isinstance(report.outcome, Declined)
    assert (report.outcome.decline.code, report.outcome.decline.processor_code) == (
        DeclineCode.INVALID_AMOUNT,
        "hub/amount",
    )
    assert adyen.sent == []


async def test_an_answer_without_amount_leaves_the_money_open(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid())
    report = await adapter.authorize(purchase())
    assert report.money is None


async def test_a_partial_approval_reports_the_smaller_amount(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid("PartiallyAuthorised", amount={"value": 400, "currency": "EUR"}))
    report = await adapter.authorize(purchase())
    assert (report.outcome, report.money) == (Approved(), Money(400, Currency.EUR))


@pytest.mark.parametrize("result", ["Pending", "Received"])
async def test_accepted_and_told_later_is_pending(adyen: ScriptedAdyen, adapter: AdyenAdapter, result: str) -> None:
    adyen.will_answer(paid(result))
    assert (await adapter.authorize(purchase())).outcome == Pending()


@pytest.mark.parametrize(
    "facts",
    [
        {"resultCode": "SomethingNew"},
        {"resultCode": "AuthenticationFinished"},
        {"resultCode": "AuthenticationNotRequired"},
        {"resultCode": "PartiallyAuthorised"},
        {"resultCode": "Authorised", "pspReference": None},
        {"resultCode": "Authorised", "merchantReference": "att_other"},
        {"resultCode": "Authorised", "amount": {"value": 1000, "currency": "XYZ"}},
    ],
)
async def test_an_answer_that_is_no_clear_yes_or_no_is_unknown(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, facts: dict[str, object]
) -> None:
    adyen.will_answer(paid(str(facts["resultCode"]), **facts))
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())


async def test_card_facts_come_along(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    facts = {
        "cardSummary": "1142",
        "expiryDate": "3/2030",
        "paymentMethod": "mc",
        "cardBin": "541333",
        "fundingSource": "CREDIT",
        "cardIssuingCountry": "NL",
        "avsResult": "4 AVS not supported for this card type",
        "cvcResult": "1 Matches",
    }
    adyen.will_answer(paid(additionalData=facts))
    report = await adapter.authorize(purchase())
    assert report.card is not None
    assert (report.card.brand, report.card.last4, report.card.exp_month, report.card.exp_year) == (
        "mastercard",
        "1142",
        3,
        2030,
    )
    assert (report.card.funding, report.card.country, report.avs, report.cvc) == ("credit", "NL", "4", "1")


REDIRECT = {"type": "redirect", "method": "GET", "url": "https://adyen.example/3ds?x=1"}


async def test_a_redirect_sends_the_payer_away(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid("RedirectShopper", action=REDIRECT))
    outcome = (await adapter.authorize(purchase())).outcome
    assert isinstance(outcome, ActionRequired)
    assert (outcome.method, outcome.url) == ("GET", "https://adyen.example/3ds?x=1")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (purchase(return_url=None), {"result": "RedirectShopper", "action": REDIRECT}),
        (purchase(payer_present=False), {"result": "RedirectShopper", "action": REDIRECT}),
        (purchase(), {"result": "IdentifyShopper", "action": {"type": "threeDS2", "subtype": "fingerprint"}}),
        (purchase(), {"result": "ChallengeShopper"}),
    ],
)
async def test_a_challenge_that_cannot_be_shown_is_a_decline(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, request_: Authorize, answer: dict[str, object]
) -> None:
    adyen.will_answer(paid(**answer))  # type: ignore[arg-type]  # the result's name is among them
    outcome = (await adapter.authorize(request_)).outcome
    assert isinstance(outcome, Declined)
    assert outcome.decline.code is DeclineCode.AUTHENTICATION_REQUIRED


async def test_on_an_account_that_captures_manually_a_purchase_is_captured_by_us(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    adyen.will_answer(paid(amount={"value": 1000, "currency": "EUR"}), received(reference="att_1:capture"))
    report = await connect(capture="manual").authorize(purchase())
    payment, capture = adyen.sent
    assert "captureDelayHours" not in payment.body
    assert (capture.path, capture.key) == ("/v72/payments/PSP1/captures", "att_1:capture")
    assert (report.kind, report.tag, report.processor_reference) == (Operation.PURCHASE, "att_1", "PSP1")
    assert report.outcome == Pending()


async def test_a_purchase_that_cannot_be_captured_is_declined_and_holds_no_money(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter]
) -> None:
    adyen.will_answer(paid(), refused(422, "167"), received())
    report = await connect(capture="manual").authorize(purchase())
    assert [sent.path for sent in adyen.sent][1:] == ["/v72/payments/PSP1/captures", "/v72/payments/PSP1/cancels"]
    assert isinstance(report.outcome, Declined)


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_capture_of_a_purchase_that_fails_never_says_not_sent(
    adyen: ScriptedAdyen, connect: Callable[..., AdyenAdapter], status: int
) -> None:
    adyen.will_answer(paid(), *[refused(status, "000")] * 3)
    with pytest.raises(OutcomeUnknownError):
        await connect(capture="manual").authorize(purchase())
