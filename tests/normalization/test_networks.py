"""The networks' response codes."""

import pytest

from normalization.declines import DeclineCode
from normalization.networks import RESPONSE_CODES, network_meaning


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
    assert network_meaning(code) is meaning
    assert network_meaning(code, "mastercard") is meaning


def test_65_is_a_limit_on_visa_and_a_challenge_on_mastercard() -> None:
    assert network_meaning("65", "visa") is DeclineCode.LIMIT_EXCEEDED
    assert network_meaning("65", "mastercard") is DeclineCode.AUTHENTICATION_REQUIRED


@pytest.mark.parametrize("code", [None, "", "00", "ZZ", "5"])
def test_a_code_that_says_nothing_decides_nothing(code: str | None) -> None:
    assert network_meaning(code) is None


def test_codes_are_two_characters_of_field_39() -> None:
    assert all(len(code) == 2 and code.isalnum() and code == code.upper() for code in RESPONSE_CODES)
