"""What Stripe's decline codes and error codes mean in the hub's vocabulary.

Source: https://docs.stripe.com/declines/codes and https://docs.stripe.com/error-codes.
"""

from typing import Final

from adapters.stripe.wire import Error
from normalization.declines import MEANING, Category, Decline, DeclineCode, resolve
from normalization.responses import response_meaning

_D = DeclineCode

DECLINE_CODES: Final[dict[str, DeclineCode]] = {
    "approve_with_id": _D.GENERIC_DECLINE,
    "authentication_not_handled": _D.AUTHENTICATION_REQUIRED,
    "authentication_required": _D.AUTHENTICATION_REQUIRED,
    "blocklist": _D.BLOCKED_BY_RISK_RULE,
    "call_issuer": _D.CALL_ISSUER,
    "card_not_supported": _D.CARD_NOT_SUPPORTED,
    "card_velocity_exceeded": _D.LIMIT_EXCEEDED,
    "currency_not_supported": _D.CURRENCY_NOT_SUPPORTED,
    "do_not_honor": _D.DO_NOT_HONOR,
    "do_not_try_again": _D.RETRY_LIMIT_REACHED,
    "duplicate_transaction": _D.DUPLICATE_TRANSACTION,
    "expired_card": _D.EXPIRED_CARD,
    "fraudulent": _D.SUSPECTED_FRAUD,
    "generic_decline": _D.GENERIC_DECLINE,
    "incorrect_address": _D.INCORRECT_ADDRESS,
    "incorrect_cvc": _D.INCORRECT_CVC,
    "incorrect_number": _D.INVALID_CARD_NUMBER,
    "incorrect_pin": _D.PIN_ERROR,
    "incorrect_zip": _D.INCORRECT_ADDRESS,
    "insufficient_funds": _D.INSUFFICIENT_FUNDS,
    "invalid_account": _D.ACCOUNT_CLOSED,
    "invalid_amount": _D.INVALID_AMOUNT,
    "invalid_cvc": _D.INCORRECT_CVC,
    "invalid_expiry_month": _D.EXPIRED_CARD,
    "invalid_expiry_year": _D.EXPIRED_CARD,
    "invalid_number": _D.INVALID_CARD_NUMBER,
    "invalid_pin": _D.PIN_ERROR,
    "issuer_not_available": _D.ISSUER_UNAVAILABLE,
    "live_mode_test_card": _D.MERCHANT_CONFIGURATION_ERROR,
    "lost_card": _D.LOST_OR_STOLEN_CARD,
    "merchant_blacklist": _D.BLOCKED_BY_RISK_RULE,
    "mobile_device_authentication_required": _D.AUTHENTICATION_REQUIRED,
    "new_account_information_available": _D.CREDENTIALS_UPDATED,
    "no_action_taken": _D.GENERIC_DECLINE,
    "not_permitted": _D.TRANSACTION_NOT_PERMITTED,
    "offline_pin_required": _D.PIN_ERROR,
    "online_or_offline_pin_required": _D.PIN_ERROR,
    "pickup_card": _D.LOST_OR_STOLEN_CARD,
    "pin_try_exceeded": _D.PIN_ERROR,
    "previously_declined_do_not_retry": _D.RETRY_LIMIT_REACHED,
    "processing_error": _D.PROCESSOR_ERROR,
    "reenter_transaction": _D.ISSUER_UNAVAILABLE,
    "restricted_card": _D.RESTRICTED_CARD,
    "revocation_of_all_authorizations": _D.RECURRING_STOPPED,
    "revocation_of_authorization": _D.RECURRING_STOPPED,
    "security_violation": _D.SUSPECTED_FRAUD,
    "service_not_allowed": _D.TRANSACTION_NOT_PERMITTED,
    "stolen_card": _D.LOST_OR_STOLEN_CARD,
    "stop_payment_order": _D.RECURRING_STOPPED,
    "testmode_decline": _D.MERCHANT_CONFIGURATION_ERROR,
    "transaction_not_allowed": _D.TRANSACTION_NOT_PERMITTED,
    "try_again_later": _D.ISSUER_UNAVAILABLE,
    "withdrawal_count_limit_exceeded": _D.LIMIT_EXCEEDED,
}
"""`decline_code` of a card error: the bank's or Stripe's reason."""

