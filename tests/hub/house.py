"""The whole hub on real sockets, with pretend processors behind it, for one test."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from litestar import Litestar
from msgspec import Struct, field
from msgspec.structs import replace

from hub.access.rules import ROLES, Grant, Role
from hub.access.service import make_key
from hub.app import Parts, create_app, state_before_start, utc_now
from hub.database import Database, open_database
from hub.ids import new_id
from hub.sandbox.server import processor as pretend
from hub.settings import Settings
from tests.canaries import none_in_refusal
from tests.hub.pretending import running
from tests.processes import free_port

STRIPE_SECRET = str(pretend("stripe").credentials("eu", "")["webhook_secret"])
ADYEN_SECRET = str(pretend("adyen").credentials("HubEU", "")["webhook_secret"])
SHOPPERS = {"adyen": "shopper-1"}
"""Whose customer a token belongs to, where a processor charges none without."""

LIMITS = httpx.Limits(keepalive_expiry=2.0)
"""Connections are given up long before the servers do it: one that meets that end is broken."""
SERVER_KEEPS_S = 60
"""Far longer than any stall of a busy machine between a client's look at a connection and its next request."""

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: each would read every certificate authority of the world anew."""

QUICK = Settings(
    connect_ms=500, answer_ms=1_000, request_ms=3_000, next_attempt_needs_ms=500, database_connections_max=4
)
"""Short deadlines, so that a silence is a silence soon; few connections, since PostgreSQL starts a process for each."""

IDLE: dict[tuple[int, int], list[Litestar]] = {}
"""Applications that ran and can run anew, by what is built into them: making one reads every handler's types again."""


