import msgspec
import pytest

from adapters.adyen import REGISTRATION
from adapters.adyen.credentials import AdyenCredentials

GOOD = AdyenCredentials(api_key="AQE-secret", merchant_account="Shop", webhook_secret="AB12")


def wrong(*, livemode: bool = False, **facts: object) -> list[str]:
    credentials = msgspec.structs.replace(GOOD, **facts)
    return [field for field, _ in REGISTRATION.check(credentials, livemode)]


def test_good_credentials_have_nothing_wrong() -> None:
    assert wrong() == []
    assert wrong(client_key="test_ABC") == []
    assert wrong(livemode=True, live_endpoint_prefix="1797a841fbb37ca7-Company") == []


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"api_key": " "}, "api_key"),
        ({"merchant_account": ""}, "merchant_account"),
        ({"webhook_secret": "not hexadecimal"}, "webhook_secret"),
        ({"webhook_secret_previous": "ABC"}, "webhook_secret_previous"),
        ({"webhook_user": "adyen"}, "webhook_password"),
        ({"webhook_password": "secret"}, "webhook_user"),
        ({"live_endpoint_prefix": "1797a841fbb37ca7-Company"}, "live_endpoint_prefix"),
        ({"base_url": "ftp://localhost"}, "base_url"),
        ({"client_key": "live_ABC"}, "client_key"),
        ({"client_key": "AQE-secret"}, "client_key"),
        ({"livemode": True}, "live_endpoint_prefix"),
        ({"livemode": True, "live_endpoint_prefix": "https://x-Company"}, "live_endpoint_prefix"),
        (
            {"livemode": True, "live_endpoint_prefix": "1797a8-Company", "base_url": "http://localhost"},
            "base_url",
        ),
    ],
)
def test_a_wrong_field_is_named(facts: dict[str, object], field: str) -> None:
    assert wrong(**facts) == [field]  # type: ignore[arg-type]  # livemode is among them


def test_what_is_printed_of_credentials_is_no_secret() -> None:
    assert "secret" not in repr(GOOD) + str(GOOD)


def test_an_unknown_field_of_credentials_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"api_key": "k", "merchant_account": "m", "apikey": "k"}, AdyenCredentials)
