"""Stripe's codes in the hub's vocabulary."""

import re

import pytest
from stripe import PaymentIntent

from adapters.stripe.declines import DECLINE_CODES, decline_of, meaning_of
from adapters.stripe.error_codes import ENDS_A_PAYMENT, ENDS_NO_PAYMENT, ERROR_CODES
from adapters.stripe.wire import Card, Error, PaymentMethod
from normalization.declines import MEANING, Advice, Category, DeclineCode
from normalization.verdicts import resolve


def card_error(
    decline_code: str | None = None,
    code: str = "card_declined",
    network_decline_code: str | None = None,
    advice_code: str | None = None,
    brand: str | None = None,
) -> Error:
    return Error(
        type="card_error",
        code=code,
        decline_code=decline_code,
        network_decline_code=network_decline_code,
        advice_code=advice_code,
        payment_method=PaymentMethod(card=Card(brand=brand)),
    )


@pytest.mark.parametrize("code", sorted(DECLINE_CODES))
def test_a_decline_code_alone_decides(code: str) -> None:
    decline = decline_of(card_error(code))

    assert decline.code is DECLINE_CODES[code]
    assert decline.processor_code == f"card_declined/{code}"


def test_every_decline_code_stripe_publishes_is_known() -> None:
    published = (
        "approve_with_id authentication_not_handled authentication_required call_issuer card_not_supported"
        " card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction"
        " expired_card fraudulent generic_decline incorrect_address incorrect_cvc incorrect_number incorrect_pin"
        " incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month"
        " invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist"
        " mobile_device_authentication_required new_account_information_available no_action_taken not_permitted"
        " offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded processing_error"
        " reenter_transaction restricted_card revocation_of_all_authorizations revocation_of_authorization"
        " security_violation service_not_allowed stolen_card stop_payment_order testmode_decline"
        " transaction_not_allowed try_again_later withdrawal_count_limit_exceeded"
    )

    assert set(published.split()) <= set(DECLINE_CODES)
    assert len(published.split()) == 50


def test_every_error_code_the_sdk_knows_can_end_a_card_payment_or_cannot() -> None:
    known = set(re.findall(r"""['"]([a-z0-9_]+)['"]""", str(PaymentIntent.LastPaymentError.__annotations__["code"])))

    assert len(ERROR_CODES) == len(ENDS_A_PAYMENT) + len(ENDS_NO_PAYMENT) == 209
    assert set(ERROR_CODES) == known


@pytest.mark.parametrize("code", sorted(ERROR_CODES))
def test_an_error_code_means_one_thing_wherever_it_stands(code: str) -> None:
    assert meaning_of(code) is ERROR_CODES[code]
    assert DECLINE_CODES.get(code, ERROR_CODES[code]) is ERROR_CODES[code]


@pytest.mark.parametrize("code", sorted(DECLINE_CODES))
def test_a_decline_code_means_the_same_alone_and_behind_any_error_code(code: str) -> None:
    assert meaning_of(code) is DECLINE_CODES[code]
    assert meaning_of(f"card_declined/{code}") is meaning_of(f"processing_error/{code}") is DECLINE_CODES[code]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("canceled/abandoned", DeclineCode.CUSTOMER_CANCELLED),
        ("requires_action/use_stripe_sdk", DeclineCode.AUTHENTICATION_REQUIRED),
        ("refund_failed/lost_or_stolen_card", DeclineCode.LOST_OR_STOLEN_CARD),
        ("resource_missing/payment_method", DeclineCode.TOKEN_INVALID),
        ("card_declined/brand_new_reason", None),
        ("brand_new_reason", None),
    ],
)
def test_what_is_kept_of_a_decline_can_be_read_again(code: str, meaning: DeclineCode | None) -> None:
    assert meaning_of(code) is meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("expired_card", DeclineCode.EXPIRED_CARD),
        ("incorrect_cvc", DeclineCode.INCORRECT_CVC),
        ("processing_error", DeclineCode.PROCESSOR_ERROR),
        ("incorrect_number", DeclineCode.INVALID_CARD_NUMBER),
        ("authentication_required", DeclineCode.AUTHENTICATION_REQUIRED),
    ],
)
def test_an_error_code_without_a_decline_code_decides(code: str, meaning: DeclineCode) -> None:
    decline = decline_of(card_error(code=code))

    assert (decline.code, decline.processor_code) == (meaning, code)


