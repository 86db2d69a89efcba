"""What Adyen's refusal, error and card codes mean."""

import re
from typing import Final

from msgspec import Struct

from normalization.declines import Decline, DeclineCode
from normalization.verdicts import settled

_D = DeclineCode


class Refusal(Struct, frozen=True):
    """One row of Adyen's refusal reasons: the text it sends with the code, and our word for it."""

    text: str
    code: DeclineCode


REFUSALS: Final[dict[str, Refusal]] = {
    "0": Refusal("Unknown", _D.GENERIC_DECLINE),
    "1": Refusal("Approved", _D.GENERIC_DECLINE),  # 1, 13 and 30 name test outcomes that are no refusals:
    "2": Refusal("Refused", _D.GENERIC_DECLINE),
    "3": Refusal("Referral", _D.CALL_ISSUER),
    "4": Refusal("Acquirer Error", _D.PROCESSOR_ERROR),
    "5": Refusal("Blocked Card", _D.RESTRICTED_CARD),
    "6": Refusal("Expired Card", _D.EXPIRED_CARD),
    "7": Refusal("Invalid Amount", _D.INVALID_AMOUNT),
    "8": Refusal("Invalid Card Number", _D.INVALID_CARD_NUMBER),
    "9": Refusal("Issuer Unavailable", _D.ISSUER_UNAVAILABLE),
    "10": Refusal("Not supported", _D.CARD_NOT_SUPPORTED),
    "11": Refusal("3D Not Authenticated", _D.AUTHENTICATION_FAILED),
    "12": Refusal("Not enough balance", _D.INSUFFICIENT_FUNDS),
    "13": Refusal("Pending", _D.GENERIC_DECLINE),  # beside a refusal they would say no more than "no".
    "14": Refusal("Acquirer Fraud", _D.SUSPECTED_FRAUD),
    "15": Refusal("Cancelled", _D.CUSTOMER_CANCELLED),
    "16": Refusal("Shopper Cancelled", _D.CUSTOMER_CANCELLED),
    "17": Refusal("Invalid Pin", _D.PIN_ERROR),
    "18": Refusal("Pin tries exceeded", _D.PIN_ERROR),
    "19": Refusal("Pin validation not possible", _D.PIN_ERROR),
    # 20 and 22 are Adyen's risk score, which is ours to set: another processor must not undo it.
    "20": Refusal("FRAUD", _D.BLOCKED_BY_RISK_RULE),
    "21": Refusal("Not Submitted", _D.INVALID_REQUEST),
    "22": Refusal("FRAUD-CANCELLED", _D.BLOCKED_BY_RISK_RULE),  # Authorised, scored, cancelled by Adyen.
    "23": Refusal("Transaction Not Permitted", _D.TRANSACTION_NOT_PERMITTED),
    "24": Refusal("CVC Declined", _D.INCORRECT_CVC),
    "25": Refusal("Restricted Card", _D.RESTRICTED_CARD),
    "26": Refusal("Revocation Of Auth", _D.RECURRING_STOPPED),
    # "Not generic" is the bank's answer, not Adyen's: it has a raw code, and that one says why.
    "27": Refusal("Declined Non Generic", _D.GENERIC_DECLINE),
    "28": Refusal("Withdrawal amount exceeded", _D.LIMIT_EXCEEDED),
    "29": Refusal("Withdrawal count exceeded", _D.LIMIT_EXCEEDED),
    "30": Refusal("Partially approved", _D.GENERIC_DECLINE),
    "31": Refusal("Issuer Suspected Fraud", _D.SUSPECTED_FRAUD),
    "32": Refusal("AVS Declined", _D.INCORRECT_ADDRESS),
    "33": Refusal("Card requires online pin", _D.PIN_ERROR),
    # Visa allows another try of 52 and 53; one that does not need a new account gains nothing.
    "34": Refusal("No checking account available on Card", _D.ACCOUNT_CLOSED),
    "35": Refusal("No savings account available on Card", _D.ACCOUNT_CLOSED),
    "36": Refusal("Mobile PIN required", _D.PIN_ERROR),
    "37": Refusal("Contactless fallback", _D.PIN_ERROR),
    "38": Refusal("Authentication required", _D.AUTHENTICATION_REQUIRED),
    "39": Refusal("RReq not received from DS", _D.AUTHENTICATION_UNAVAILABLE),
    "40": Refusal("Current AID is in Penalty Box.", _D.PROCESSOR_ERROR),
    "41": Refusal("CVM Required Restart Payment", _D.PIN_ERROR),
    "42": Refusal("3DS Authentication Error", _D.AUTHENTICATION_UNAVAILABLE),
    "43": Refusal("Online PIN required", _D.PIN_ERROR),
    # 44 and 45 are a terminal's: the card cannot be used in this way. No other processor lists the like.
    "44": Refusal("Try another interface", _D.TRANSACTION_NOT_PERMITTED),
    "45": Refusal("Chip downgrade mode", _D.TRANSACTION_NOT_PERMITTED),
    "46": Refusal("Transaction blocked by Adyen to prevent excessive retry fees", _D.RETRY_LIMIT_REACHED),
    "50": Refusal("Token Revoked", _D.TOKEN_INVALID),
}
"""By refusalReasonCode; 47 to 49 are nowhere explained.

Source: https://docs.adyen.com/development-resources/refusal-reasons and, for 50, a reader's report of Adyen's answers.
"""

