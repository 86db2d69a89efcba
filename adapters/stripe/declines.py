"""What Stripe's refusals mean in the hub's vocabulary.

Source: https://docs.stripe.com/declines/codes
"""

from typing import Final

from adapters.stripe.error_codes import ERROR_CODES, ERROR_TYPES
from adapters.stripe.wire import Error
from normalization.declines import Decline, DeclineCode
from normalization.verdicts import settled

_D = DeclineCode

DECLINE_CODES: Final[dict[str, DeclineCode]] = {
    "approve_with_id": _D.GENERIC_DECLINE,  # To be asked for by telephone, which a machine cannot.
    "authentication_not_handled": _D.AUTHENTICATION_REQUIRED,
    "authentication_required": _D.AUTHENTICATION_REQUIRED,
    "blocklist": _D.BLOCKED_BY_RISK_RULE,
    "call_issuer": _D.CALL_ISSUER,
    "card_not_supported": _D.CARD_NOT_SUPPORTED,
    "card_velocity_exceeded": _D.LIMIT_EXCEEDED,
    "currency_not_supported": _D.CURRENCY_NOT_SUPPORTED,
    "do_not_honor": _D.DO_NOT_HONOR,
    "do_not_try_again": _D.RETRY_LIMIT_REACHED,  # Of old; now the advice of this name.
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
    # Also where the amount is above what the card is allowed, which is the card's limit. It does not say which.
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
    # Stripe's page says of it and of restricted_card that the card may be lost or stolen. The networks' codes behind
    # them differ: 04 is a card to be kept, 62 a restriction that passes.
    "pickup_card": _D.LOST_OR_STOLEN_CARD,
    "pin_try_exceeded": _D.PIN_ERROR,
    "previously_declined_do_not_retry": _D.RETRY_LIMIT_REACHED,
    "processing_error": _D.PROCESSOR_ERROR,
    "reenter_transaction": _D.ISSUER_UNAVAILABLE,  # 19 of the networks: it could not be processed this time.
    "restricted_card": _D.RESTRICTED_CARD,
    "revocation_of_all_authorizations": _D.RECURRING_STOPPED,
    "revocation_of_authorization": _D.RECURRING_STOPPED,
    "security_violation": _D.SUSPECTED_FRAUD,
    "service_not_allowed": _D.TRANSACTION_NOT_PERMITTED,
    "stolen_card": _D.LOST_OR_STOLEN_CARD,
    "stop_payment_order": _D.RECURRING_STOPPED,
    "testmode_decline": _D.MERCHANT_CONFIGURATION_ERROR,
    "transaction_not_allowed": _D.TRANSACTION_NOT_PERMITTED,
    "try_again_later": _D.ISSUER_UNAVAILABLE,  # Of old; now an advice.
    "withdrawal_count_limit_exceeded": _D.LIMIT_EXCEEDED,
}
"""`decline_code` of a card error: the bank's or Stripe's reason."""

PAYER_PARAMETERS: Final = frozenset({"payment_method", "customer", "confirmation_token", "payment_method_data"})
"""Parameters that bring the payer's token: where one of them names what is not there, the token is gone."""

REFUND_FAILURES: Final = {
    "expired_or_canceled_card": _D.EXPIRED_CARD,
    "insufficient_funds": _D.MERCHANT_CONFIGURATION_ERROR,  # Of our balance at Stripe.
    "lost_or_stolen_card": _D.LOST_OR_STOLEN_CARD,
    **dict.fromkeys(
        ("charge_for_pending_refund_disputed", "declined", "merchant_request", "unknown"), _D.GENERIC_DECLINE
    ),
}
"""`failure_reason` of a refund. Source: https://docs.stripe.com/api/refunds/object#refund_object-failure_reason"""

STATUSES: Final[dict[str, DeclineCode]] = {
    "canceled": _D.CUSTOMER_CANCELLED,
    "requires_action": _D.AUTHENTICATION_REQUIRED,
    "requires_confirmation": _D.PROCESSOR_ERROR,  # Stripe stopped between making it and carrying it out.
    "requires_payment_method": _D.GENERIC_DECLINE,
    "refund_canceled": _D.GENERIC_DECLINE,
    "refund_failed": _D.GENERIC_DECLINE,
}
"""What stands for a code where an object only has a status; a detail may follow: "canceled/abandoned"."""

_MISSING: Final = "resource_missing"
CODES: Final[dict[str, DeclineCode]] = {
    **ERROR_TYPES,
    **STATUSES,
    **ERROR_CODES,
    **{f"refund_failed/{why}": meaning for why, meaning in REFUND_FAILURES.items()},
    **{f"{_MISSING}/{parameter}": DeclineCode.TOKEN_INVALID for parameter in PAYER_PARAMETERS},
    **{f"card_declined/{code}": meaning for code, meaning in DECLINE_CODES.items()},
}
"""Every `Decline.processor_code` that has a row."""

STOPS: Final = "do_not_try_again"
"""The `advice_code` that forbids to try the card again.

Source: https://docs.stripe.com/declines/card#retrying-issuer-declines
"""


def decline_of(error: Error) -> Decline:
    """Decide what a refusal means, and keep every code of it verbatim."""
    code = _processor_code(error)
    return settled(
        Decline(
            code=meaning_of(code) or _meaning_without_reason(error),
            processor_code=code,
            network_code=error.network_decline_code,
            network_advice_code=error.network_advice_code,
            processor_advice=error.advice_code,
            network=_network(error),
            stop=error.advice_code == STOPS,
        )
    )


def meaning_of(processor_code: str) -> DeclineCode | None:
    """Say what a `Decline.processor_code` means by itself; None: it has no row.

    A decline code says what it says whichever error code it came with, and may stand alone.
    """
    code, _, reason = processor_code.partition("/")
    if reason:
        return CODES.get(processor_code) or DECLINE_CODES.get(reason) or STATUSES.get(code)
    return CODES.get(code) or DECLINE_CODES.get(code)


def _meaning_without_reason(error: Error) -> DeclineCode:
    return ERROR_CODES.get(error.code or "") or ERROR_TYPES.get(error.type, DeclineCode.GENERIC_DECLINE)


def _processor_code(error: Error) -> str:
    code = error.code or error.type
    if code == _MISSING and (parameter := (error.param or "").split("[")[0]) in PAYER_PARAMETERS:
        return f"{code}/{parameter}"
    return f"{code}/{error.decline_code}" if error.decline_code not in (None, code) else code


def _network(error: Error) -> str | None:
    brand = error.payment_method.card.brand if error.payment_method and error.payment_method.card else None
    return None if brand == "unknown" else brand
