"""The scenes that lead the routes of deliveries to their successes."""

import httpx

from hub.ids import new_id
from tests.hub.house import House
from tests.hub.payments.scenes import SCENES, scene
from tests.hub.webhooks.kept import delivery, write

__all__ = ["SCENES"]
PATH = "/v1/webhook_deliveries"


async def _parked(home: House) -> str:
    row = delivery(merchant_account=new_id("ma_"), status="parked")
    return (await write(home.hub.parts.database, row))[0]


@scene("GET", PATH, 200)
async def _deliveries(home: House) -> httpx.Response:
    await _parked(home)
    return await home.hub.get(PATH)


@scene("GET", f"{PATH}/{{delivery_id}}", 200)
async def _delivery(home: House) -> httpx.Response:
    return await home.hub.get(f"{PATH}/{await _parked(home)}")


@scene("POST", f"{PATH}/{{delivery_id}}/replay", 202)
async def _replayed(home: House) -> httpx.Response:
    return await home.hub.post(f"{PATH}/{await _parked(home)}/replay", {})


@scene("POST", f"{PATH}/replay", 202)
async def _all_replayed(home: House) -> httpx.Response:
    await _parked(home)
    return await home.hub.post(f"{PATH}/replay", {"status": "parked"})
