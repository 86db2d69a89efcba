"""A connection lost in commit: a part of such commits had happened, so the hub reads back before anything else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.hub.house import QUICK, House, add_account, house
from tests.hub.money import agrees, rows
from tests.processes import free_port

CHUNK = 1 << 16
READS_MAX = 600
"""A look at a key or a reference is a shorter message than any commit of the charge path."""
When = Literal["before", "after"]


class Scissors(Struct):
    """Cuts one connection as a message with *mark* passes for the *left*th time: before or after it took effect."""

    mark: bytes = b""
    left: int = 0
    when: When = "before"
    cuts: int = 0

    def meets(self, data: bytes) -> bool:
        """Count the message down; whether this is the one."""
        if not self.left or self.mark not in data or len(data) < READS_MAX:
            return False
        self.left -= 1
        return self.left == 0


@asynccontextmanager
async def cuttable(url: str, scissors: Scissors) -> AsyncIterator[str]:
    """Stand between the hub and PostgreSQL; gives the URL to connect to."""
    there = urlsplit(url)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(there.hostname, there.port)
        cutting = asyncio.Event()
        pumps = [
            asyncio.create_task(_ask(reader, ours, scissors, cutting)),
            asyncio.create_task(_answer(theirs, writer, cutting)),
        ]
        tasks.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for side in (writer, ours):
            side.transport.abort()
        await asyncio.gather(*pumps, return_exceptions=True)
        tasks.difference_update(pumps)

    server = await asyncio.start_server(serve, "127.0.0.1", free_port())
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://{there.username}@127.0.0.1:{port}{there.path}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()


async def _ask(
    client: asyncio.StreamReader, server: asyncio.StreamWriter, scissors: Scissors, cutting: asyncio.Event
) -> None:
    while data := await client.read(CHUNK):
        if scissors.meets(data):
            scissors.cuts += 1
            if scissors.when == "before":
                return
            cutting.set()
        server.write(data)
        await server.drain()


async def _answer(server: asyncio.StreamReader, client: asyncio.StreamWriter, cutting: asyncio.Event) -> None:
    while data := await server.read(CHUNK):
        if cutting.is_set():
            return  # The database has committed and says so, to nobody.
        client.write(data)
        await client.drain()


async def second_of_two(made: House) -> None:
    """Have brand "two" sent to an account where nobody listens, and then to one that works: three commits."""
    dead = {"base_url": f"http://127.0.0.1:{free_port()}"}
    await add_account(made, "dead", "stripe", "dead", credentials=dead, brands=["two"])
    await add_account(made, "alive", "adyen", "alive", brands=["two"])
    for name in ("stripe-eu", "adyen-eu"):
        await made.hub.client.patch(f"/v1/merchant_accounts/{made.accounts[name]}", json={"brands": ["else"]})
    await made.control("adyen", "POST", "webhooks", {"mode": "drop"})


@pytest.mark.fault_case(id="DB-02")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", [1, 2, 3])
async def test_a_charge_whose_commit_is_cut_is_made_once_or_not_at_all(
    commit: int, when: When, postgres_url: str, tmp_path: Path
) -> None:
    scissors = Scissors()
    settings = replace(QUICK, request_ms=10_000)
    async with (
        cuttable(postgres_url, scissors) as url,
        house(url, tmp_path, settings=settings, with_worker=False) as made,
    ):
        await second_of_two(made)
        wish = {"amount": 1000, "currency": "EUR", "brand": "two", "payment_method": made.payment_method}
        await made.hub.post("/v1/payments", wish | {"reference": "warm"})
        charged = await made.charges("adyen")
        scissors.mark, scissors.left, scissors.when = b"cut-me", commit, when

        answer = await made.hub.post("/v1/payments", wish | {"reference": "cut-me"}, key="one")

        assert scissors.cuts == 1
        scissors.left = 0
        made_now = await made.charges("adyen") - charged
        again = await made.hub.post("/v1/payments", wish | {"reference": "cut-me"}, key="one")
        if (commit, when) == (1, "before"):
            assert (answer.status_code, answer.json()["code"], made_now) == (503, "database_unavailable", 0)
            assert again.json()["status"] == "captured", again.text
        elif (commit, when) == (2, "before"):  # The first attempt's end stays, the second never began.
            assert (answer.json()["status"], made_now) in {("failed", 0), ("captured", 1)}
            assert again.content == answer.content
        else:
            assert (answer.status_code, answer.json()["status"], made_now) == (201, "captured", 1), answer.text
            assert again.content == answer.content
        assert await rows(made, "SELECT id FROM operations WHERE status IN ('sending', 'unknown')") == []
        await agrees(made)


@pytest.mark.fault_case(id="DB-02")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", [1, 2])
async def test_a_refund_whose_commit_is_cut_is_made_once(
    commit: int, when: When, postgres_url: str, tmp_path: Path
) -> None:
    scissors = Scissors()
    async with (
        cuttable(postgres_url, scissors) as url,
        house(url, tmp_path, settings=replace(QUICK, request_ms=10_000), with_worker=False) as made,
    ):
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        account = made.accounts["stripe-eu"]
        paid = await made.hub.charge(payment_method=made.payment_method, merchant_account=account, amount=1000)
        path = f"/v1/payments/{paid.json()['id']}/refunds"
        await made.hub.post(path, {"amount": 1})
        scissors.mark, scissors.left, scissors.when = b"cut-me", commit, when

        answer = await made.hub.post(path, {"amount": 400, "reference": "cut-me"}, key="one")

        assert scissors.cuts == 1
        scissors.left = 0
        assert (answer.status_code, answer.json()["status"]) == (201, "succeeded"), answer.text
        again = await made.hub.post(path, {"amount": 400, "reference": "cut-me"}, key="one")
        assert again.content == answer.content
        body = (await made.hub.get(f"/v1/payments/{paid.json()['id']}")).json()
        assert (body["amount_refunded"], body["amount_refunding"]) == (401, 0)
        await agrees(made)
