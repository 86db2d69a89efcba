"""The scenes that lead the routes of disputes to their answers, with all the others."""

from typing import Any

import httpx

from hub.disputes.evidence import BODY_BYTES_MAX
from tests.hub.disputes.telling import LOST
from tests.hub.disputes.test_answering import accept, at_stripe, evidence
from tests.hub.disputes.test_api_disputes import disputed
from tests.hub.house import House
from tests.hub.payments.outcomes import SCENES
from tests.hub.payments.scenes import scene

__all__ = ["SCENES"]
NOBODYS = {"id": "nothing_here"}


@scene("GET", "/v1/disputes", 200)
async def _listed(home: House) -> httpx.Response:
    await disputed(home)
    return await home.hub.get("/v1/disputes")


@scene("GET", "/v1/disputes/{dispute_id}", 200)
async def _read(home: House) -> httpx.Response:
    return await home.hub.get(f"/v1/disputes/{(await disputed(home))['id']}")


@scene("POST", "/v1/disputes/{dispute_id}/accept", 200)
async def _accepted(home: House) -> httpx.Response:
    return await accept(home, await at_stripe(home))


@scene("POST", "/v1/disputes/{dispute_id}/accept", 409)
async def _decided(home: House) -> httpx.Response:
    return await accept(home, await disputed(home, status=LOST))


@scene("POST", "/v1/disputes/{dispute_id}/evidence", 200)
async def _handed_in(home: House) -> httpx.Response:
    return await evidence(home, await at_stripe(home))


@scene("POST", "/v1/disputes/{dispute_id}/evidence", 404)
async def _nobodys(home: House) -> httpx.Response:
    return await evidence(home, NOBODYS)


@scene("POST", "/v1/disputes/{dispute_id}/evidence", 409)
async def _too_late(home: House) -> httpx.Response:
    return await evidence(home, await disputed(home, status=LOST))


@scene("POST", "/v1/disputes/{dispute_id}/evidence", 413)
async def _too_large(home: House) -> httpx.Response:
    return await evidence(home, NOBODYS, files={"file": ("a.pdf", b"%PDF-" + b" " * BODY_BYTES_MAX, "application/pdf")})


async def _silent(home: House) -> dict[str, Any]:
    dispute = await at_stripe(home)
    await home.fault("stripe", "silent_before", "other")
    return dispute


@scene("POST", "/v1/disputes/{dispute_id}/accept", 202)
async def _accepting(home: House) -> httpx.Response:
    return await accept(home, await _silent(home))


@scene("POST", "/v1/disputes/{dispute_id}/evidence", 202)
async def _handing_in(home: House) -> httpx.Response:
    return await evidence(home, await _silent(home))
