"""An adapter at the pretend Stripe, with whoever listens for its webhooks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web

from adapters.abilities import TokenSession
from adapters.contract import TokenNews, Webhook
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Deadlines, Transport
from hub.sandbox.server import processor, serve
from normalization.outcome import ActionRequired, Report

ACCOUNT = "shop"
SECRET = "whsec_sandboxed"


class Shop:
    """One account: its adapter, its webhooks, and the sandbox's own word on the money."""

    def __init__(self, url: str, http: aiohttp.ClientSession, transport: Transport) -> None:
        self.url = url
        self.http = http
        self.transport = transport
        self.heard: list[Webhook] = []
        self.adapter = self.connect()

    def connect(self, api_key: str = f"sk_test_{ACCOUNT}", **more: Any) -> StripeAdapter:
        wanted = {"api_key": api_key, "publishable_key": f"pk_test_{ACCOUNT}", "webhook_secret": SECRET}
        credentials = StripeCredentials(**{**wanted, "base_url": self.url, **more})
        return StripeAdapter(credentials, self.transport, livemode=False)

    async def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        async with self.http.request(method, f"{self.url}/_control{path}", json=body) as answer:
            told: dict[str, Any] = await answer.json()
            assert answer.status == 200, told
            return told

    async def fails(self, fault: str, count: int = 1) -> None:
        await self.control("POST", "/faults", {"fault": fault, "count": count})

    async def money(self, tag: str) -> tuple[int, int, int, int]:
        """What is authorized, captured, refunded in Stripe's units, and how many charges made it."""
        told = await self.control("GET", f"/money?tag={tag}")
        return told["authorized"], told["captured"], told["refunded"], told["charges"]

    async def reports(self) -> list[Report]:
        """Every webhook so far, verified and read by the adapter."""
        await self.control("POST", "/webhooks/flush", {})
        deliveries = [delivery for webhook in self.heard for delivery in self.adapter.open_webhook(webhook)]
        return [told for one in deliveries for told in self.adapter.read_delivery(one) if isinstance(told, Report)]

    async def tokens(self) -> list[TokenNews]:
        """What every webhook so far told of kept cards."""
        await self.control("POST", "/webhooks/flush", {})
        deliveries = [delivery for webhook in self.heard for delivery in self.adapter.open_webhook(webhook)]
        return [told for one in deliveries for told in self.adapter.read_delivery(one) if isinstance(told, TokenNews)]

    async def in_browser(self, session: TokenSession, card: str, **more: str) -> dict[str, Any]:
        """Confirm a session's SetupIntent as Stripe.js does, with the publishable key and the client secret."""
        client = session.client
        url = f"{self.url}/v1/setup_intents/{client['setup_intent']}/confirm"
        form = {"client_secret": str(client["client_secret"]), "payment_method": card, **more}
        headers = {"Authorization": f"Bearer {client['publishable_key']}"}
        async with self.http.post(url, data=form, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def challenged(self, outcome: object, answer: str) -> dict[str, str]:
        """Follow the redirect as a browser would, answer, bring back what the return address got."""
        assert isinstance(outcome, ActionRequired)
        async with self.http.get(outcome.url) as page:
            assert page.status == 200
        async with self.http.post(outcome.url, data={"outcome": answer}, allow_redirects=False) as left:
            return dict(parse_qsl(urlsplit(left.headers["Location"]).query))


@asynccontextmanager
async def shop_at(book: Path) -> AsyncIterator[Shop]:
    """Open an account at a sandbox of its own, with deadlines that a test can wait for."""
    transport = Transport(Deadlines(connect=0.5, answer=0.5, total=4))
    app = web.Application()
    runner = web.AppRunner(app)
    async with serve(processor("stripe"), book) as sandbox, aiohttp.ClientSession() as http:
        shop = Shop(sandbox.url, http, transport)

        async def hear(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            shop.heard.append(Webhook(headers=headers, body=await request.read(), received_at=datetime.now(UTC)))
            return web.Response(status=202)

        app.add_routes([web.post("/hook", hear)])
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        await shop.control("PUT", f"/accounts/{ACCOUNT}", {"webhook_url": hook, "webhook_secret": SECRET})
        yield shop
        await transport.close()
    await runner.cleanup()