RESULTS: Final[dict[str, DeclineCode]] = {
    "Refused": _D.GENERIC_DECLINE,
    "Error": _D.PROCESSOR_ERROR,
    "Cancelled": _D.CUSTOMER_CANCELLED,
    # Challenges that the hub may not ask for, or that need Adyen's script in the page.
    "RedirectShopper": _D.AUTHENTICATION_REQUIRED,
    "IdentifyShopper": _D.AUTHENTICATION_REQUIRED,
    "ChallengeShopper": _D.AUTHENTICATION_REQUIRED,
    "PresentToShopper": _D.AUTHENTICATION_REQUIRED,
}
"""By resultCode, where no refusalReasonCode stands beside it.

Source: https://docs.adyen.com/online-payments/build-your-integration/payment-result-codes
"""

ERRORS: Final[dict[str, DeclineCode]] = {
    "100": _D.INVALID_AMOUNT,
    "101": _D.INVALID_CARD_NUMBER,
    "102": _D.INVALID_CARD_NUMBER,  # No card type goes with the number.
    "103": _D.INCORRECT_CVC,
    "104": _D.INCORRECT_ADDRESS,
    "105": _D.AUTHENTICATION_FAILED,  # An issuer's answer that cannot be read.
    "107": _D.MERCHANT_CONFIGURATION_ERROR,  # Recurring is not enabled.
    "109": _D.CARD_NOT_SUPPORTED,
    "117": _D.INCORRECT_ADDRESS,
    "125": _D.TOKEN_INVALID,
    "129": _D.EXPIRED_CARD,
    **dict.fromkeys(("131", "132", "133", "134", "135"), _D.INCORRECT_ADDRESS),
    "137": _D.INVALID_AMOUNT,
    "138": _D.CURRENCY_NOT_SUPPORTED,
    "140": _D.EXPIRED_CARD,
    "141": _D.EXPIRED_CARD,
    "153": _D.INCORRECT_CVC,
    "155": _D.MERCHANT_CONFIGURATION_ERROR,  # No acquirer.
    "156": _D.MERCHANT_CONFIGURATION_ERROR,  # No merchant id at the acquirer.
    "800": _D.TOKEN_INVALID,
    "802": _D.TOKEN_INVALID,
    "803": _D.TOKEN_INVALID,
    "901": _D.MERCHANT_CONFIGURATION_ERROR,
    "905": _D.CARD_NOT_SUPPORTED,
    "905_1": _D.MERCHANT_CONFIGURATION_ERROR,  # No acquirer for this card, currency and action.
    "905_2": _D.MERCHANT_CONFIGURATION_ERROR,
    "905_3": _D.MERCHANT_CONFIGURATION_ERROR,
    "907": _D.CARD_NOT_SUPPORTED,
}
"""By errorCode of a 400, 404 or 422; every other code means that our request was wrong.

Source: https://docs.adyen.com/development-resources/error-codes
"""

