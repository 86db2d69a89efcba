import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.codes import CODES, REFUSALS, meaning_of, refused, refused_by_text
from normalization.declines import DeclineCode
from normalization.outcome import Declined
from tests.adapters.adyen.asked import purchase
from tests.adapters.adyen.scripted import ScriptedAdyen, paid
from tests.adapters.adyen.scripted import refused as error

DOCUMENTED = {*(str(code) for code in range(47)), "50"}


def test_words_that_begin_with_the_networks_code_are_read_by_it() -> None:
    decline = refused_by_text("65 : SCA required", brand="mastercard")
    assert (decline.code, decline.network_code) == (DeclineCode.AUTHENTICATION_REQUIRED, "65")


async def test_a_refusal_keeps_every_raw_code(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    facts = {"refusalReasonRaw": "51 : Insufficient funds", "merchantAdviceCode": "24 : Retry after 1 hour"}
    adyen.will_answer(paid("Refused", refusalReason="Refused", refusalReasonCode="2", additionalData=facts))
    outcome = (await adapter.authorize(purchase())).outcome
    assert isinstance(outcome, Declined)
    decline = outcome.decline
    assert (decline.code, decline.processor_code) == (DeclineCode.INSUFFICIENT_FUNDS, "2")
    assert (decline.network_code, decline.network_advice_code) == ("51", "24")


def test_every_documented_refusal_reason_has_a_row() -> None:
    assert set(REFUSALS) == DOCUMENTED


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("3", DeclineCode.CALL_ISSUER),
        ("5", DeclineCode.RESTRICTED_CARD),
        ("6", DeclineCode.EXPIRED_CARD),
        ("9", DeclineCode.ISSUER_UNAVAILABLE),
        ("12", DeclineCode.INSUFFICIENT_FUNDS),
        ("20", DeclineCode.BLOCKED_BY_RISK_RULE),
        ("24", DeclineCode.INCORRECT_CVC),
        ("26", DeclineCode.RECURRING_STOPPED),
        ("38", DeclineCode.AUTHENTICATION_REQUIRED),
        ("46", DeclineCode.RETRY_LIMIT_REACHED),
        ("50", DeclineCode.TOKEN_INVALID),
        ("999", DeclineCode.GENERIC_DECLINE),
        (None, DeclineCode.GENERIC_DECLINE),
    ],
)
def test_a_refusal_reason_has_one_meaning(code: str | None, meaning: DeclineCode) -> None:
    assert refused(code).code is meaning


@pytest.mark.parametrize(
    ("raw", "brand", "meaning"),
    [
        ("41 : Lost card", "visa", DeclineCode.LOST_OR_STOLEN_CARD),
        ("65 : Exceeds count", "visa", DeclineCode.LIMIT_EXCEEDED),
        ("65 : SCA required", "mastercard", DeclineCode.AUTHENTICATION_REQUIRED),
        ("3D Not Authenticated", "visa", DeclineCode.GENERIC_DECLINE),
        ("DECLINED CVC Incorrect", "visa", DeclineCode.GENERIC_DECLINE),
        ("5 : Do not honor", "visa", DeclineCode.DO_NOT_HONOR),
        ("N7 : FRAUD", "visa", DeclineCode.INCORRECT_CVC),
        ("01: Refer to card issuer", "visa", DeclineCode.CALL_ISSUER),
        (51, "visa", DeclineCode.GENERIC_DECLINE),
    ],
)
def test_the_network_s_code_says_why_where_adyen_s_does_not(raw: object, brand: str, meaning: DeclineCode) -> None:
    assert refused("2", raw, brand=brand).code is meaning


def test_a_fraud_verdict_is_never_softened_by_the_network() -> None:
    assert refused("20", "51 : Insufficient funds").code is DeclineCode.BLOCKED_BY_RISK_RULE


def test_a_reason_told_in_words_finds_its_code() -> None:
    decline = refused_by_text("Not enough balance")
    assert (decline.code, decline.processor_code) == (DeclineCode.INSUFFICIENT_FUNDS, "12")


def test_an_unknown_reason_is_kept_as_it_was_told() -> None:
    decline = refused_by_text("Words of no table")
    assert (decline.code, decline.processor_code) == (DeclineCode.GENERIC_DECLINE, "Words of no table")


@pytest.mark.parametrize(
    "reason", ["Insufficient balance on payment", "Transaction hasn't been captured, refund not possible"]
)
def test_more_than_a_payment_has_is_a_request_that_is_wrong_and_no_try_later(reason: str) -> None:
    decline = refused_by_text(reason)
    assert (decline.code, decline.processor_code) == (DeclineCode.INVALID_REQUEST, reason)
    assert meaning_of(reason) is DeclineCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("status", "code", "meaning"),
    [
        (422, "101", DeclineCode.INVALID_CARD_NUMBER),
        (422, "103", DeclineCode.INCORRECT_CVC),
        (422, "129", DeclineCode.EXPIRED_CARD),
        (422, "138", DeclineCode.CURRENCY_NOT_SUPPORTED),
        (422, "803", DeclineCode.TOKEN_INVALID),
        (422, "905_1", DeclineCode.MERCHANT_CONFIGURATION_ERROR),
        (400, "702", DeclineCode.INVALID_REQUEST),
        (404, "904", DeclineCode.INVALID_REQUEST),
    ],
)
async def test_a_request_that_adyen_does_not_carry_out_is_a_decline(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, status: int, code: str, meaning: DeclineCode
) -> None:
    adyen.will_answer(error(status, code, pspReference="PSP9"))
    report = await adapter.authorize(purchase())
    assert isinstance(report.outcome, Declined)
    assert (report.outcome.decline.code, report.outcome.decline.processor_code) == (meaning, code)
    assert report.processor_reference == "PSP9"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_in_a_table_can_be_read_from_a_kept_decline(code: str) -> None:
    assert meaning_of(code) is CODES[code]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("", DeclineCode.GENERIC_DECLINE),
        ("702", DeclineCode.INVALID_REQUEST),
        ("14_0430", DeclineCode.INVALID_REQUEST),
        ("905_7", DeclineCode.INVALID_REQUEST),
        ("47", None),
        ("Words of no table", None),
    ],
)
def test_a_code_without_a_row_is_a_wrong_request_or_unknown(code: str, meaning: DeclineCode | None) -> None:
    assert meaning_of(code) is meaning


@pytest.mark.parametrize(
    ("result", "meaning"),
    [
        ("Refused", DeclineCode.GENERIC_DECLINE),
        ("Error", DeclineCode.PROCESSOR_ERROR),
        ("Cancelled", DeclineCode.CUSTOMER_CANCELLED),
    ],
)
def test_a_result_without_a_reason_says_what_it_can(result: str, meaning: DeclineCode) -> None:
    assert refused(result).code is meaning
