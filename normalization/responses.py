"""What the networks' response codes (ISO 8583 field 39) mean; rows are keyed (network, code)."""

from typing import Final

from normalization.declines import DeclineCode

_D = DeclineCode

EVERY: Final = None
"""The network of a row that holds for each network that has no row of its own for the code."""

RESPONSES: Final[dict[tuple[str | None, str], DeclineCode]] = {
    # Approved, and an error without a word of whose: beside a refusal they say no more than "no".
    (EVERY, "00"): _D.GENERIC_DECLINE,
    (EVERY, "01"): _D.CALL_ISSUER,
    (EVERY, "02"): _D.CALL_ISSUER,
    # Invalid merchant. Some read it as a final refusal, Visa lets it be tried again: it is our account that is wrong.
    (EVERY, "03"): _D.MERCHANT_CONFIGURATION_ERROR,
    (EVERY, "04"): _D.LOST_OR_STOLEN_CARD,
    (EVERY, "05"): _D.DO_NOT_HONOR,
    (EVERY, "06"): _D.GENERIC_DECLINE,
    (EVERY, "07"): _D.LOST_OR_STOLEN_CARD,
    (EVERY, "12"): _D.TRANSACTION_NOT_PERMITTED,
    (EVERY, "13"): _D.INVALID_AMOUNT,
    (EVERY, "14"): _D.INVALID_CARD_NUMBER,
    (EVERY, "15"): _D.ACCOUNT_CLOSED,  # No such issuer: nobody is behind the number.
    (EVERY, "19"): _D.ISSUER_UNAVAILABLE,  # Enter it again: the issuer could not process it this time.
    # A format error: the message on the network is written by the processor, not by us.
    (EVERY, "30"): _D.PROCESSOR_ERROR,
    (EVERY, "33"): _D.EXPIRED_CARD,
    (EVERY, "34"): _D.SUSPECTED_FRAUD,
    (EVERY, "36"): _D.RESTRICTED_CARD,
    (EVERY, "38"): _D.PIN_ERROR,
    # An account of the wrong kind. Visa allows another try (category 2); nothing is gained by one.
    (EVERY, "39"): _D.ACCOUNT_CLOSED,
    (EVERY, "41"): _D.LOST_OR_STOLEN_CARD,
    (EVERY, "43"): _D.LOST_OR_STOLEN_CARD,
    (EVERY, "46"): _D.ACCOUNT_CLOSED,
    (EVERY, "51"): _D.INSUFFICIENT_FUNDS,
    (EVERY, "52"): _D.ACCOUNT_CLOSED,
    (EVERY, "53"): _D.ACCOUNT_CLOSED,
    (EVERY, "54"): _D.EXPIRED_CARD,
    (EVERY, "55"): _D.PIN_ERROR,
    (EVERY, "56"): _D.INVALID_CARD_NUMBER,
    (EVERY, "57"): _D.TRANSACTION_NOT_PERMITTED,
    (EVERY, "58"): _D.TRANSACTION_NOT_PERMITTED,
    # Visa allows another try (category 2). A machine that tries again on a suspicion raises disputes: we do not.
    (EVERY, "59"): _D.SUSPECTED_FRAUD,
    (EVERY, "61"): _D.LIMIT_EXCEEDED,
    # Stripe's word for it tells of a lost card; Visa's category 2 says that it passes. It is read as Visa does.
    (EVERY, "62"): _D.RESTRICTED_CARD,
    (EVERY, "63"): _D.SUSPECTED_FRAUD,
    (EVERY, "65"): _D.LIMIT_EXCEEDED,
    ("mastercard", "65"): _D.AUTHENTICATION_REQUIRED,  # Mastercard's soft decline in the European Economic Area.
    ("maestro", "65"): _D.AUTHENTICATION_REQUIRED,
    (EVERY, "68"): _D.ISSUER_UNAVAILABLE,
    (EVERY, "70"): _D.PIN_ERROR,
    ("mastercard", "70"): _D.CALL_ISSUER,  # "Contact card issuer"; Visa's: "PIN data required".
    ("maestro", "70"): _D.CALL_ISSUER,
    (EVERY, "71"): _D.PIN_ERROR,
    (EVERY, "75"): _D.PIN_ERROR,
    (EVERY, "78"): _D.RESTRICTED_CARD,
    # Life cycle: Mastercard's one word for expired, closed and replaced. Its advice code tells which.
    (EVERY, "79"): _D.ACCOUNT_CLOSED,
    (EVERY, "82"): _D.INCORRECT_CVC,
    ("mastercard", "82"): _D.TRANSACTION_NOT_PERMITTED,  # Policy.
    ("maestro", "82"): _D.TRANSACTION_NOT_PERMITTED,
    (EVERY, "83"): _D.SUSPECTED_FRAUD,
    (EVERY, "85"): _D.GENERIC_DECLINE,  # "No reason to decline": beside a refusal it says no more than "no".
    (EVERY, "86"): _D.PIN_ERROR,
    (EVERY, "91"): _D.ISSUER_UNAVAILABLE,
    (EVERY, "92"): _D.ISSUER_UNAVAILABLE,  # No way to the issuer was found.
    (EVERY, "93"): _D.COMPLIANCE_REFUSED,
    (EVERY, "94"): _D.DUPLICATE_TRANSACTION,
    (EVERY, "96"): _D.PROCESSOR_ERROR,
    # Codes with letters are Visa's; no other network has them with another meaning.
    (EVERY, "1A"): _D.AUTHENTICATION_REQUIRED,
    (EVERY, "5C"): _D.TRANSACTION_NOT_PERMITTED,
    (EVERY, "6P"): _D.INCORRECT_ADDRESS,
    (EVERY, "9G"): _D.RESTRICTED_CARD,
    (EVERY, "N0"): _D.ISSUER_UNAVAILABLE,  # The issuer had Visa stand in for it, who may not say yes.
    (EVERY, "N3"): _D.TRANSACTION_NOT_PERMITTED,
    (EVERY, "N4"): _D.LIMIT_EXCEEDED,
    (EVERY, "N7"): _D.INCORRECT_CVC,
    (EVERY, "R0"): _D.RECURRING_STOPPED,
    (EVERY, "R1"): _D.RECURRING_STOPPED,
    (EVERY, "R3"): _D.RECURRING_STOPPED,
    (EVERY, "Z3"): _D.ISSUER_UNAVAILABLE,  # The issuer was not reached, and the card refused by itself.
    (EVERY, "Z5"): _D.INVALID_AMOUNT,
}
"""As of November 2026.

Source: ISO 8583:1987 field 39, and Visa's and Mastercard's lists as acquirers publish them, such as
https://www.checkout.com/docs/developer-resources/codes and https://docs.adyen.com/development-resources/raw-acquirer-responses
"""


def response_meaning(code: str | None, network: str | None = None) -> DeclineCode | None:
    """Say what a response code means on a card of *network*; None for a missing or unknown code."""
    if code is None:
        return None
    return RESPONSES.get((network, code)) or RESPONSES.get((EVERY, code))
