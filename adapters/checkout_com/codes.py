"""What Checkout.com's response codes and error codes mean.

A response code of the 200xx range ends with the network's own code, and says no more than that one: a bare "no" yields
to what the network says where that comes along.

Source: https://www.checkout.com/docs/developer-resources/codes/api-response-codes,
https://www.checkout.com/docs/developer-resources/codes/error-codes and
https://www.checkout.com/docs/developer-resources/codes/recommendation-codes
"""

from typing import Final

from adapters.checkout_com.wire import Processing
from normalization.declines import Decline, DeclineCode
from normalization.verdicts import settled

_D = DeclineCode

NEVER_AGAIN: Final = "03"
"""The recommendation code that forbids another try."""

_SOFT: Final[dict[DeclineCode, str]] = {
    _D.CALL_ISSUER: "20001 20002 20060 20066 200A4",
    _D.MERCHANT_CONFIGURATION_ERROR: "20003 200E0 20102 20112 20117 20157 20197",
    _D.RESTRICTED_CARD: "20016 20062 20072 20078 20081 2009G",
    _D.DO_NOT_HONOR: "20005",
    _D.PROCESSOR_ERROR: (
        "20009 20020 20021 20022 20023 20024 20025 20026 20027 20028 20029 20030 20032 20082 20084 20085 20086 20088 "
        "20089 20090 20095 20096 20097 20098 200A5 200A6 200E2 200E3 200S4 20104 20105 20118 20119"
    ),
    _D.TRANSACTION_NOT_PERMITTED: "20012 20015 20045 20057 20058 2005C 200T5 20182",
    _D.INVALID_AMOUNT: "20013 20042 20064",
    _D.INVALID_CARD_NUMBER: "20014 20056 20101",
    _D.CUSTOMER_CANCELLED: "20017",
    _D.GENERIC_DECLINE: "20006 20018 20046 20099",
    _D.INVALID_REQUEST: "20033 200T2 20107 20109 20110 20111 20113 20115 20116 20120 20123 20158 20193",
    _D.ISSUER_UNAVAILABLE: "20019 20031 20068 20091 20092 200N0",
    _D.PIN_ERROR: "20038 20055 20070 20075",
    _D.ACCOUNT_CLOSED: "20039 20044 20052 20053 20083 20179",
    _D.UNSUPPORTED_OPERATION: "20040 20122 20156",
    _D.INSUFFICIENT_FUNDS: "20051",
    _D.EXPIRED_CARD: "20054 20100",
    _D.SUSPECTED_FRAUD: "20059 20063 20183",
    _D.LIMIT_EXCEEDED: "20061 20065 200P1 200P9",
    _D.INCORRECT_ADDRESS: "2006P",
    _D.INCORRECT_CVC: "20087 200N7 20124",
    _D.COMPLIANCE_REFUSED: "20093",
    _D.DUPLICATE_TRANSACTION: "20094",
    _D.RECURRING_STOPPED: "200R1 200R3",
    _D.CARD_NOT_SUPPORTED: "200T3 20103 20150",
    _D.CURRENCY_NOT_SUPPORTED: "20106",
    _D.CREDENTIALS_UPDATED: "20108",
    _D.TOKEN_INVALID: "20114",
    _D.RETRY_LIMIT_REACHED: "20121",
    _D.AUTHENTICATION_FAILED: "20151 20155",
    _D.AUTHENTICATION_UNAVAILABLE: "20153 20159",
    _D.AUTHENTICATION_REQUIRED: "20154 20199",
}

_HARD: Final[dict[DeclineCode, str]] = {
    _D.LOST_OR_STOLEN_CARD: "20004 20067 30004 30007 30041 30043",
    _D.INVALID_CARD_NUMBER: "30015",
    _D.TRANSACTION_NOT_PERMITTED: "30016 30017 30018 30019",
    _D.INVALID_AMOUNT: "30020 30401 30402 30403",
    _D.LIMIT_EXCEEDED: "30021 30022",
    _D.EXPIRED_CARD: "30033",
    _D.SUSPECTED_FRAUD: "30034 30037",
    _D.CALL_ISSUER: "30035",
    _D.RESTRICTED_CARD: "30036",
    _D.PIN_ERROR: "30038",
    _D.COMPLIANCE_REFUSED: "30044",
    _D.MERCHANT_CONFIGURATION_ERROR: "30045 30404 30405",
    _D.ACCOUNT_CLOSED: "30046",
}

_RISK: Final[dict[DeclineCode, str]] = {
    _D.BLOCKED_BY_RISK_RULE: (
        "41101 41201 41202 41203 41204 41205 41206 41301 42101 42201 42202 42203 42204 42205 42206 42301 43101 43102 "
        "43201 43202 43203 43204 43205 43206 43301"
    ),
    _D.AUTHENTICATION_REQUIRED: "43401",
}

_REFUNDS: Final[dict[DeclineCode, str]] = {
    _D.COMPLIANCE_REFUSED: "50001 50002 50005",
    _D.INSUFFICIENT_FUNDS: "50280",
    # Our own balance at Checkout.com is short, not the payer's.
    _D.MERCHANT_CONFIGURATION_ERROR: "50003 50070 50200",
    _D.ACCOUNT_CLOSED: "50025 50026 50401 50402 50403 50404 50405 50466",
    _D.RESTRICTED_CARD: "50471",
    _D.LIMIT_EXCEEDED: "50023 50101 50102 50103 50104 50105 50106 50513 50514 50515 50517",
    _D.TRANSACTION_NOT_PERMITTED: "50020 50021 50022 50453 50454 50481",
    _D.INVALID_REQUEST: "50030 50100 50180 50406 50407 50408 50409 50410 50441 50451 50452 50491 50492 50494 50501",
    _D.INVALID_AMOUNT: "50511 50512",
    _D.DUPLICATE_TRANSACTION: "50490",
    _D.PROCESSOR_ERROR: "50027 50150 50240 50260 50499 50531",
    _D.GENERIC_DECLINE: "50399 50599",
}

