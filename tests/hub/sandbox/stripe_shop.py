"""A merchant that speaks to the pretend Stripe through Stripe's own SDK, and hears its webhooks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import stripe
from aiohttp import web

from hub.sandbox.processor import Sandbox
from hub.sandbox.server import serve
from hub.sandbox.stripe import PROCESSOR

Json = dict[str, Any]

ACCOUNT = "acme"
SECRET = "whsec_shop"
RETURN_URL = "https://shop.example/return?order=1"
WAIT_S = 5.0

stripe.enable_telemetry = False


class Heard:
    """One webhook as it arrived."""

    def __init__(self, body: bytes, signature: str, target: str = "", authorization: str | None = None) -> None:
        self.body = body
        self.signature = signature
        self.target = target
        self.authorization = authorization
        self.event: Json = msgspec.json.decode(body)
        self.type = str(self.event["type"])

    @property
    def genuine(self) -> bool:
        try:
            stripe.WebhookSignature.verify_header(self.body.decode(), self.signature, SECRET, tolerance=300)
        except stripe.SignatureVerificationError:
            return False
        return True


class Shop:
    """A merchant account and whoever listens for it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http
        self.heard: list[Heard] = []
        self.news = asyncio.Condition()
        self.answers: list[int] = []  # Statuses to answer webhooks with; 200 when none is left.
        self.api = self.with_key(f"sk_test_{ACCOUNT}")

    def with_key(self, api_key: str) -> stripe.StripeClient:
        client = stripe.AIOHTTPClient(timeout=10, session=self.http)
        addresses: Any = {"api": self.sandbox.url, "files": self.sandbox.url}
        return stripe.StripeClient(api_key, base_addresses=addresses, http_client=client)

    async def pay(
        self, method: str = "pm_card_visa", *, key: str | None = None, **more: object
    ) -> stripe.PaymentIntent:
        """Charge 10.00 EUR under the tag `att_1`, unless said otherwise."""
        params: Any = {
            "amount": 1000, "currency": "eur", "payment_method": method, "allowed_payment_method_types": ["card"],
            "confirm": True, "return_url": RETURN_URL, "metadata": {"hub_operation": "att_1"}, **more,
        }  # fmt: skip
        asked: Any = {name: value for name, value in params.items() if value is not None}
        options: Any = {} if key is None else {"idempotency_key": key}
        return await self.api.v1.payment_intents.create_async(asked, options)

    async def control(self, method: str, path: str, body: Json | None = None) -> Json:
        async with self.http.request(method, f"{self.sandbox.url}/_control{path}", json=body) as answer:
            told: Json = await answer.json()
            return told

    async def money(self, tag: str = "att_1") -> Json:
        return await self.control("GET", f"/money?tag={tag}")

    async def flush(self) -> Json:
        return await self.control("POST", "/webhooks/flush")

    async def types(self) -> list[str]:
        await self.flush()
        return [heard.type for heard in self.heard]

    async def until(self, type: str) -> Json:
        async with asyncio.timeout(WAIT_S), self.news:
            await self.news.wait_for(lambda: any(heard.type == type for heard in self.heard))
        event = next(heard.event for heard in self.heard if heard.type == type)
        found: Json = event["data"]["object"]
        return found

    async def answer_challenge(self, url: str, outcome: str) -> str:
        """Press a button on the bank's page; return where the payer is sent."""
        async with self.http.post(url, data={"outcome": outcome}, allow_redirects=False) as answer:
            assert answer.status == 303
            return answer.headers["Location"]


def declined(error: stripe.CardError) -> tuple[str | None, str | None]:
    """Read a card error: code and decline code."""
    assert error.error is not None
    return error.error.code, error.error.decline_code


def challenge_url(intent: stripe.PaymentIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.url is not None
    return intent.next_action.redirect_to_url.url


@asynccontextmanager
async def shop(book: Path) -> AsyncIterator[Shop]:
    async with serve(PROCESSOR, book) as sandbox, aiohttp.ClientSession() as http:
        opened = Shop(sandbox, http)

        async def hear(request: web.Request) -> web.Response:
            async with opened.news:
                told = request.headers
                heard = Heard(
                    await request.read(), told.get("Stripe-Signature", ""), request.path_qs, told.get("Authorization")
                )
                opened.heard.append(heard)
                opened.news.notify_all()
            return web.Response(status=opened.answers.pop(0) if opened.answers else 200)

        app = web.Application()
        app.router.add_post("/webhooks", hear)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        settings = {"webhook_url": f"http://127.0.0.1:{port}/webhooks", "webhook_secret": SECRET}
        await opened.control("PUT", f"/accounts/{ACCOUNT}", settings)
        try:
            yield opened
        finally:
            await runner.cleanup()


def statuses(objects: Sequence[Any]) -> list[str]:
    return [str(item.status) for item in objects]
