"""Credentials: what is wrong with them is named, what they are is not."""

import msgspec
import pytest

from adapters.contract import Inquiry
from adapters.stripe import REGISTRATION
from adapters.stripe.account import StripeCredentials, capabilities, check

GOOD = StripeCredentials(
    api_key="sk_test_abc", publishable_key="pk_test_abc", webhook_secret="whsec_abc", base_url="http://127.0.0.1:12111"
)


def test_good_test_credentials_have_nothing_wrong() -> None:
    assert check(GOOD, False) == []  # noqa: FBT003 - the contract's mode


def test_a_restricted_live_key_is_good_in_live_mode() -> None:
    assert check(StripeCredentials(api_key="rk_live_abc"), True) == []  # noqa: FBT003 - the contract's mode


@pytest.mark.parametrize(
    ("credentials", "livemode", "field"),
    [
        (StripeCredentials(api_key="sk_live_abc"), False, "api_key"),
        (StripeCredentials(api_key="sk_test_abc"), True, "api_key"),
        (StripeCredentials(api_key="pk_test_abc"), False, "api_key"),
        (StripeCredentials(api_key="sk_test_abc\n"), False, "api_key"),
        (StripeCredentials(api_key=""), False, "api_key"),
        (StripeCredentials(api_key="sk_test_abc", publishable_key="pk_live_abc"), False, "publishable_key"),
        (StripeCredentials(api_key="sk_test_abc", publishable_key="sk_test_abc"), False, "publishable_key"),
        (StripeCredentials(api_key="sk_test_abc", webhook_secret="abc"), False, "webhook_secret"),
        (StripeCredentials(api_key="sk_test_abc", webhook_secret="whsec_"), False, "webhook_secret"),
        (StripeCredentials(api_key="sk_test_abc", webhook_secret_previous="whsec_a"), False, "webhook_secret"),
        (
            StripeCredentials(api_key="sk_test_abc", webhook_secret="whsec_a", webhook_secret_previous="b"),
            False,
            "webhook_secret_previous",
        ),
        (StripeCredentials(api_key="sk_live_abc", base_url="https://stripe.example"), True, "base_url"),
        (StripeCredentials(api_key="sk_test_abc", base_url="stripe.example"), False, "base_url"),
        (StripeCredentials(api_key="sk_test_abc", base_url="http://u:p@stripe.example"), False, "base_url"),
        (StripeCredentials(api_key="sk_test_abc", base_url="http://[::1"), False, "base_url"),
        (StripeCredentials(api_key="sk_test_abc", base_url="http://x:99999"), False, "base_url"),
        (StripeCredentials(api_key="sk_test_abc", base_url="ftp://stripe.example"), False, "base_url"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(credentials: StripeCredentials, livemode: bool, field: str) -> None:  # noqa: FBT001 - an example's mode
    assert [name for name, _ in check(credentials, livemode)] == [field]


def test_no_message_repeats_a_value() -> None:
    wrong = StripeCredentials(api_key="sk_live_topsecret", webhook_secret="topsecret", base_url="http://topsecret?a")

    assert "topsecret" not in str(check(wrong, False))  # noqa: FBT003 - the contract's mode


def test_printing_credentials_shows_no_secret() -> None:
    assert "abc" not in f"{GOOD!r} {GOOD} {[GOOD]}"
    assert list(GOOD.__rich_repr__()) == []


def test_an_unknown_credential_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="secret_key"):
        msgspec.convert({"api_key": "sk_test_abc", "secret_key": "pk"}, REGISTRATION.credentials)


def test_several_captures_are_for_accounts_that_stripe_grants_them() -> None:
    assert not capabilities(GOOD).multiple_captures
    assert capabilities(StripeCredentials(api_key="sk_test_abc", multicapture=True)).multiple_captures


def test_what_became_of_a_request_is_looked_up() -> None:
    told = capabilities(GOOD)

    assert told.inquiry is Inquiry.LOOKUP
    assert told.replay_re_answers
    assert told.too_many_requests_not_executed
    assert told.documentation.startswith("https://docs.stripe.com/")
