"""What is relied on in the SDK: how it builds a request, and that it sends nothing by itself."""

import logging
from typing import Any

import pytest

from adapters.checkout_com.client import Client
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.transport import Transport
from tests.adapters.checkout_com.scripted import Answer, ScriptedCheckoutCom

KEY = "sk_sbox_shopshopshopshopshopshop2ab"


def client(transport: Transport, *, livemode: bool = False, **facts: Any) -> Client:
    async def at_once(_resend: int) -> None:
        pass

    credentials = CheckoutComCredentials(secret_key=KEY, processing_channel_id="pc_shop", **facts)
    return Client(credentials, transport, livemode=livemode, pause=at_once)


@pytest.mark.parametrize(
    ("livemode", "facts", "base"),
    [
        (False, {}, "https://api.sandbox.checkout.com/"),
        (False, {"api_prefix": "vkuhvk4v"}, "https://vkuhvk4v.api.sandbox.checkout.com/"),
        (True, {"api_prefix": "vkuhvk4v"}, "https://vkuhvk4v.api.checkout.com/"),
        (True, {"api_prefix": "vkuhvk4v", "base_url": "http://x"}, "https://vkuhvk4v.api.checkout.com/"),
        (False, {"base_url": "http://127.0.0.1:1/"}, "http://127.0.0.1:1/"),
    ],
)
async def test_an_account_has_its_own_address(
    transport: Transport, livemode: Any, facts: dict[str, Any], base: str
) -> None:
    made = client(transport, livemode=livemode, **facts)

    assert made.payments._api_client._base_uri == base  # noqa: SLF001 - the one place where the SDK shows it


async def test_a_request_carries_the_key_the_idempotency_key_and_plain_json(
    transport: Transport, checkout: ScriptedCheckoutCom
) -> None:
    checkout.will_answer(Answer({"a": 1}))
    made = client(transport, base_url=checkout.base_url)

    await made.call(lambda: made.payments.request_payment({"3ds": {"enabled": True}}, "att_1"), dict)

    (sent,) = checkout.sent
    assert (sent.method, sent.path, sent.key) == ("POST", "/payments", "att_1")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["content-type"] == "application/json"
    assert sent.body == {"3ds": {"enabled": True}}


async def test_a_query_is_escaped(transport: Transport, checkout: ScriptedCheckoutCom) -> None:
    checkout.will_answer(Answer({}))
    made = client(transport, base_url=checkout.base_url)

    await made.call(lambda: made.payments.get_payments_list({"reference": "a&b=c d"}), dict)

    assert checkout.sent[0].query == {"reference": "a&b=c d"}


async def test_a_call_that_builds_nothing_is_a_mistake_of_ours(transport: Transport) -> None:
    with pytest.raises(RuntimeError, match="by itself"):
        await client(transport).call(lambda: None, dict)


async def test_the_sdk_writes_no_path_into_the_logs(
    transport: Transport, checkout: ScriptedCheckoutCom, caplog: pytest.LogCaptureFixture
) -> None:
    checkout.will_answer(Answer({}))
    made = client(transport, base_url=checkout.base_url)

    with caplog.at_level(logging.DEBUG):
        await made.call(lambda: made.instruments.get("src_secret"), dict)

    assert "src_secret" not in caplog.text