_BY_MEANING: Final[dict[DeclineCode, str]] = {
    _D.ACCOUNT_CLOSED: "account_closed account_invalid no_account",
    _D.AUTHENTICATION_FAILED: (
        "authentication_failure payment_intent_authentication_failure setup_intent_authentication_failure"
    ),
    _D.AUTHENTICATION_REQUIRED: "authentication_required payment_intent_action_required",
    _D.AUTHENTICATION_UNAVAILABLE: (
        "three_d_secure_authentication_not_supported three_d_secure_authentication_upstream_error"
    ),
    _D.BLOCKED_BY_RISK_RULE: "request_blocked action_blocked anomalous_money_movement_request",
    _D.CALL_ISSUER: "refer_to_customer",
    _D.CARD_NOT_SUPPORTED: "invalid_card_type token_card_network_invalid",
    _D.CURRENCY_NOT_SUPPORTED: "payment_method_currency_mismatch",
    _D.CUSTOMER_CANCELLED: "payment_intent_payment_attempt_expired payment_method_customer_decline",
    _D.EXPIRED_CARD: "expired_card expired_payment_method invalid_expiry_month invalid_expiry_year",
    _D.GENERIC_DECLINE: "card_declined payment_intent_payment_attempt_failed payment_method_provider_decline",
    _D.INCORRECT_ADDRESS: (
        "incorrect_address incorrect_postal_code incorrect_zip payment_method_billing_details_address_missing"
        " postal_code_invalid"
    ),
    _D.INCORRECT_CVC: "incorrect_cvc invalid_cvc",
    _D.INSUFFICIENT_FUNDS: "insufficient_funds",
    _D.INVALID_AMOUNT: "amount_too_large amount_too_small invalid_charge_amount",
    _D.INVALID_CARD_NUMBER: "incorrect_number invalid_number",
    _D.MERCHANT_CONFIGURATION_ERROR: (
        "api_key_expired application_fees_not_allowed balance_insufficient capability_not_active"
        " charge_exceeds_source_limit charge_exceeds_transaction_limit country_unsupported livemode_mismatch"
        " not_allowed_on_standard_account payment_method_configuration_failures"
        " payment_method_invalid_parameter_testmode payment_method_unactivated platform_account_required"
        " platform_api_key_expired secret_key_required storer_capability_missing storer_capability_not_active"
        " testmode_charges_only tls_version_unsupported"
    ),
    _D.PROCESSOR_ERROR: "payment_method_not_available payment_method_provider_timeout processing_error",
    _D.RECURRING_STOPPED: (
        "billing_invalid_mandate india_recurring_payment_mandate_canceled payment_intent_mandate_invalid"
    ),
    _D.RESTRICTED_CARD: "payment_method_restricted",
    _D.RETRY_LIMIT_REACHED: "card_decline_rate_limit_exceeded payment_intent_rate_limit_exceeded",
    _D.TOKEN_INVALID: "missing payment_method_unexpected_state token_already_used token_in_use",
    _D.UNSUPPORTED_OPERATION: "payment_method_unsupported_type",
}

ERROR_CODES: Final[dict[str, DeclineCode]] = {
    code: meaning for meaning, codes in _BY_MEANING.items() for code in codes.split()
}
"""`code` of an error that ends a card payment, where no `decline_code` says more.

Every other code of an `invalid_request_error` (parameter_invalid_*, payment_intent_unexpected_state,
charge_already_refunded …) says that the request was wrong: INVALID_REQUEST.
"""

_PAYER_PARAMETERS: Final = frozenset({"payment_method", "customer", "confirmation_token", "payment_method_data"})

HARDENS: Final = "do_not_try_again"
"""The `advice_code` with which a bank turns a soft refusal into a final one."""


def decline_of(error: Error) -> Decline:
    """Decide what a refusal means, and keep every code of it verbatim."""
    brand = error.payment_method.card.brand if error.payment_method and error.payment_method.card else None
    code = resolve(_meaning(error), response_meaning(error.network_decline_code, brand))
    if error.advice_code == HARDENS and MEANING[code].category is Category.SOFT:
        code = DeclineCode.RETRY_LIMIT_REACHED
    return Decline(
        code=code,
        processor_code=_processor_code(error),
        network_code=error.network_decline_code,
        network_advice_code=error.network_advice_code,
        processor_advice=error.advice_code,
    )


def _meaning(error: Error) -> DeclineCode | None:
    if error.decline_code in DECLINE_CODES:
        return DECLINE_CODES[error.decline_code]
    if error.code == "resource_missing" and (error.param or "").split("[")[0] in _PAYER_PARAMETERS:
        return DeclineCode.TOKEN_INVALID
    if error.code in ERROR_CODES:
        return ERROR_CODES[error.code]
    return None if error.type == "card_error" else DeclineCode.INVALID_REQUEST


def _processor_code(error: Error) -> str:
    code = error.code or error.type
    return f"{code}/{error.decline_code}" if error.decline_code not in (None, code) else code
