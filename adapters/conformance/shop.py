"""Where the second half is tried: the adapter at a server of its processor, whose book knows where the money is."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web
from msgspec import Struct

from adapters.conformance import asking
from adapters.conformance.bench import DEADLINES, ended, send
from adapters.conformance.checks import Checks, Half
from adapters.conformance.harness import SandboxHarness, Server
from adapters.conformance.stub import listening
from adapters.conformance.verdict import NonconformingError, expect
from adapters.contract import Adapter, Authorize, Credentials, Delivery, FollowUp, Webhook
from adapters.errors import OutcomeUnknownError
from adapters.transport import Transport
from normalization.money import EXPONENT, Currency, Money, to_unit
from normalization.outcome import OPENING, Approved, Declined, Operation, Outcome, Pending, Report
from normalization.tokens import ProcessorToken

INQUIRIES_MAX: Final = 80
BETWEEN_S: Final = 0.05

Request = Authorize | FollowUp


class Moved(Struct, frozen=True, kw_only=True):
    """What the server's book says of one payment, in the processor's units; `charges` counts payments with money."""

    authorized: int
    captured: int
    refunded: int
    voided: int
    charges: int


class Shop:
    """One adapter, its account at the server, and whoever listens for the account's webhooks."""

    def __init__(
        self, harness: SandboxHarness, server: Server, http: aiohttp.ClientSession, transport: Transport
    ) -> None:
        """Connect the adapter."""
        self.harness = harness
        self.server = server
        self.http = http
        self.transport = transport
        self.heard: list[Webhook] = []
        self.refuses_webhooks = False
        self.credentials = harness.credentials(server.base_url)
        self.capabilities = harness.registration.capabilities(self.credentials)
        self.adapter = self.connect(self.credentials)
        self.currency = _currency(harness)

    def connect(self, credentials: Credentials, *, livemode: bool = False) -> Adapter:
        """Make an adapter."""
        return self.harness.registration.connect(credentials, self.transport, livemode)

    async def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask the server's control API."""
        async with self.http.request(method, self.server.control_url + path, json=body) as answer:
            told: dict[str, Any] = await answer.json()
            if answer.status != 200:  # noqa: PLR2004 - the one answer that is none of an error
                raise RuntimeError(f"{method} {path} at the control API: {answer.status} {told}")
            return told

    async def fails(self, fault: str, count: int | None = 1, delay_ms: int = 1000) -> None:
        """Let the next *count* requests meet *fault*; None: until `control` removes it."""
        await self.control("POST", "/faults", {"fault": fault, "count": count, "delay_ms": delay_ms})

    async def moved(self, tag: str = asking.ATTEMPT) -> Moved:
        """Read the book."""
        return msgspec.convert(await self.control("GET", f"/money?tag={tag}"), Moved)

    def unit(self, money: Money) -> int:
        """Count *money* as the processor does."""
        return to_unit(money, self.harness.exponents[money.currency])

    def minor(self, minor: int) -> int:
        """Count an amount of the shop's currency as the processor does."""
        return self.unit(Money(minor, self.currency))

    def opening(self, operation: Operation, token: ProcessorToken | None = None, **facts: Any) -> Authorize:  # noqa: ANN401 - a field's own type
        """Ask for an authorization or a purchase of the usual amount."""
        request = asking.opening(operation, token or self.harness.token, self.currency)
        return msgspec.structs.replace(request, **facts)

    def follow_up(self, operation: Operation, parent: str, minor: int, **facts: Any) -> FollowUp:  # noqa: ANN401 - as above
        """Ask for a capture, void or refund in the shop's currency."""
        request = asking.follow_up(operation, parent, self.currency, minor=minor)
        return msgspec.structs.replace(request, **facts)

    async def ready(self, operation: Operation, token: ProcessorToken | None = None) -> Request:
        """Make whatever *operation* needs to be there before it, and ask for it."""
        if operation in OPENING:
            return self.opening(operation, token)
        first = Operation.PURCHASE if operation is Operation.REFUND else Operation.AUTHORIZE
        parent = await self.opened(first, token)
        minor = {Operation.CAPTURE: asking.CAPTURED_MINOR, Operation.REFUND: asking.REFUNDED_MINOR}
        return self.follow_up(operation, parent, minor.get(operation, asking.PAID_MINOR))

    async def opened(self, operation: Operation, token: ProcessorToken | None = None) -> str:
        """Authorize or take the usual amount and give the processor's reference of the payment."""
        request = self.opening(operation, token)
        report = await self.reported(request)
        expect(await self.final(request, report) == Approved(), f"the {operation} with the harness's token is approved")
        expect(report.processor_reference, f"the report of the {operation} has the processor's reference", report)
        return report.processor_reference or ""

    async def reported(self, request: Request) -> Report:
        """Send *request*, which must be answered."""
        seen = await ended(send(self.adapter, request))
        expect(isinstance(seen, Report), f"the {request.operation} that meets no fault is reported on", seen)
        return seen if isinstance(seen, Report) else _never()

    async def webhooks(self) -> list[Webhook]:
        """Give every request that came to the account's webhook address so far."""
        await self.control("POST", "/webhooks/flush", {})
        return list(self.heard)

    async def told(self, request: Request) -> list[Report]:
        """Give what webhooks said of *request*, oldest first, each read by the adapter."""
        return about(request, [told for one in await self.deliveries() for told in self.adapter.read_delivery(one)])

    async def deliveries(self) -> list[Delivery]:
        """Give every message that came to the account's webhook address so far, verified by the adapter."""
        return [one for webhook in await self.webhooks() for one in self.adapter.open_webhook(webhook)]

    async def final(self, request: Request, report: Report) -> Outcome:
        """Give the last word on *request*: the answer's, or where that was told later, the webhook's."""
        if not isinstance(report.outcome, Pending):
            return report.outcome
        told = [one.outcome for one in await self.told(request) if isinstance(one.outcome, Approved | Declined)]
        expect(told, f"a pending {request.operation} is finished by a webhook with its tag or its reference")
        return told[-1]

    async def resolved(self, request: Request) -> Report | None:
        """Inquire until the adapter knows what became of *request*.

        Raises:
            NonconformingError: when it does not find out, or an inquiry ends otherwise than it may.
        """
        for _ in range(INQUIRIES_MAX):
            seen = await ended(self.adapter.inquire(request))
            if seen is None or isinstance(seen, Report):
                return seen
            expect(isinstance(seen, OutcomeUnknownError), "an inquiry that fails is OutcomeUnknownError", seen)
            await asyncio.sleep(BETWEEN_S)
        raise NonconformingError(f"no inquiry found out what became of the {request.operation}")

    async def amount_moved(self, request: Request) -> int:
        """Say how much the book has of what *request* asks for."""
        moved = await self.moved()
        return {
            Operation.AUTHORIZE: moved.authorized,
            Operation.PURCHASE: moved.captured,
            Operation.CAPTURE: moved.captured,
            Operation.VOID: moved.voided,
            Operation.REFUND: moved.refunded,
        }[request.operation]


