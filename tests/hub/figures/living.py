"""What the tests of figures do with a house: rules that decide, and waiting for what processes tell each other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.hub.house import House, Hub


async def decide(home: House, **ruleset: Any) -> str:
    """Let a ruleset decide, in every process."""
    made = await home.hub.post("/v1/routing/rulesets", {"name": "main", "rules": []} | ruleset)
    assert made.status_code == 201, made.text
    active = await home.hub.post(f"/v1/routing/rulesets/{made.json()['id']}/activate", {})
    assert active.status_code == 200, active.text
    if home.second is not None:
        await home.second.parts.directory.refresh()
    return str(made.json()["id"])


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 5.0) -> None:
    """Wait until *check* is true."""
    ends_at = asyncio.get_running_loop().time() + seconds
    while not await check():
        assert asyncio.get_running_loop().time() < ends_at, "not in time"
        await asyncio.sleep(0.05)


async def health_of(hub: Hub, account: str) -> dict[str, Any]:
    """What a process shows of one account."""
    answer = await hub.get("/v1/routing/health")
    assert answer.status_code == 200, answer.text
    return next(one for one in answer.json()["data"] if one["merchant_account"] == account)


def second_of(home: House) -> Hub:
    """The other process."""
    assert home.second is not None
    return home.second
