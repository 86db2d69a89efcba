"""One refusal is one decline, whichever processor told it."""

import pytest

from adapters.adyen.codes import refused
from adapters.checkout_com import codes as checkout_com
from adapters.stripe.declines import decline_of
from adapters.stripe.wire import Card, Error, PaymentMethod
from normalization.declines import DeclineCode
from normalization.verdicts import resolve

D = DeclineCode
SAME = [
    # Stripe's code, Adyen's refusalReasonCode, what the network answered, its advice, the card, what it is
    ("card_declined/generic_decline", "2", None, None, None, D.GENERIC_DECLINE),
    ("card_declined/generic_decline", "2", "05", None, "visa", D.DO_NOT_HONOR),
    ("card_declined/do_not_honor", "2", "05", None, "visa", D.DO_NOT_HONOR),
    ("card_declined/do_not_honor", "2", "05", "02", "mastercard", D.DO_NOT_HONOR),
    ("card_declined/do_not_honor", "2", "05", "03", "mastercard", D.RETRY_LIMIT_REACHED),
    ("card_declined/generic_decline", "27", "79", "03", "mastercard", D.ACCOUNT_CLOSED),
    ("card_declined/generic_decline", "27", "82", None, "mastercard", D.TRANSACTION_NOT_PERMITTED),
    ("card_declined/generic_decline", "27", "06", None, "visa", D.GENERIC_DECLINE),
    ("card_declined/call_issuer", "3", "01", None, "visa", D.CALL_ISSUER),
    ("processing_error", "4", "96", None, "visa", D.PROCESSOR_ERROR),
    ("processing_error", "4", "30", None, "mastercard", D.PROCESSOR_ERROR),
    ("card_declined/restricted_card", "25", "62", None, "visa", D.RESTRICTED_CARD),
    ("expired_card", "6", "54", None, "visa", D.EXPIRED_CARD),
    ("expired_card", "6", "54", "01", "mastercard", D.EXPIRED_CARD),
    ("card_declined/invalid_amount", "7", "13", None, "visa", D.INVALID_AMOUNT),
    ("incorrect_number", "8", "14", None, "visa", D.INVALID_CARD_NUMBER),
    ("card_declined/issuer_not_available", "9", "91", None, "visa", D.ISSUER_UNAVAILABLE),
    ("card_declined/reenter_transaction", "9", "19", None, "visa", D.ISSUER_UNAVAILABLE),
    ("card_declined/card_not_supported", "10", None, None, "amex", D.CARD_NOT_SUPPORTED),
    ("payment_intent_authentication_failure", "11", None, None, "visa", D.AUTHENTICATION_FAILED),
    ("three_d_secure_authentication_upstream_error", "42", None, None, "visa", D.AUTHENTICATION_UNAVAILABLE),
    ("card_declined/insufficient_funds", "12", "51", None, "visa", D.INSUFFICIENT_FUNDS),
    ("card_declined/insufficient_funds", "12", "51", "24", "mastercard", D.INSUFFICIENT_FUNDS),
    ("card_declined/insufficient_funds", "12", "51", "03", "mastercard", D.INSUFFICIENT_FUNDS),
    ("card_declined/fraudulent", "31", "59", None, "visa", D.SUSPECTED_FRAUD),
    ("card_declined/security_violation", "31", "63", None, "visa", D.SUSPECTED_FRAUD),
    ("card_declined/merchant_blacklist", "20", None, None, "visa", D.BLOCKED_BY_RISK_RULE),
    ("card_declined/incorrect_pin", "17", "55", None, "visa", D.PIN_ERROR),
    ("card_declined/pin_try_exceeded", "18", "75", None, "visa", D.PIN_ERROR),
    ("card_declined/online_or_offline_pin_required", "33", "70", None, "visa", D.PIN_ERROR),
    ("card_declined/transaction_not_allowed", "23", "57", None, "visa", D.TRANSACTION_NOT_PERMITTED),
    ("card_declined/service_not_allowed", "23", "58", None, "mastercard", D.TRANSACTION_NOT_PERMITTED),
    ("incorrect_cvc", "24", "N7", None, "visa", D.INCORRECT_CVC),
    ("incorrect_zip", "32", "6P", None, "visa", D.INCORRECT_ADDRESS),
    ("card_declined/stop_payment_order", "26", "R0", None, "visa", D.RECURRING_STOPPED),
    ("card_declined/revocation_of_authorization", "26", "R1", None, "visa", D.RECURRING_STOPPED),
    ("card_declined/card_velocity_exceeded", "28", "61", None, "visa", D.LIMIT_EXCEEDED),
    ("card_declined/withdrawal_count_limit_exceeded", "29", "65", None, "visa", D.LIMIT_EXCEEDED),
    ("card_declined/authentication_required", "38", "1A", None, "visa", D.AUTHENTICATION_REQUIRED),
    ("card_declined/authentication_required", "38", "65", None, "mastercard", D.AUTHENTICATION_REQUIRED),
    ("card_declined/lost_card", "5", "41", None, "visa", D.LOST_OR_STOLEN_CARD),
    ("card_declined/stolen_card", "5", "43", None, "mastercard", D.LOST_OR_STOLEN_CARD),
    ("card_declined/pickup_card", "2", "04", None, "visa", D.LOST_OR_STOLEN_CARD),
    ("card_declined/invalid_account", "34", "46", None, "visa", D.ACCOUNT_CLOSED),
    ("card_declined/previously_declined_do_not_retry", "46", None, None, "visa", D.RETRY_LIMIT_REACHED),
    ("card_declined/do_not_honor", "2", "05", "21", "mastercard", D.RECURRING_STOPPED),
    ("card_declined/new_account_information_available", "2", "05", "01", "mastercard", D.CREDENTIALS_UPDATED),
    ("token_already_used", "50", None, None, "visa", D.TOKEN_INVALID),
]


