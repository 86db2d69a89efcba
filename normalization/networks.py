"""The card networks' own response codes, as dated data."""

from typing import Final

from normalization.declines import DeclineCode

_D = DeclineCode

RESPONSE_CODES: Final[dict[str, DeclineCode]] = {
    "01": _D.CALL_ISSUER,
    "03": _D.MERCHANT_CONFIGURATION_ERROR,
    "04": _D.LOST_OR_STOLEN_CARD,
    "05": _D.DO_NOT_HONOR,
    "07": _D.LOST_OR_STOLEN_CARD,
    "12": _D.TRANSACTION_NOT_PERMITTED,
    "13": _D.INVALID_AMOUNT,
    "14": _D.INVALID_CARD_NUMBER,
    "15": _D.ACCOUNT_CLOSED,
    "19": _D.ISSUER_UNAVAILABLE,
    "39": _D.ACCOUNT_CLOSED,
    "41": _D.LOST_OR_STOLEN_CARD,
    "43": _D.LOST_OR_STOLEN_CARD,
    "46": _D.ACCOUNT_CLOSED,
    "51": _D.INSUFFICIENT_FUNDS,
    "52": _D.ACCOUNT_CLOSED,
    "53": _D.ACCOUNT_CLOSED,
    "54": _D.EXPIRED_CARD,
    "55": _D.PIN_ERROR,
    "57": _D.TRANSACTION_NOT_PERMITTED,
    "58": _D.TRANSACTION_NOT_PERMITTED,
    "59": _D.SUSPECTED_FRAUD,
    "61": _D.LIMIT_EXCEEDED,
    "62": _D.RESTRICTED_CARD,
    "63": _D.SUSPECTED_FRAUD,
    "65": _D.LIMIT_EXCEEDED,
    "70": _D.PIN_ERROR,
    "75": _D.PIN_ERROR,
    "78": _D.RESTRICTED_CARD,
    "82": _D.INCORRECT_CVC,
    "83": _D.SUSPECTED_FRAUD,
    "86": _D.PIN_ERROR,
    "91": _D.ISSUER_UNAVAILABLE,
    "93": _D.COMPLIANCE_REFUSED,
    "96": _D.PROCESSOR_ERROR,
    "1A": _D.AUTHENTICATION_REQUIRED,
    "5C": _D.TRANSACTION_NOT_PERMITTED,
    "6P": _D.INCORRECT_ADDRESS,
    "9G": _D.RESTRICTED_CARD,
    "N3": _D.TRANSACTION_NOT_PERMITTED,
    "N4": _D.LIMIT_EXCEEDED,
    "N7": _D.INCORRECT_CVC,
    "R0": _D.RECURRING_STOPPED,
    "R1": _D.RECURRING_STOPPED,
    "R3": _D.RECURRING_STOPPED,
    "Z5": _D.INVALID_AMOUNT,
}
"""ISO 8583 field 39 as Visa uses it; as of November 2026.

"00" (approved) stands beside refusals at some acquirers and says nothing, so it has no row.
Source: ISO 8583:1987 and Visa's response code list as acquirers publish it.
"""

BY_NETWORK: Final[dict[tuple[str, str], DeclineCode]] = {("mastercard", "65"): _D.AUTHENTICATION_REQUIRED}
"""Where a network uses a code otherwise: Mastercard's 65 asks for authentication (Visa's: limit exceeded)."""


def network_meaning(code: str | None, brand: str | None = None) -> DeclineCode | None:
    """Say what a network response code means on a card of *brand*; None for a missing or unknown code."""
    if code is None:
        return None
    return BY_NETWORK.get((brand or "", code)) or RESPONSE_CODES.get(code)