RESPONSES: Final[dict[str, DeclineCode]] = {
    code: meaning
    for table in (_SOFT, _HARD, _RISK, _REFUNDS)
    for meaning, codes in table.items()
    for code in codes.split()
} | {"20152": _D.CUSTOMER_CANCELLED}  # Nobody finished the challenge within a quarter of an hour.
"""By response_code: every documented refusal of a payment, capture, void or refund."""

STATUSES: Final[dict[str, DeclineCode]] = {
    "Declined": _D.GENERIC_DECLINE,
    "Canceled": _D.CUSTOMER_CANCELLED,
    "Expired": _D.CUSTOMER_CANCELLED,
    "Voided": _D.CUSTOMER_CANCELLED,
    # A challenge where none may be asked for.
    "Pending": _D.AUTHENTICATION_REQUIRED,
}
"""By the payment's status, where no response code stands beside it."""

_ERRORS: Final[dict[DeclineCode, str]] = {
    _D.INVALID_AMOUNT: (
        "amount_invalid amount_exceeds_balance capture_value_greater_than_authorized "
        "capture_value_greater_than_remaining_authorized void_amount_invalid"
    ),
    _D.LIMIT_EXCEEDED: "amount_limit_exceeded velocity_amount_limit_exceeded velocity_count_limit_exceeded",
    _D.RETRY_LIMIT_REACHED: "action_failure_limit_exceeded",
    _D.CURRENCY_NOT_SUPPORTED: "currency_invalid currency_not_configured currency_required",
    _D.INVALID_CARD_NUMBER: "card_number_invalid card_number_required card_not_found",
    _D.EXPIRED_CARD: (
        "card_expired card_expiry_month_invalid card_expiry_month_required card_expiry_year_invalid "
        "card_expiry_year_required expiry_date_format_invalid"
    ),
    _D.RESTRICTED_CARD: "card_disabled",
    _D.GENERIC_DECLINE: "card_authorization_failed",
    _D.INCORRECT_CVC: "cvv_invalid",
    _D.INCORRECT_ADDRESS: "address_invalid city_invalid country_address_invalid country_invalid zip_invalid",
    _D.TOKEN_INVALID: (
        "source_id_invalid source_id_unknown source_id_required source_invalid source_token_invalid "
        "source_token_required token_expired token_in_use token_invalid token_required token_used customer_id_invalid "
        "customer_not_found"
    ),
    _D.AUTHENTICATION_REQUIRED: "3ds_payment_required",
    _D.AUTHENTICATION_UNAVAILABLE: "3ds_malfunction",
    _D.CARD_NOT_SUPPORTED: "3ds_not_enabled_for_card payment_method_not_supported",
    _D.MERCHANT_CONFIGURATION_ERROR: (
        "3ds_not_configured 3ds_not_supported business_invalid business_settings_missing channel_details_invalid "
        "channel_url_missing processing_channel_id_invalid processing_channel_id_required processing_key_required "
        "processor_not_configured scheme_not_configured server_api_not_allowed"
    ),
    _D.UNSUPPORTED_OPERATION: "payment_invalid payment_expired http_404",
}

ERRORS: Final[dict[str, DeclineCode]] = {code: meaning for meaning, codes in _ERRORS.items() for code in codes.split()}
"""By the first of error_codes; every other code means that our request was wrong."""

BRANDS: Final = {
    "visa": "visa",
    "mastercard": "mastercard",
    "american express": "amex",
    "amex": "amex",
    "discover": "discover",
    "diners": "diners",
    "diners club international": "diners",
    "jcb": "jcb",
    "maestro": "maestro",
    "unionpay": "unionpay",
    "china union pay": "unionpay",
    "cartes bancaires": "cartes_bancaires",
    "mada": "mada",
}
"""Checkout.com's card schemes in the hub's words."""


def brand_of(scheme: str | None) -> str | None:
    """Name the brand of a scheme: "American Express"."""
    return BRANDS.get((scheme or "").casefold())


def refused(code: str, said: Processing | None = None, brand: str | None = None) -> Decline:
    """Decide a refusal from its response code or status, and from what the network said."""
    networks = said or Processing()
    return settled(
        Decline(
            code=meaning_of(code) or _D.GENERIC_DECLINE,
            processor_code=code,
            network_code=networks.partner_response_code or None,
            network_advice_code=networks.partner_merchant_advice_code or None,
            processor_advice=networks.recommendation_code or None,
            network=brand,
            stop=networks.recommendation_code == NEVER_AGAIN,
        )
    )


def request_refused(error_code: str) -> Decline:
    """Say what the error code of a refused request means."""
    return Decline(code=ERRORS.get(error_code, _D.INVALID_REQUEST), processor_code=error_code)


def meaning_of(processor_code: str) -> DeclineCode | None:
    """Say what a `Decline.processor_code` means by itself; None: it has no row."""
    return RESPONSES.get(processor_code) or STATUSES.get(processor_code) or ERRORS.get(processor_code)


CODES: Final[dict[str, DeclineCode]] = RESPONSES | STATUSES | ERRORS
"""Every `Decline.processor_code` that has a row."""
