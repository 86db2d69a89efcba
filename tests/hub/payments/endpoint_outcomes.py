"""The scenes that lead the routes of webhook endpoints, and of what goes to them, to their successes."""

import httpx

from tests.hub.house import House
from tests.hub.payments.outcomes import events
from tests.hub.payments.scenes import SCENES, scene

__all__ = ["SCENES"]
PATH = "/v1/webhook_endpoints"
ONE = f"{PATH}/{{endpoint_id}}"
NEW = {"url": "https://shop.invalid/hook", "events": ["payment.*"]}


async def _address(home: House) -> str:
    return f"{PATH}/{(await home.hub.post(PATH, NEW)).json()['id']}"


async def _event(home: House) -> str:
    return f"/v1/events/{(await events(home)).json()['data'][0]['id']}"


@scene("POST", PATH, 201)
async def _made(home: House) -> httpx.Response:
    return await home.hub.post(PATH, NEW)


@scene("GET", PATH, 200)
async def _listed(home: House) -> httpx.Response:
    await _address(home)
    return await home.hub.get(PATH)


@scene("GET", ONE, 200)
async def _shown(home: House) -> httpx.Response:
    return await home.hub.get(await _address(home))


@scene("PATCH", ONE, 200)
async def _changed(home: House) -> httpx.Response:
    return await home.hub.client.patch(await _address(home), json={"status": "disabled"})


@scene("DELETE", ONE, 204)
async def _deleted(home: House) -> httpx.Response:
    return await home.hub.client.delete(await _address(home))


@scene("POST", f"{ONE}/rotate_secret", 200)
async def _rotated(home: House) -> httpx.Response:
    return await home.hub.post(f"{await _address(home)}/rotate_secret", {})


@scene("POST", f"{ONE}/rotate_secret", 409)
async def _rotated_twice(home: House) -> httpx.Response:
    path = f"{await _address(home)}/rotate_secret"
    await home.hub.post(path, {})
    return await home.hub.post(path, {})


@scene("GET", f"{ONE}/deliveries", 200)
async def _deliveries(home: House) -> httpx.Response:
    return await home.hub.get(f"{await _address(home)}/deliveries")


@scene("POST", f"{ONE}/redeliver", 202)
async def _redelivered(home: House) -> httpx.Response:
    return await home.hub.post(f"{await _address(home)}/redeliver", {"status": "all", "from_position": 1})


@scene("GET", "/v1/events/{event_id}/deliveries", 200)
async def _where_it_went(home: House) -> httpx.Response:
    return await home.hub.get(f"{await _event(home)}/deliveries")


@scene("POST", "/v1/events/{event_id}/redeliver", 202)
async def _sent_again(home: House) -> httpx.Response:
    return await home.hub.post(f"{await _event(home)}/redeliver", {})
