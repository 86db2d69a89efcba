"""An adapter at the pretend Adyen, with whoever listens for its webhooks."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web

from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.credentials import AdyenCredentials
from adapters.contract import Authorize, FollowUp, TokenNews, Webhook
from adapters.errors import OutcomeUnknownError
from adapters.transport import Deadlines, Transport
from hub.sandbox.server import processor, serve
from normalization.disputes import DisputeReport
from normalization.outcome import ActionRequired, Report

ACCOUNT = "HubShop"
HMAC_KEY = "9F" * 32
INQUIRIES_MAX = 50


async def at_once(_resend: int) -> None:
    pass


class Merchant:
    def __init__(self, url: str, http: aiohttp.ClientSession, transport: Transport) -> None:
        self.url = url
        self.http = http
        self.transport = transport
        self.heard: list[Webhook] = []
        self.adapter = self.connect()

    def connect(self, **facts: Any) -> AdyenAdapter:
        wanted = {"api_key": "key", "merchant_account": ACCOUNT, "base_url": self.url, "webhook_secret": HMAC_KEY}
        return AdyenAdapter(AdyenCredentials(**{**wanted, **facts}), self.transport, livemode=False, pause=at_once)

    async def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        async with self.http.request(method, f"{self.url}/_control{path}", json=body) as answer:
            told: dict[str, Any] = await answer.json()
            assert answer.status == 200, told
            return told

    async def fails(self, fault: str, count: int = 1) -> None:
        await self.control("POST", "/faults", {"fault": fault, "count": count})

    async def money(self, tag: str) -> tuple[int, int, int, int]:
        """What is authorized, captured, refunded in minor units, and how many charges made it."""
        told = await self.control("GET", f"/money?tag={tag}")
        return told["authorized"], told["captured"], told["refunded"], told["charges"]

    async def reports(self, adapter: AdyenAdapter | None = None) -> list[Report]:
        """Every webhook so far, verified and read by the adapter."""
        reader = adapter or self.adapter
        await self.control("POST", "/webhooks/flush", {})
        deliveries = [delivery for webhook in self.heard for delivery in reader.open_webhook(webhook)]
        return [told for one in deliveries for told in reader.read_delivery(one) if isinstance(told, Report)]

    async def tokens(self) -> list[TokenNews]:
        """What every webhook so far told of stored cards."""
        await self.control("POST", "/webhooks/flush", {})
        deliveries = [delivery for webhook in self.heard for delivery in self.adapter.open_webhook(webhook)]
        return [told for one in deliveries for told in self.adapter.read_delivery(one) if isinstance(told, TokenNews)]

    async def disputes(self) -> list[DisputeReport]:
        """What every webhook so far told of disputes."""
        await self.control("POST", "/webhooks/flush", {})
        deliveries = [delivery for webhook in self.heard for delivery in self.adapter.open_webhook(webhook)]
        return [
            told for one in deliveries for told in self.adapter.read_delivery(one) if isinstance(told, DisputeReport)
        ]

    async def found_out(self, request: Authorize | FollowUp) -> Report:
        """Inquire until the processor knows: while it still works on the first sending it only says so."""
        for _ in range(INQUIRIES_MAX):
            try:
                report = await self.adapter.inquire(request)
            except OutcomeUnknownError:
                await asyncio.sleep(0.1)
            else:
                assert report is not None
                return report
        raise AssertionError("no inquiry found the outcome")

    async def report(self, tag: str) -> Report:
        """The only report with that tag."""
        (found,) = [report for report in await self.reports() if report.tag == tag]
        return found

    async def challenged(self, outcome: object, button: str) -> dict[str, str]:
        """Follow the redirect as a browser would, press a button, bring back what the return address got."""
        assert isinstance(outcome, ActionRequired)
        fields = outcome.fields if outcome.method == "POST" else None
        async with self.http.request(outcome.method, outcome.url, data=fields) as page:
            form = re.search(rf'<form id="{button}" method="post" action="([^"]+)"', await page.text())
        assert form is not None
        async with self.http.post(self.url + form[1], allow_redirects=False) as left:
            if "Location" in left.headers:
                return dict(parse_qsl(urlsplit(left.headers["Location"]).query))
            return dict(re.findall(r'name="(\w+)" value="([^"]+)"', await left.text()))


@asynccontextmanager
async def merchant(book: Path, deadlines: Deadlines | None = None) -> AsyncIterator[Merchant]:
    transport = Transport(deadlines)
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=1)
    async with serve(processor("adyen"), book) as sandbox, aiohttp.ClientSession() as http:
        opened = Merchant(sandbox.url, http, transport)

        async def hear(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            opened.heard.append(Webhook(headers=headers, body=await request.read(), received_at=datetime.now(UTC)))
            return web.Response(status=202)

        app.add_routes([web.post("/hook", hear)])
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        await opened.control("PUT", f"/accounts/{ACCOUNT}", {"webhook_url": hook, "webhook_secret": HMAC_KEY})
        try:
            yield opened
        finally:
            await transport.close()
            await runner.cleanup()
