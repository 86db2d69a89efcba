"""The networks' response codes."""

import pytest

from normalization.declines import DeclineCode
from normalization.responses import RESPONSES, response_meaning

PUBLISHED = (
    "00 01 03 04 05 06 07 12 13 14 15 19 30 39 41 43 46 51 52 53 54 55 57 58 59 61 62 63 65 70 71 75 78 79 82 83 85 86"
    " 91 92 93 96 1A 5C 6P 9G N0 N3 N4 N7 R0 R1 R3 Z3 Z5"
)
"""What acquirers list of Visa's and Mastercard's response codes."""


@pytest.mark.parametrize("network", [None, "visa", "mastercard", "amex"])
@pytest.mark.parametrize("code", PUBLISHED.split())
def test_every_published_code_has_a_meaning_on_every_card(code: str, network: str | None) -> None:
    assert response_meaning(code, network) is not None


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("05", DeclineCode.DO_NOT_HONOR),
        ("51", DeclineCode.INSUFFICIENT_FUNDS),
        ("54", DeclineCode.EXPIRED_CARD),
        ("91", DeclineCode.ISSUER_UNAVAILABLE),
        ("R1", DeclineCode.RECURRING_STOPPED),
        ("1A", DeclineCode.AUTHENTICATION_REQUIRED),
    ],
)
def test_a_code_means_the_same_on_most_networks(code: str, meaning: DeclineCode) -> None:
    assert response_meaning(code) is meaning
    assert response_meaning(code, "mastercard") is meaning


@pytest.mark.parametrize(
    ("code", "on_visa", "on_mastercard"),
    [
        ("65", DeclineCode.LIMIT_EXCEEDED, DeclineCode.AUTHENTICATION_REQUIRED),
        ("70", DeclineCode.PIN_ERROR, DeclineCode.CALL_ISSUER),
        ("82", DeclineCode.INCORRECT_CVC, DeclineCode.TRANSACTION_NOT_PERMITTED),
    ],
)
def test_where_networks_differ_the_card_decides(code: str, on_visa: DeclineCode, on_mastercard: DeclineCode) -> None:
    assert response_meaning(code, "visa") is on_visa
    assert response_meaning(code, "mastercard") is on_mastercard


@pytest.mark.parametrize("code", [None, "", "ZZ", "5"])
def test_a_code_nobody_publishes_means_nothing(code: str | None) -> None:
    assert response_meaning(code) is None


def test_codes_are_two_characters_of_field_39() -> None:
    assert all(len(code) == 2 and code.isalnum() and code == code.upper() for _, code in RESPONSES)