def test_equal_codes_are_written_once() -> None:
    assert decline_of(card_error("expired_card", code="expired_card")).processor_code == "expired_card"


def test_the_networks_code_says_why_where_stripe_does_not() -> None:
    assert decline_of(card_error("generic_decline", network_decline_code="51")).code is DeclineCode.INSUFFICIENT_FUNDS


def test_a_suspicion_of_stripes_is_not_softened_by_the_network() -> None:
    assert decline_of(card_error("fraudulent", network_decline_code="51")).code is DeclineCode.SUSPECTED_FRAUD


@pytest.mark.parametrize(
    ("brand", "meaning"),
    [("visa", DeclineCode.LIMIT_EXCEEDED), ("mastercard", DeclineCode.AUTHENTICATION_REQUIRED)],
)
def test_the_networks_code_is_read_by_the_cards_brand(brand: str, meaning: DeclineCode) -> None:
    error = card_error("generic_decline", network_decline_code="65", brand=brand)

    assert decline_of(error).code is meaning


def test_advice_never_to_try_again_stops_a_soft_decline_and_leaves_it_its_reason() -> None:
    decline = decline_of(card_error("insufficient_funds", advice_code="do_not_try_again"))

    assert decline.code is DeclineCode.INSUFFICIENT_FUNDS
    assert resolve(decline).advice is Advice.NEVER
    assert (decline.processor_code, decline.processor_advice) == (
        "card_declined/insufficient_funds",
        "do_not_try_again",
    )


def test_advice_never_to_try_again_is_the_reason_where_there_is_no_other() -> None:
    decline = decline_of(card_error("generic_decline", advice_code="do_not_try_again"))

    assert decline.code is DeclineCode.RETRY_LIMIT_REACHED


@pytest.mark.parametrize("advice", ["try_again_later", "confirm_card_data", None])
def test_other_advice_stops_nothing(advice: str | None) -> None:
    assert not decline_of(card_error("do_not_honor", advice_code=advice)).stop


def test_advice_never_to_try_again_leaves_a_hard_decline_its_reason() -> None:
    assert decline_of(card_error("lost_card", advice_code="do_not_try_again")).code is DeclineCode.LOST_OR_STOLEN_CARD


def test_a_card_error_nobody_knows_is_a_generic_decline_with_its_codes() -> None:
    decline = decline_of(card_error("brand_new_reason"))

    assert (decline.code, decline.processor_code) == (DeclineCode.GENERIC_DECLINE, "card_declined/brand_new_reason")


@pytest.mark.parametrize("code", ["parameter_invalid_integer", "payment_intent_unexpected_state", "new_one", None])
def test_any_other_wrong_request_is_our_mistake(code: str | None) -> None:
    decline = decline_of(Error(type="invalid_request_error", code=code))

    assert decline.code is DeclineCode.INVALID_REQUEST
    assert MEANING[decline.code].category is Category.CONFIGURATION
    assert decline.processor_code == (code or "invalid_request_error")


@pytest.mark.parametrize(
    ("param", "meaning"),
    [
        ("payment_method", DeclineCode.TOKEN_INVALID),
        ("payment_method_data[card][token]", DeclineCode.TOKEN_INVALID),
        ("intent", DeclineCode.INVALID_REQUEST),
    ],
)
def test_what_is_missing_tells_a_lost_token_from_a_wrong_request(param: str, meaning: DeclineCode) -> None:
    error = Error(type="invalid_request_error", code="resource_missing", param=param)

    assert decline_of(error).code is meaning