class Hub(Struct):
    """One running process of the hub, as an admin sees it."""

    url: str
    parts: Parts
    client: httpx.AsyncClient

    async def post(
        self, path: str, body: object, *, key: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """POST as JSON, with a new Idempotency-Key unless one is given."""
        sent = {"Idempotency-Key": key or new_id("key_"), **(headers or {})}
        return await self.client.post(path, json=body, headers=sent)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """GET with query parameters."""
        return await self.client.get(path, params=query)

    async def charge(self, **changes: Any) -> httpx.Response:
        """Charge 49.99 EUR, with *changes* to the body."""
        body = {"amount": 4999, "currency": "EUR", "reference": new_id("invoice-")} | changes
        return await self.post("/v1/payments", body)

    async def until(self, payment: str, *statuses: str) -> dict[str, Any]:
        """Read a payment until it has one of *statuses*, for ten seconds at most."""
        body: dict[str, Any] = {}
        for _ in range(100):
            body = (await self.get(f"/v1/payments/{payment}")).json()
            if body["status"] in statuses:
                return body
            await asyncio.sleep(0.1)
        raise AssertionError(f"{payment} stayed {body.get('status')}")


class House(Struct):
    """A hub (or two, on one database), its processors and what is set up there."""

    hub: Hub
    second: Hub | None
    database_url: str
    sandboxes: dict[str, str]  # Processor to URL.
    accounts: dict[str, str]  # Name to id.
    payment_method: str  # Chargeable at Stripe and at Adyen.
    folder: Path
    controls: httpx.AsyncClient
    places: dict[str, tuple[str, str]] = field(default_factory=dict)  # Account id to processor and its name there.

    async def control(self, processor: str, method: str, path: str, body: object = None) -> Any:
        """Speak to a sandbox's control, such as `POST faults`."""
        url = f"{self.sandboxes[processor]}/_control/{path}"
        answer = await self.controls.request(method, url, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def fault(self, processor: str, fault: str, operation: str | None = None, **more: Any) -> None:
        """Make the next matching request at *processor* go wrong."""
        match = {"operation": operation} if operation else {}
        await self.control(processor, "POST", "faults", {"match": match, "fault": fault, "count": 1} | more)

    async def charges(self, processor: str) -> int:
        """Count the charges that *processor* really made."""
        money = await self.control(processor, "GET", "money")
        return sum(c["charges"] for account in money["accounts"].values() for c in account.values())

    async def method(self, **tokens_by_processor: str | None) -> str:
        """Make a payment method with a token at each of the processors named."""
        tokens = [
            {"processor": processor, "token": token}
            | ({"customer_reference": SHOPPERS[processor]} if processor in SHOPPERS else {})
            for processor, token in tokens_by_processor.items()
            if token
        ]
        made = await self.hub.post("/v1/payment_methods", {"type": "card", "processor_tokens": tokens})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def caller(self, role: Role = Role.ADMIN, **limits: Any) -> dict[str, str]:
        """Headers of a caller with a new key: `livemode`, `merchant_accounts` and `refund_max` narrow it."""
        return {"Authorization": f"Bearer {await self.key(role, **limits)}"}

    async def key(self, role: Role, *, livemode: bool = False, **limits: Any) -> str:
        """Make an API key and return its secret."""
        return await make_key_in(self.hub.parts.database, role, livemode=livemode, **limits)


async def make_api_key(database_url: str, role: Role, *, livemode: bool = False, **limits: Any) -> str:
    """Make an API key and return its secret."""
    database = await open_database(database_url)
    secret = await make_key_in(database, role, livemode=livemode, **limits)
    await database.close()
    return secret


async def make_key_in(database: Database, role: Role, *, livemode: bool = False, **limits: Any) -> str:
    """Make an API key in a database that is open, and return its secret."""
    grant = Grant(principal=limits.pop("principal", "ada"), scopes=ROLES[role], **limits)
    _, secret = await make_key(
        database, grant, name="test", role=role, livemode=livemode, by=None, at=datetime.now(UTC)
    )
    return secret


@asynccontextmanager
async def serving(
    settings: Settings, api_key: str, *, with_worker: bool, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Hub]:
    """Run one process's worth of the hub in this loop, on a real socket."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = replace(settings, public_url=url, port=port)
    idle = IDLE.setdefault((settings.body_max_bytes, settings.webhook_body_max_bytes), [])
    app = idle.pop() if idle else create_app(settings)
    app.state = state_before_start(settings, with_worker=with_worker, clock=clock)
    config = uvicorn.Config(app, port=port, log_level="warning", lifespan="on", timeout_keep_alive=SERVER_KEEPS_S)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.01)
    headers = {"Authorization": f"Bearer {api_key}"}
    try:
        async with httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=40,
            limits=LIMITS,
            verify=TRUSTS_NOBODY,
            event_hooks={"response": [none_in_refusal]},
        ) as client:
            yield Hub(url, app.state.parts, client)
    finally:
        server.should_exit = True
        await task
        idle.append(app)


@asynccontextmanager
async def house(
    database_url: str,
    folder: Path,
    *,
    settings: Settings = QUICK,
    second: bool = False,
    with_worker: bool = True,
    clock: Callable[[], datetime] = utc_now,
    besides: Iterable[str] = (),
) -> AsyncIterator[House]:
    """Run everything: the hub with its worker, a Stripe and an Adyen account for EUR, and what is behind them.

    The database has its tables already. *besides* are further processors whose sandboxes run too; their accounts are
    opened with `add_account`.
    """
    settings = replace(settings, database_url=database_url)
    async with AsyncExitStack() as stack:
        processors = ("stripe", "adyen", *besides)
        starting = [stack.enter_async_context(running(name, folder / f"{name}.book")) for name in processors]
        sandboxes = dict(zip(processors, await asyncio.gather(*starting), strict=True))
        controls = await stack.enter_async_context(httpx.AsyncClient(timeout=20, limits=LIMITS, verify=TRUSTS_NOBODY))
        hubs = [
            await stack.enter_async_context(serving(settings, "", with_worker=with_worker, clock=clock))
            for _ in range(1 + second)
        ]
        admin = await make_key_in(hubs[0].parts.database, Role.ADMIN)
        for hub in hubs:
            hub.client.headers["Authorization"] = f"Bearer {admin}"
        other = hubs[1] if second else None
        made = House(hubs[0], other, database_url, sandboxes, {}, "", folder, controls)
        await add_account(made, "stripe-eu", "stripe", "eu", currencies=["EUR", "USD", "JPY", "KWD"])
        await add_account(made, "adyen-eu", "adyen", "HubEU", currencies=["EUR", "GBP", "JPY", "KWD"])
        made.payment_method = await made.method(stripe="pm_card_visa", adyen="stored_visa")
        if other is not None:
            await other.parts.directory.refresh()  # What was set up here it would find within the poll interval.
        yield made


async def add_account(made: House, name: str, processor: str, account: str, **changes: Any) -> str:
    """Open a merchant account in the hub, and at its processor with the hub's webhook address."""
    credentials = pretend(processor).credentials(account, made.sandboxes[processor])
    secret = credentials["webhook_secret"]
    body = {"name": name, "processor": processor, "credentials": credentials | changes.pop("credentials", {})}
    answer = await made.hub.post("/v1/merchant_accounts", body | changes)
    assert answer.status_code == 201, answer.text
    made.accounts[name] = answer.json()["id"]
    made.places[made.accounts[name]] = (processor, account)
    hook = {"webhook_url": f"{made.hub.url}/webhooks/{made.accounts[name]}", "webhook_secret": secret}
    await made.control(processor, "PUT", f"accounts/{account}", hook)
    return made.accounts[name]