def about(request: Request, told: Iterable[object]) -> list[Report]:
    """Give what of all that was *told* is a report on *request*."""
    return [one for one in told if isinstance(one, Report) and _is_about(one, request)]


def _is_about(report: Report, request: Request) -> bool:
    """Whether *report* answers *request*: by its tag, or where it has none by the payment.

    Some processors tell of an authorization and a purchase alike.
    """
    same_kind = report.kind is request.operation or {report.kind, request.operation} <= OPENING
    if report.tag is not None or isinstance(request, Authorize):
        return same_kind and report.tag == request.operation_id
    return same_kind and report.parent_reference == request.parent_reference


def _currency(harness: SandboxHarness) -> Currency:
    """Take the euro, or else a currency that the processor counts as ISO 4217 does, in hundredths."""
    usual = [one for one, digits in harness.exponents.items() if digits == EXPONENT[one] == 2]  # noqa: PLR2004 - hundredths
    expect(usual, "the harness's exponents have a currency of two digits")
    return Currency.EUR if Currency.EUR in usual else usual[0]


def _never() -> Report:
    raise AssertionError


@asynccontextmanager
async def _shop(harness: SandboxHarness, folder: Path) -> AsyncIterator[Shop]:
    transport = Transport(DEADLINES)
    async with harness.serving(folder) as server, aiohttp.ClientSession() as http:
        shop = Shop(harness, server, http, transport)

        async def hear(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            shop.heard.append(Webhook(headers=headers, body=await request.read(), received_at=datetime.now(UTC)))
            return web.Response(status=503 if shop.refuses_webhooks else 202)

        async with listening(hear) as url:
            settings = {"webhook_url": f"{url}/hook", "webhook_secret": shop.credentials.webhook_secret}
            await shop.control("PUT", f"/accounts/{server.account}", settings)
            try:
                yield shop
            finally:
                await transport.close()


SECOND: Final = Checks(Half.SECOND, _shop)
