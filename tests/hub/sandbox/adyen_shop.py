"""A merchant that speaks to the pretend Adyen through Adyen's own SDK, and hears its webhooks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from Adyen.client import AdyenClient, AdyenResult
from Adyen.services.checkout import AdyenCheckoutApi
from Adyen.services.disputes import AdyenDisputesApi
from aiohttp import web

from hub.sandbox.adyen import PROCESSOR
from hub.sandbox.processor import Sandbox
from hub.sandbox.server import serve

Json = dict[str, Any]

KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ACCOUNT = "TestMerchantECOM"
CUSTOMER_AREA = "https://ca-test.adyen.com"
RETURN_URL = "https://shop.example/return?order=1"
CARD: Json = {
    "type": "scheme",
    "encryptedCardNumber": "test_4111111111111111",
    "encryptedExpiryMonth": "test_03",
    "encryptedExpiryYear": "test_2030",
    "encryptedSecurityCode": "test_737",
    "holderName": "Ada Lovelace",
}
BY_REDIRECT: Json = {
    "channel": "Web",
    "authenticationData": {"threeDSRequestData": {"nativeThreeDS": "disabled"}},
}


class Client(AdyenClient):  # type: ignore[misc] # the SDK ships no types
    """Adyen's client, with the sandbox where Adyen would be."""

    def __init__(self, url: str, api_key: str) -> None:
        super().__init__(xapikey=api_key, platform="test", http_force="requests", http_timeout=10)
        self.url = url

    def _determine_api_url(self, platform: str, endpoint: str) -> str:
        del platform
        return endpoint.replace("https://checkout-test.adyen.com", self.url).replace(CUSTOMER_AREA, self.url)


class Shop:
    """A merchant account and whoever listens for it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession, heard: list[Json]) -> None:
        self.sandbox = sandbox
        self.http = http
        self.heard = heard
        self.answers: list[int] = []  # What the next webhooks are answered; 202 when it is empty.
        self.api = self.with_key("test_key")

    def with_key(self, api_key: str) -> AdyenCheckoutApi:
        return AdyenCheckoutApi(client=Client(self.sandbox.url, api_key))

    def disputes(self, api_key: str = "test_key") -> AdyenDisputesApi:
        return AdyenDisputesApi(client=Client(self.sandbox.url, api_key)).disputes_api

    async def pay(self, *, key: str | None = None, **changes: object) -> Json:
        body = payment(**changes)
        return await told(self.api.payments_api.payments, body, key=key)

    async def details(self, key: str | None = None, **details: str) -> Json:
        return await told(self.api.payments_api.payments_details, {"details": details}, key=key)

    async def capture(self, psp: str, value: int, reference: str = "cap_1", currency: str = "EUR") -> Json:
        body = modification(reference, value, currency)
        return await told(self.api.modifications_api.capture_authorised_payment, body, psp)

    async def refund(self, psp: str, value: int, reference: str = "ref_1") -> Json:
        body = modification(reference, value)
        return await told(self.api.modifications_api.refund_captured_payment, body, psp)

    async def cancel(self, psp: str, reference: str = "can_1") -> Json:
        body = modification(reference)
        return await told(self.api.modifications_api.cancel_authorised_payment_by_psp_reference, body, psp)

    async def cancel_by_reference(self, payment_reference: str) -> Json:
        body = modification("can_1") | {"paymentReference": payment_reference}
        return await told(self.api.modifications_api.cancel_authorised_payment, body)

    async def reverse(self, psp: str, reference: str = "rev_1") -> Json:
        body = modification(reference)
        return await told(self.api.modifications_api.refund_or_cancel_payment, body, psp)

    async def order(self, do: str, reference: str, amount: int | None = None, **options: object) -> Json:
        """Have something done in the dashboard."""
        body = {"do": do, "processor_reference": reference, "amount": amount, "options": options}
        return await self.control("POST", "/dashboard", body)

    async def control(self, method: str, path: str, body: Json | None = None) -> Json:
        async with self.http.request(method, f"{self.sandbox.url}/_control{path}", json=body) as answer:
            found: Json = await answer.json()
            return found

    async def settings(self, **settings: object) -> None:
        await self.control("PUT", f"/accounts/{ACCOUNT}", settings)

    async def money(self, tag: str) -> Json:
        return await self.control("GET", f"/money?tag={tag}")

    async def events(self) -> list[Json]:
        """Wait until every webhook is out; return the items as they came."""
        await self.control("POST", "/webhooks/flush", {})
        told = [body for body in self.heard if "notificationItems" in body]
        return [wrapped["NotificationRequestItem"] for body in told for wrapped in body["notificationItems"]]

    async def token_events(self) -> list[Json]:
        """Wait until every webhook is out; return those of stored cards, as they came."""
        await self.control("POST", "/webhooks/flush", {})
        return [body for body in self.heard if str(body.get("type", "")).startswith("recurring.token.")]

    async def event(self, code: str) -> Json:
        """Return the only item of that code."""
        (found,) = [item for item in await self.events() if item["eventCode"] == code]
        return found


def payment(**changes: object) -> Json:
    """Write a payment of 10.00 EUR; *changes* replace whole fields."""
    body: Json = {
        "merchantAccount": ACCOUNT,
        "amount": {"currency": "EUR", "value": 1000},
        "reference": "att_1",
        "paymentMethod": CARD,
        "returnUrl": RETURN_URL,
    }
    return body | changes


def modification(reference: str, value: int | None = None, currency: str = "EUR") -> Json:
    body: Json = {"merchantAccount": ACCOUNT, "reference": reference}
    return body if value is None else body | {"amount": {"currency": currency, "value": value}}


def stored(token: str, **changes: object) -> Json:
    """Write the fields of a payment with a stored card."""
    fields: Json = {
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": token},
        "shopperReference": "shopper_1",
    }
    return fields | changes


def named(holder_name: str, number: str = "4111111111111111") -> Json:
    """Write a card whose holder's name or number makes something happen."""
    return CARD | {"holderName": holder_name, "encryptedCardNumber": f"test_{number}"}


async def told(call: Callable[..., AdyenResult], *args: object, key: str | None = None) -> Json:
    """Call Adyen's blocking SDK beside the event loop."""
    result = await asyncio.to_thread(call, *args, idempotency_key=key)
    message: Json = result.message
    return message


@asynccontextmanager
async def shop(book: Path) -> AsyncIterator[Shop]:
    """Open a merchant with automatic capture at a pretend Adyen of its own."""
    heard: list[Json] = []
    answers: list[int] = []

    async def hear(request: web.Request) -> web.Response:
        raw = await request.read()
        heard.append(msgspec.json.decode(raw) | {"_headers": dict(request.headers), "_raw": raw})
        return web.Response(status=answers.pop(0) if answers else 202)

    app = web.Application()
    app.add_routes([web.post("/hook", hear)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    async with serve(PROCESSOR, book) as sandbox, aiohttp.ClientSession() as http:
        opened = Shop(sandbox, http, heard)
        opened.answers = answers
        await opened.settings(webhook_url=hook, webhook_secret=KEY)
        yield opened
    await runner.cleanup()