AT_THE_THIRD = [
    # Stripe's code, Checkout.com's response code, what both are by themselves
    ("card_declined/generic_decline", "20099", D.GENERIC_DECLINE),
    ("card_declined/do_not_honor", "20005", D.DO_NOT_HONOR),
    ("card_declined/call_issuer", "20001", D.CALL_ISSUER),
    ("processing_error", "20096", D.PROCESSOR_ERROR),
    ("card_declined/restricted_card", "20062", D.RESTRICTED_CARD),
    ("expired_card", "20054", D.EXPIRED_CARD),
    ("card_declined/invalid_amount", "20013", D.INVALID_AMOUNT),
    ("incorrect_number", "20014", D.INVALID_CARD_NUMBER),
    ("card_declined/issuer_not_available", "20091", D.ISSUER_UNAVAILABLE),
    ("card_declined/reenter_transaction", "20019", D.ISSUER_UNAVAILABLE),
    ("card_declined/card_not_supported", "20103", D.CARD_NOT_SUPPORTED),
    ("card_declined/currency_not_supported", "20106", D.CURRENCY_NOT_SUPPORTED),
    ("card_declined/insufficient_funds", "20051", D.INSUFFICIENT_FUNDS),
    ("card_declined/fraudulent", "20059", D.SUSPECTED_FRAUD),
    ("card_declined/security_violation", "20063", D.SUSPECTED_FRAUD),
    ("card_declined/merchant_blacklist", "43101", D.BLOCKED_BY_RISK_RULE),
    ("card_declined/incorrect_pin", "20055", D.PIN_ERROR),
    ("card_declined/pin_try_exceeded", "20075", D.PIN_ERROR),
    ("card_declined/online_or_offline_pin_required", "20070", D.PIN_ERROR),
    ("card_declined/transaction_not_allowed", "20057", D.TRANSACTION_NOT_PERMITTED),
    ("card_declined/service_not_allowed", "20058", D.TRANSACTION_NOT_PERMITTED),
    ("incorrect_cvc", "200N7", D.INCORRECT_CVC),
    ("incorrect_zip", "2006P", D.INCORRECT_ADDRESS),
    ("card_declined/revocation_of_authorization", "200R1", D.RECURRING_STOPPED),
    ("card_declined/revocation_of_all_authorizations", "200R3", D.RECURRING_STOPPED),
    ("card_declined/card_velocity_exceeded", "20061", D.LIMIT_EXCEEDED),
    ("card_declined/withdrawal_count_limit_exceeded", "20065", D.LIMIT_EXCEEDED),
    ("card_declined/authentication_required", "20154", D.AUTHENTICATION_REQUIRED),
    ("card_declined/lost_card", "30041", D.LOST_OR_STOLEN_CARD),
    ("card_declined/stolen_card", "30043", D.LOST_OR_STOLEN_CARD),
    ("card_declined/pickup_card", "30004", D.LOST_OR_STOLEN_CARD),
    ("card_declined/new_account_information_available", "20108", D.CREDENTIALS_UPDATED),
    ("card_declined/duplicate_transaction", "20094", D.DUPLICATE_TRANSACTION),
]


@pytest.mark.parametrize(("at_stripe", "at_adyen", "network_code", "advice", "brand", "code"), SAME)
def test_two_processors_same_refusal_is_one_decline(
    at_stripe: str, at_adyen: str, network_code: str | None, advice: str | None, brand: str | None, code: DeclineCode
) -> None:
    error, _, reason = at_stripe.partition("/")
    stripe = decline_of(
        Error(
            type="card_error",
            code=error,
            decline_code=reason or None,
            network_decline_code=network_code,
            network_advice_code=advice,
            payment_method=PaymentMethod(card=Card(brand=brand)),
        )
    )
    adyen = refused(at_adyen, network_code and f"{network_code} : as told", advice and f"{advice} : as told", brand)

    ours, theirs = resolve(stripe), resolve(adyen)
    assert stripe.code is adyen.code is code
    assert (ours.category, ours.advice, ours.alternatives, ours.wait, ours.failover) == (
        theirs.category,
        theirs.advice,
        theirs.alternatives,
        theirs.wait,
        theirs.failover,
    )


@pytest.mark.parametrize(("at_stripe", "at_checkout_com", "code"), AT_THE_THIRD)
def test_the_third_processors_same_refusal_is_that_decline_too(
    at_stripe: str, at_checkout_com: str, code: DeclineCode
) -> None:
    error, _, reason = at_stripe.partition("/")

    stripe = decline_of(Error(type="card_error", code=error, decline_code=reason or None))

    assert stripe.code is checkout_com.refused(at_checkout_com).code is code