REASONS: Final[dict[str, DeclineCode]] = {
    # More than is left of the payment: of what was captured, refunds and chargebacks have taken the rest.
    "Insufficient balance on payment": _D.INVALID_REQUEST,
    "Transaction hasn't been captured, refund not possible": _D.INVALID_REQUEST,
}
"""By the reason of a webhook that tells that a capture or refund failed; it has words only.

Source: https://docs.adyen.com/online-payments/refund#refund-webhook
"""

BRANDS: Final = {
    "mc": "mastercard",
    "cup": "unionpay",
    "diners": "diners",
    "amex": "amex",
    "visa": "visa",
    "discover": "discover",
    "jcb": "jcb",
    "maestro": "maestro",
    "cartebancaire": "cartes_bancaires",
}
"""Adyen's card brands in the hub's words."""

_BY_TEXT: Final = {refusal.text.casefold(): code for code, refusal in REFUSALS.items()} | {
    reason.casefold(): reason for reason in REASONS
}
_RAW_CODE: Final = re.compile(r"([0-9A-Z]{2}|[0-9])(?:\s*:|\Z)")
_ERROR_CODE: Final = re.compile(r"[0-9]{3}(?:_[0-9]+)?|[0-9]{2}_[0-9]+")
_TEXT_MAX: Final = 80


def brand_of(variant: object) -> str | None:
    """Name the brand of a payment method variant: "mc", "visa_applepay"."""
    return BRANDS.get(variant.split("_")[0]) if isinstance(variant, str) else None


def leading_code(raw: object) -> str | None:
    """Take the network's code out of "51 : Insufficient funds" or "5 : Do not honor"; None where there is none."""
    found = _RAW_CODE.match(raw) if isinstance(raw, str) else None
    return found[1].zfill(2) if found else None


def refused(code: str | None, raw: object = None, advice: object = None, brand: str | None = None) -> Decline:
    """Decide a refusal from its refusalReasonCode or resultCode, the acquirer's raw answer and the network's advice."""
    return _decided(code or "", _of_refusal(code or ""), raw, advice, brand)


def refused_by_text(reason: str | None, raw: object = None, advice: object = None, brand: str | None = None) -> Decline:
    """Explain a refusal that a webhook tells in words only."""
    text = (reason or "").strip()
    code = _BY_TEXT.get(text.casefold())
    return _decided(code or text[:_TEXT_MAX], _of_refusal(code or ""), raw or text, advice, brand)


def _of_refusal(code: str) -> DeclineCode | None:
    row = REFUSALS.get(code)
    return row.code if row else RESULTS.get(code) or REASONS.get(code)


def _decided(code: str, meaning: DeclineCode | None, raw: object, advice: object, brand: str | None) -> Decline:
    return settled(
        Decline(
            code=meaning or _D.GENERIC_DECLINE,
            processor_code=code,
            network_code=leading_code(raw),
            network_advice_code=leading_code(advice),
            network=brand,
        )
    )


def meaning_of(processor_code: str) -> DeclineCode | None:
    """Say what a `Decline.processor_code` means by itself; None: it has no row.

    It is a refusalReasonCode of up to two digits, an errorCode of three or with a detail ("905_1"), a resultCode, a
    webhook's reason, or empty where Adyen told none of them.
    """
    if not processor_code:
        return _D.GENERIC_DECLINE
    meaning = _of_refusal(processor_code) or ERRORS.get(processor_code)
    return _D.INVALID_REQUEST if meaning is None and _ERROR_CODE.fullmatch(processor_code) else meaning


def error_meaning(error_code: str) -> DeclineCode:
    """Say what the errorCode of a refused request means."""
    return ERRORS.get(error_code, _D.INVALID_REQUEST)


CODES: Final[dict[str, DeclineCode]] = {code: row.code for code, row in REFUSALS.items()} | RESULTS | ERRORS | REASONS
"""Every `Decline.processor_code` that has a row."""
