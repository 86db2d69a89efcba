from typing import Any

import pytest
from msgspec.structs import replace

from adapters.checkout_com import REGISTRATION
from adapters.checkout_com.credentials import CheckoutComCredentials, check

TEST = CheckoutComCredentials(secret_key="sk_sbox_shopshopshopshopshopshop2ab", processing_channel_id="pc_shop")
LIVE = CheckoutComCredentials(
    secret_key="sk_shopshopshopshopshopshop2ab", processing_channel_id="pc_shop", api_prefix="vkuhvk4v"
)


@pytest.mark.parametrize(("credentials", "livemode"), [(TEST, False), (LIVE, True)])
def test_good_credentials_have_nothing_wrong(credentials: CheckoutComCredentials, livemode: Any) -> None:
    assert check(credentials, livemode) == []


@pytest.mark.parametrize(
    ("credentials", "livemode", "field"),
    [
        (LIVE, False, "secret_key"),
        (replace(TEST, api_prefix="vkuhvk4v"), True, "secret_key"),
        (replace(TEST, secret_key="pk_sbox_shopshopshopshopshopshop2ab"), False, "secret_key"),
        (replace(TEST, public_key="sk_sbox_shopshopshopshopshopshop2ab"), False, "public_key"),
        (replace(TEST, public_key="pk_shopshopshopshopshopshop2ab"), False, "public_key"),
        (replace(TEST, processing_channel_id="ent_1"), False, "processing_channel_id"),
        (replace(TEST, api_prefix="https://x"), False, "api_prefix"),
        (replace(LIVE, api_prefix=None), True, "api_prefix"),
        (replace(TEST, webhook_secret=""), False, "webhook_secret"),
        (replace(TEST, descriptor_city="Llanfairpwllgwyngyll"), False, "descriptor_city"),
        (replace(TEST, base_url="ftp://x"), False, "base_url"),
        (replace(LIVE, base_url="https://x"), True, "base_url"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(
    credentials: CheckoutComCredentials, livemode: Any, field: str
) -> None:
    ((named, message),) = check(credentials, livemode)

    assert named == field
    assert credentials.secret_key not in message


def test_a_question_is_never_answered_by_sending_again() -> None:
    told = REGISTRATION.capabilities(TEST)

    assert (told.inquiry, told.replay_re_answers, told.multiple_captures) == ("lookup", False, True)
    assert told.documentation.startswith("https://api-reference.checkout.com")
