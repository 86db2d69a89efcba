"""Whatever is killed in mid-storm, of what was acknowledged nothing is lost: it is done, parked or waiting."""

import asyncio
import hmac
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from hub.sandbox.adyen.notices import signature
from hub.serving import serve_api, serve_jobs
from tests.hub.house import ADYEN_SECRET, STRIPE_SECRET, House, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import shown
from tests.hub.pretending import FORKS
from tests.processes import accepts, free_port

KILLS: Final = 10
"""On each of the two databases."""
SENDERS: Final = 12
BETWEEN: Final = 25
"""How many are acknowledged between two kills, at least."""
WITHIN_S: Final = 60.0


def _run(environment: Mapping[str, str], works: bool) -> None:  # noqa: FBT001 - an argument of a process
    os.environ.update(environment)
    if works:
        serve_jobs()
    else:
        serve_api(1)


class Processes:
    """One that serves and one that works, as `hub serve` and `hub worker` do; a kill ends both at any moment."""

    def __init__(self, made: House) -> None:
        self.port = free_port()
        settings = {
            "DATABASE_URL": made.database_url, "DEVELOPMENT": "yes", "CONNECT_MS": "500", "ANSWER_MS": "900",
            "REQUEST_MS": "1000", "LEASE_MS": "1500", "NEXT_ATTEMPT_NEEDS_MS": "500", "PORT": str(self.port),
            "WEBHOOK_READS_PER_SECOND": "1000",
        }  # fmt: skip
        self._environment = {f"HUB_{name}": value for name, value in settings.items()}
        self._running: list[BaseProcess] = []

    async def start(self) -> None:
        """Start both and wait until webhooks are taken."""
        self._running = [FORKS.Process(target=_run, args=(self._environment, works)) for works in (False, True)]
        for process in self._running:
            process.start()
        until = time.monotonic() + WITHIN_S
        while not accepts(self.port):
            assert time.monotonic() < until
            await asyncio.sleep(0.01)

    def kill(self) -> None:
        """End both with SIGKILL."""
        for process in self._running:
            process.kill()
        for process in self._running:
            process.join()
        self._running = []


class Storm:
    """Sends signed webhooks without a pause, again where nobody acknowledged, and notes what was acknowledged."""

    def __init__(self, made: House, port: int, payments: list[dict[str, Any]]) -> None:
        self._made = made
        self._url = f"http://127.0.0.1:{port}/webhooks"
        self._payments = payments
        self._numbers = count()
        self.acknowledged: dict[str, str] = {}

    async def blow(self, stop: asyncio.Event) -> None:
        """Send until *stop*."""
        async with httpx.AsyncClient(timeout=3) as client:
            while not stop.is_set():
                number = next(self._numbers)
                key, account, body, headers = self._stripe(number) if number % 3 else self._adyen(number)
                while not stop.is_set():
                    try:
                        answer = await client.post(f"{self._url}/{account}", content=body, headers=headers)
                    except httpx.TransportError:
                        await asyncio.sleep(0.02)
                        continue
                    if answer.status_code == 202:
                        self.acknowledged[key] = account
                        break
                    await asyncio.sleep(0.02)

    def _stripe(self, number: int) -> tuple[str, str, bytes, dict[str, str]]:
        """An event about a payment of ours."""
        payment = self._payments[number % len(self._payments)]
        key = f"evt_storm{number}"
        event = {
            "id": key, "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1,
            "api_version": "2026-10-28.endive", "pending_webhooks": 1, "request": None,
            "data": {"object": {"id": payment["processor_reference"], "object": "payment_intent"}},
        }  # fmt: skip
        body, at = json.dumps(event).encode(), int(time.time())
        signed = hmac.new(STRIPE_SECRET.encode(), f"{at}.".encode() + body, sha256).hexdigest()
        return key, self._made.accounts["stripe-eu"], body, {"Stripe-Signature": f"t={at},v1={signed}"}

    def _adyen(self, number: int) -> tuple[str, str, bytes, dict[str, str]]:
        """An item about a payment that nobody knows."""
        item: dict[str, Any] = {
            "amount": {"value": 1000, "currency": "EUR"}, "eventCode": "AUTHORISATION", "success": "true",
            "pspReference": f"STORM{number}", "eventDate": "2026-11-21T09:00:00Z", "merchantAccountCode": "HubEU",
            "merchantReference": "att_unknown",
        }  # fmt: skip
        item["additionalData"] = {"hmacSignature": signature(item, ADYEN_SECRET)}
        body = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).encode()
        return f"STORM{number}:AUTHORISATION:true:", self._made.accounts["adyen-eu"], body, {}


@asynccontextmanager
async def blowing(storm: Storm) -> AsyncIterator[None]:
    stop = asyncio.Event()
    senders = [asyncio.create_task(storm.blow(stop)) for _ in range(SENDERS)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*senders)


async def statuses(made: House, storm: Storm) -> Counter[str]:
    """Count what became of what was acknowledged."""
    found = {row["delivery_key"]: row for row in await rows(made, "SELECT * FROM webhook_deliveries")}
    lost = sorted(key for key in storm.acknowledged if key not in found)
    assert lost == []
    return Counter(
        "waiting" if found[key]["due_at"] is not None else found[key]["status"] for key in storm.acknowledged
    )


@pytest.mark.fault_case(id="CR-09")
async def test_what_was_acknowledged_is_done_parked_or_waiting_whatever_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        for processor in ("stripe", "adyen"):
            await made.control(processor, "POST", "webhooks", {"mode": "drop"})
        wish = {"payment_method": made.payment_method, "merchant_account": made.accounts["stripe-eu"]}
        payments = [(await made.hub.charge(**wish)).json() for _ in range(6)]
        processes = Processes(made)
        storm = Storm(made, processes.port, payments)
        try:
            await processes.start()
            async with blowing(storm):
                for _ in range(KILLS):
                    enough = len(storm.acknowledged) + BETWEEN
                    until = time.monotonic() + WITHIN_S
                    while len(storm.acknowledged) < enough:
                        assert time.monotonic() < until
                        await asyncio.sleep(0.01)
                    processes.kill()
                    counted = await statuses(made, storm)
                    assert counted.total() == len(storm.acknowledged)
                    assert set(counted) <= {"done", "parked", "waiting"}, counted
                    await processes.start()
            assert len(storm.acknowledged) >= KILLS * BETWEEN

            ours = [key for key in storm.acknowledged if key.startswith("evt_")]
            until = time.monotonic() + WITHIN_S
            while (await statuses(made, storm))["done"] < len(ours):  # Leases of the dead run out.
                assert time.monotonic() < until, await statuses(made, storm)
                await asyncio.sleep(0.1)
        finally:
            processes.kill()
        for payment in payments:
            assert (await shown(made, payment["id"]))["status"] == "captured"
        assert await rows(made, "SELECT type FROM exceptions") == []
        await agrees(made)
