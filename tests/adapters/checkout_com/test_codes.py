"""Every refusal that Checkout.com documents has a meaning; its list stands here a second time."""

import pytest

from adapters.checkout_com import REGISTRATION
from adapters.checkout_com.codes import CODES, RESPONSES, brand_of, meaning_of, refused, request_refused
from adapters.checkout_com.wire import Processing
from normalization.declines import DeclineCode

# Source: https://www.checkout.com/docs/developer-resources/codes/api-response-codes, as of July 2026.
DOCUMENTED = """
20001 20002 20003 20004 20005 20006 20009 20012 20013 20014 20015 20016 20017 20018 20019 20020 20021 20022 20023 20024
20025 20026 20027 20028 20029 20030 20031 20032 20033 20038 20039 20040 20042 20044 20045 20046 20051 20052 20053 20054
20055 20056 20057 20058 20059 2005C 20060 20061 20062 20063 20064 20065 20066 20067 20068 2006P 20070 20072 20075 20078
20081 20082 20083 20084 20085 20086 20087 20088 20089 20090 20091 20092 20093 20094 20095 20096 20097 20098 20099 2009G
200A4 200A5 200A6 200E0 200E2 200E3 200N0 200N7 200P1 200P9 200R1 200R3 200S4 200T2 200T3 200T5 20100 20101 20102 20103
20104 20105 20106 20107 20108 20109 20110 20111 20112 20113 20114 20115 20116 20117 20118 20119 20120 20121 20122 20123
20124 20150 20151 20152 20153 20154 20155 20156 20157 20158 20159 20179 20182 20183 20193 20197 20199
30004 30007 30015 30016 30017 30018 30019 30020 30021 30022 30033 30034 30035 30036 30037 30038 30041 30043 30044 30045
30046 30401 30402 30403 30404 30405
41101 41201 41202 41203 41204 41205 41206 41301 42101 42201 42202 42203 42204 42205 42206 42301 43101 43102 43201 43202
43203 43204 43205 43206 43301 43401
50001 50002 50003 50005 50020 50021 50022 50023 50025 50026 50027 50030 50070 50100 50101 50102 50103 50104 50105 50106
50150 50180 50200 50240 50260 50280 50399 50401 50402 50403 50404 50405 50406 50407 50408 50409 50410 50441 50451 50452
50453 50454 50466 50471 50481 50490 50491 50492 50494 50499 50501 50511 50512 50513 50514 50515 50517 50531 50599
"""
APPROVALS = "10000 10008 10010 10011 10076 10077 10081 10100 10200"


def test_every_documented_refusal_has_a_row_and_no_row_is_made_up() -> None:
    assert sorted(RESPONSES) == sorted(DOCUMENTED.split())


@pytest.mark.parametrize("code", APPROVALS.split())
def test_an_approval_is_no_refusal(code: str) -> None:
    assert code not in RESPONSES


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("20005", DeclineCode.DO_NOT_HONOR),
        ("20051", DeclineCode.INSUFFICIENT_FUNDS),
        ("20054", DeclineCode.EXPIRED_CARD),
        ("200N7", DeclineCode.INCORRECT_CVC),
        ("200R1", DeclineCode.RECURRING_STOPPED),
        ("20154", DeclineCode.AUTHENTICATION_REQUIRED),
        ("20152", DeclineCode.CUSTOMER_CANCELLED),
        ("30043", DeclineCode.LOST_OR_STOLEN_CARD),
        ("43101", DeclineCode.BLOCKED_BY_RISK_RULE),
        ("50003", DeclineCode.MERCHANT_CONFIGURATION_ERROR),
    ],
)
def test_a_response_code_alone_has_its_meaning(code: str, meaning: DeclineCode) -> None:
    assert refused(code).code is meaning


def test_a_bare_no_yields_to_what_the_network_says() -> None:
    assert refused("20005", Processing(partner_response_code="54"), "visa").code is DeclineCode.EXPIRED_CARD


def test_our_own_risk_rules_are_never_softened_by_the_network() -> None:
    said = Processing(partner_response_code="51")

    assert refused("41101", said, "visa").code is DeclineCode.BLOCKED_BY_RISK_RULE


def test_the_recommendation_never_to_try_again_is_a_stop() -> None:
    stops = [refused("20051", Processing(recommendation_code=code)).stop for code in ("01", "02", "03", None)]

    assert stops == [False, False, True, False]


def test_an_unknown_code_says_no_more_than_no_and_is_kept() -> None:
    decline = refused("20999")

    assert (decline.code, decline.processor_code) == (DeclineCode.GENERIC_DECLINE, "20999")
    assert meaning_of("20999") is None


def test_an_unknown_error_code_means_that_our_request_was_wrong() -> None:
    assert request_refused("never_heard_of").code is DeclineCode.INVALID_REQUEST


def test_the_registration_tells_of_every_code() -> None:
    assert set(REGISTRATION.decline_codes) == set(CODES) >= set(DOCUMENTED.split())


@pytest.mark.parametrize(
    ("scheme", "brand"),
    [("Visa", "visa"), ("VISA", "visa"), ("American Express", "amex"), ("Unheard", None), (None, None)],
)
def test_a_scheme_has_its_brand(scheme: str | None, brand: str | None) -> None:
    assert brand_of(scheme) == brand
