"""A merchant that speaks to the pretend Checkout.com through its own SDK, and hears its webhooks."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import requests
from aiohttp import web
from checkout_sdk.api_client import ApiClient
from checkout_sdk.checkout_configuration import CheckoutConfiguration
from checkout_sdk.default_keys_credentials import DefaultKeysSdkCredentials
from checkout_sdk.environment import Environment
from checkout_sdk.exception import CheckoutApiException
from checkout_sdk.instruments.instruments_client import InstrumentsClient
from checkout_sdk.payments.payments_client import PaymentsClient
from checkout_sdk.tokens.tokens_client import TokensClient

from hub.sandbox.checkout_com import PROCESSOR
from hub.sandbox.processor import Sandbox
from hub.sandbox.server import serve

Json = dict[str, Any]

CHANNEL = "pc_shop"
SECRET_KEY = "sk_sbox_pretendmerchantpretendmer2a"
PUBLIC_KEY = "pk_sbox_pretendmerchantpretendmer2a"
SIGNATURE_KEY = "c7b1-signature-key"
CARD: Json = {
    "type": "card",
    "number": "4242424242424242",
    "expiry_month": 12,
    "expiry_year": 2030,
    "cvv": "100",
}
BACK = "https://shop.example/return?order=1"
BY_3DS: Json = {"3ds": {"enabled": True}, "success_url": BACK, "failure_url": BACK}


class Shop:
    """A processing channel and whoever listens for it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession, session: requests.Session) -> None:
        self.sandbox = sandbox
        self.http = http
        self.session = session
        self.heard: list[tuple[str, bytes]] = []
        self.payments, self.instruments, self.tokens = self.with_key(SECRET_KEY)

    def with_key(self, secret_key: str) -> tuple[Any, Any, Any]:
        environment = Environment.sandbox()
        environment.base_uri = f"{self.sandbox.url}/"
        credentials = DefaultKeysSdkCredentials(secret_key, PUBLIC_KEY)
        configuration = CheckoutConfiguration(credentials, environment, self.session)
        api = ApiClient(configuration, environment.base_uri)
        return tuple(client(api, configuration) for client in (PaymentsClient, InstrumentsClient, TokensClient))

    async def pay(self, *, key: str | None = None, **changes: Any) -> Json:
        return await told(self.payments.request_payment, payment(**changes), key)

    async def stored(self, name: str, **changes: Any) -> Json:
        return await self.pay(source={"type": "id", "id": f"src_{name}"}, **changes)

    async def capture(self, id: str, key: str | None = None, **body: Any) -> Json:
        return await told(self.payments.capture_payment, id, {"reference": "cap_1"} | body, key)

    async def refund(self, id: str, key: str | None = None, **body: Any) -> Json:
        return await told(self.payments.refund_payment, id, {"reference": "ref_1"} | body, key)

    async def void(self, id: str, key: str | None = None) -> Json:
        return await told(self.payments.void_payment, id, {"reference": "can_1"}, key)

    async def details(self, id: str) -> Json:
        await self.settled()
        return await told(self.payments.get_payment_details, id)

    async def actions(self, id: str) -> list[Json]:
        await self.settled()
        found: list[Json] = (await told(self.payments.get_payment_actions, id))["items"]
        return found

    async def listed(self, reference: str) -> list[Json]:
        query = {"limit": 10, "skip": 0, "reference": reference}
        found: list[Json] = (await told(self.payments.get_payments_list, query))["data"]
        return found

    async def control(self, method: str, path: str, body: Json | None = None) -> Json:
        async with self.http.request(method, f"{self.sandbox.url}/_control{path}", json=body) as answer:
            found: Json = await answer.json()
            assert answer.status == 200, found
            return found

    async def money(self, tag: str) -> Json:
        await self.settled()
        return await self.control("GET", f"/money?tag={tag}")

    async def settled(self) -> None:
        """Wait until what was accepted is done and told."""
        await self.control("POST", "/webhooks/flush", {})

    async def events(self) -> list[Json]:
        await self.settled()
        return [msgspec.json.decode(body) for _, body in self.heard]

    async def event(self, type: str) -> Json:
        """Return what the only event of that type says."""
        (found,) = [event["data"] for event in await self.events() if event["type"] == type]
        return dict(found)

    async def challenged(self, made: Json, button: str) -> str:
        """Follow the redirect, press a button; where the browser is sent back to."""
        async with self.http.get(made["_links"]["redirect"]["href"]) as page:
            form = re.search(rf'<form id="{button}" method="post" action="([^"]+)"', await page.text())
        assert form is not None
        async with self.http.post(self.sandbox.url + form[1], allow_redirects=False) as left:
            return left.headers["Location"]


def payment(**changes: Any) -> Json:
    """Write a payment of 10.00 EUR; *changes* replace whole fields."""
    body: Json = {
        "source": CARD,
        "amount": 1000,
        "currency": "EUR",
        "reference": "att_1",
        "processing_channel_id": CHANNEL,
    }
    return body | changes


async def told(call: Callable[..., Any], *args: object) -> Json:
    """Call the blocking SDK beside the event loop; what it made objects of is made plain again."""
    found: Json = plain(await asyncio.to_thread(call, *args))
    return found


async def refused(call: Callable[..., Any], *args: object) -> tuple[int, list[str] | None]:
    """Call the SDK; the status and the error codes with which it was refused."""
    try:
        await asyncio.to_thread(call, *args)
    except CheckoutApiException as error:
        return error.http_metadata.status_code, error.error_details
    raise AssertionError("it was not refused")


def plain(found: Any) -> Any:
    if isinstance(found, list):
        return [plain(one) for one in found]
    if hasattr(found, "__dict__"):
        return {name: plain(value) for name, value in vars(found).items() if name != "http_metadata"}
    return found


@asynccontextmanager
async def shop(book: Path) -> AsyncIterator[Shop]:
    """Open a merchant at a pretend Checkout.com of its own."""
    app = web.Application()
    runner = web.AppRunner(app)
    with requests.Session() as session:
        async with serve(PROCESSOR, book) as sandbox, aiohttp.ClientSession() as http:
            opened = Shop(sandbox, http, session)

            async def hear(request: web.Request) -> web.Response:
                opened.heard.append((request.headers["Cko-Signature"], await request.read()))
                return web.Response(status=200)

            app.add_routes([web.post("/hook", hear)])
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
            settings = {"webhook_url": hook, "webhook_secret": SIGNATURE_KEY}
            await opened.control("PUT", f"/accounts/{CHANNEL}", settings)
            yield opened
            await runner.cleanup()
