"""The limit of requests holds for all processes of a hub together, to the request."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from hub.access.rules import Role
from hub.cli import main
from tests.hub.commands import DEVELOPMENT_KEY, environment
from tests.hub.house import TRUSTS_NOBODY, make_api_key
from tests.hub.pretending import FORKS, STOP_S
from tests.processes import accepts, free_port

ALLOWED = 40
SENT = 120
AT_ONCE = 24


def serve(settings: Mapping[str, str]) -> None:
    """Become `hub serve`."""
    os.environ.clear()
    os.environ.update(settings)
    sys.argv = ["hub", "serve"]
    main(prog_name="hub")


@asynccontextmanager
async def served(**settings: str) -> AsyncIterator[str]:
    """Run a server in a process of its own and yield its URL."""
    port = free_port()
    process = FORKS.Process(target=serve, args=(environment(**settings, HUB_PORT=str(port)),), daemon=True)
    process.start()
    try:
        async with asyncio.timeout(60):
            while not accepts(port):
                assert process.is_alive(), process.exitcode
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await asyncio.to_thread(process.join, STOP_S)
        if process.is_alive():
            process.kill()
            process.join()


@pytest.mark.fault_case(id="API-11")
async def test_of_many_requests_at_once_to_two_servers_exactly_as_many_pass_as_are_allowed(
    sqlite_url: str, redis_url: str
) -> None:
    settings = {"HUB_DATABASE_URL": sqlite_url, "HUB_REDIS_URL": redis_url, "HUB_KEYS": DEVELOPMENT_KEY}
    settings |= {"HUB_RATE_LIMIT_PER_MINUTE": str(ALLOWED), "HUB_DRAIN_MS": "0"}
    keys = [await make_api_key(sqlite_url, Role.AUDITOR) for _ in range(2)]
    room = asyncio.Semaphore(AT_ONCE)

    async with AsyncExitStack() as stack:
        urls = await asyncio.gather(*(stack.enter_async_context(served(**settings)) for _ in range(2)))
        client = await stack.enter_async_context(httpx.AsyncClient(verify=TRUSTS_NOBODY, timeout=30))

        async def ask(number: int, key: str) -> httpx.Response:
            async with room:
                headers = {"Authorization": f"Bearer {key}"}
                return await client.get(f"{urls[number % 2]}/v1/customers/nobody", headers=headers)

        answers = await asyncio.gather(*(ask(number, keys[0]) for number in range(SENT)))
        other = await ask(0, keys[1])

    assert Counter(answer.status_code for answer in answers) == {404: ALLOWED, 429: SENT - ALLOWED}
    assert all(1 <= int(one.headers["retry-after"]) <= 60 for one in answers if one.status_code == 429)
    assert other.status_code == 404, "another key has a limit of its own"
