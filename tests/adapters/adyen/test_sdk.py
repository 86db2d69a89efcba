"""What the adapter relies on inside the official SDK, pinned: a new version that differs fails here first."""

import json
from importlib.metadata import version

import pytest
from Adyen import AdyenClient
from Adyen.exceptions import AdyenAPICommunicationError, AdyenAPIResponseError
from Adyen.services import AdyenCheckoutApi, AdyenDisputesApi

from adapters.adyen.client import Client
from adapters.adyen.credentials import AdyenCredentials
from adapters.transport import Transport


class Recorder:
    user_agent = "recorder"

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, object, dict[str, str], str]] = []

    def request(
        self, method: str, url: str, *, json: object, headers: dict[str, str], xapikey: str
    ) -> tuple[str, object, int, dict[str, str]]:
        self.calls.append((method, url, json, headers, xapikey))
        return '{"pspReference": "P"}', json, 200, {}


def sdk(**facts: str) -> tuple[AdyenClient, Recorder]:
    client = AdyenClient(xapikey="key", **{"platform": "test", **facts})
    client.http_client = Recorder()
    client.http_init = True
    return client, client.http_client


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("Adyen") == "16.0.0"


def test_a_call_goes_out_through_the_http_client_that_was_set() -> None:
    client, recorder = sdk()
    body = object()
    AdyenCheckoutApi(client=client).payments_api.payments(body, idempotency_key="att_1")
    ((method, url, sent, headers, key),) = recorder.calls
    assert (method, url, key) == ("POST", "https://checkout-test.adyen.com/v72/payments", "key")
    assert sent is body
    assert headers["Idempotency-Key"] == "att_1"


def test_a_live_account_has_its_own_address() -> None:
    client, recorder = sdk(platform="live", live_endpoint_prefix="1797a8-Company")
    AdyenCheckoutApi(client=client).modifications_api.capture_authorised_payment({}, "PSP1")
    assert recorder.calls[0][1] == (
        "https://1797a8-Company-checkout-live.adyenpayments.com/checkout/v72/payments/PSP1/captures"
    )


@pytest.mark.parametrize("platform", ["test", "live"])
def test_disputes_have_a_host_of_their_own_and_no_key_unless_given(platform: str) -> None:
    client, recorder = sdk(platform=platform)
    AdyenDisputesApi(client=client).disputes_api.accept_dispute({})
    ((method, url, _, headers, key),) = recorder.calls
    assert (method, key) == ("POST", "key")
    assert url == f"https://ca-{platform}.adyen.com/ca/services/DisputeService/v30/acceptDispute"
    assert "Idempotency-Key" not in headers


def test_the_response_handling_reads_an_answer_that_it_did_not_fetch() -> None:
    client, _ = sdk()
    result = client._handle_response("url", '{"resultCode": "Authorised"}', None, 200, {})  # noqa: SLF001 - pins it
    assert result.message == {"resultCode": "Authorised"}


@pytest.mark.parametrize("status", [404, 500])
def test_a_missing_page_and_a_broken_server_are_one_error_to_the_sdk(status: int) -> None:
    client, _ = sdk()
    with pytest.raises(AdyenAPICommunicationError):
        client._handle_response("url", "{}", None, status, {})  # noqa: SLF001 - pins it


@pytest.mark.parametrize(("body", "kind"), [("", str), ("<html>", str), (json.dumps({"errorCode": "1"}), dict)])
def test_an_error_s_message_is_text_where_the_body_is_no_json(body: str, kind: type) -> None:
    client, _ = sdk()
    with pytest.raises(AdyenAPIResponseError) as caught:
        client._handle_response("url", body, None, 422, {})  # noqa: SLF001 - pins it
    assert isinstance(caught.value.message, kind)


async def test_a_base_url_is_left_aside_in_live_mode(transport: Transport) -> None:
    async def at_once(_resend: int) -> None:
        pass

    credentials = AdyenCredentials(
        api_key="k", merchant_account="M", live_endpoint_prefix="1797a8-Company", base_url="http://127.0.0.1:1"
    )
    live = Client(credentials, transport, livemode=True, pause=at_once)
    assert live.payments.baseUrl == "https://checkout-test.adyen.com/v72"
    assert live.disputes.baseUrl == "https://ca-test.adyen.com/ca/services/DisputeService/v30"
