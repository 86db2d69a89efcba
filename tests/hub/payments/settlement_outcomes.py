"""The scenes that lead the routes of settlement reports to their successes and to what they refuse by themselves."""

from typing import Final

import httpx
from sqlalchemy import text

from hub.ids import new_id
from tests.hub.house import House
from tests.hub.payments.scenes import SCENES, half_sent, scene
from tests.hub.settlement.reports import PATH, charge, hand_in, written

__all__ = ["SCENES"]
ONE: Final = f"{PATH}/{{settlement_id}}"
CSV: Final = "text/csv"


async def _taken(home: House) -> httpx.Response:
    return await hand_in(home.hub, home.accounts["stripe-eu"], written([charge(new_id("line_"))]))


async def _path(home: House) -> str:
    return f"{PATH}/{(await _taken(home)).json()['id']}"


@scene("POST", PATH, 202)
async def _handed_in(home: House) -> httpx.Response:
    return await _taken(home)


@scene("POST", PATH, 200)
async def _handed_in_again(home: House) -> httpx.Response:
    file = written([charge(new_id("line_"))])
    await hand_in(home.hub, home.accounts["stripe-eu"], file)
    return await hand_in(home.hub, home.accounts["stripe-eu"], file)


@scene("POST", PATH, 408)
async def _half_handed_in(home: House) -> httpx.Response:
    return await half_sent(home.hub, "POST", f"{PATH}?merchant_account={home.accounts['stripe-eu']}", kind=CSV)


@scene("POST", PATH, 413)
async def _too_large(home: House) -> httpx.Response:
    path = f"{PATH}?merchant_account={home.accounts['stripe-eu']}"
    return await half_sent(
        home.hub, "POST", path, kind=CSV, announced=home.hub.parts.settings.settlement_file_max_bytes + 1
    )


@scene("POST", PATH, 415)
async def _another_kind(home: House) -> httpx.Response:
    return await hand_in(home.hub, home.accounts["stripe-eu"], b"{}", **{"Content-Type": "application/json"})


@scene("GET", "/v1/expected_settlements", 200)
async def _owed(home: House) -> httpx.Response:
    await home.hub.charge(payment_method=home.payment_method)
    return await home.hub.get("/v1/expected_settlements", status="open")


@scene("GET", PATH, 200)
async def _listed(home: House) -> httpx.Response:
    await _taken(home)
    return await home.hub.get(PATH)


@scene("GET", ONE, 200)
async def _shown(home: House) -> httpx.Response:
    return await home.hub.get(await _path(home))


@scene("GET", f"{ONE}/lines", 200)
async def _lines(home: House) -> httpx.Response:
    return await home.hub.get(f"{await _path(home)}/lines")


@scene("GET", f"{ONE}/broken_rows", 200)
async def _broken(home: House) -> httpx.Response:
    return await home.hub.get(f"{await _path(home)}/broken_rows")


@scene("POST", f"{ONE}/retry", 202)
async def _retried(home: House) -> httpx.Response:
    path = await _path(home)
    async with home.hub.parts.database.transaction() as connection:
        failed = text("UPDATE settlement_batches SET status = 'failed', due_at = NULL WHERE id = :id")
        await connection.execute(failed, {"id": path.rpartition("/")[2]})
    return await home.hub.client.post(f"{path}/retry")


@scene("POST", f"{ONE}/retry", 409)
async def _not_failed(home: House) -> httpx.Response:
    return await home.hub.client.post(f"{await _path(home)}/retry")
