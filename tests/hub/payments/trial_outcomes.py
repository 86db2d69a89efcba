"""The scenes that lead the routes of trying rules beforehand to their successes."""

from typing import Final

import httpx

from tests.hub.house import House
from tests.hub.payments.outcomes import made, ruleset
from tests.hub.payments.scenes import SCENES, scene

__all__ = ["SCENES"]
BACKTESTS: Final = "/v1/routing/backtests"
SIMULATE: Final = "/v1/routing/simulate"
SINCE: Final = "2026-01-01T00:00:00Z"


async def _begun(home: House) -> httpx.Response:
    path = await made(home, "/v1/routing/rulesets", ruleset(home))
    return await home.hub.post(BACKTESTS, {"ruleset": path.rpartition("/")[2], "from": SINCE})


@scene("POST", SIMULATE, 200)
async def _simulated(home: House) -> httpx.Response:
    return await home.hub.post(SIMULATE, {"amount": 4999, "currency": "EUR"})


@scene("POST", BACKTESTS, 202)
async def _asked(home: House) -> httpx.Response:
    return await _begun(home)


@scene("GET", BACKTESTS, 200)
async def _listed(home: House) -> httpx.Response:
    await _begun(home)
    return await home.hub.get(BACKTESTS)


@scene("GET", f"{BACKTESTS}/{{backtest_id}}", 200)
async def _shown(home: House) -> httpx.Response:
    begun = (await _begun(home)).json()
    return await home.hub.get(f"{BACKTESTS}/{begun['id']}")
