"""The scenes that lead the routes of what decides to their successes and refusals."""

from typing import Final

import httpx
from sqlalchemy import func, insert, select

from hub.access.rules import Role
from hub.app import utc_now
from hub.ids import new_id
from hub.rulesets.tables import ruleset_activations, rulesets
from tests.hub.house import House
from tests.hub.payments.outcomes import beaten, made, ruleset
from tests.hub.payments.scenes import SCENES, scene

__all__ = ["SCENES"]
RULESETS: Final = "/v1/routing/rulesets"
SHADOW: Final = "/v1/routing/shadow"
WHY: Final = {"reason": "a scene"}


async def written(home: House) -> str:
    return await made(home, RULESETS, ruleset(home))


async def live(home: House) -> dict[str, str]:
    """Headers of a caller in the mode in which nothing is active."""
    return await home.caller(Role.ADMIN, livemode=True)


@scene("GET", f"{RULESETS}/active", 200)
async def _standing(home: House) -> httpx.Response:
    return await home.hub.get(f"{RULESETS}/active")


async def unreadable(home: House) -> str:
    """The id of a ruleset that another version of the hub wrote."""
    row = {"id": new_id("rs_"), "livemode": False, "name": new_id("rules-"), "version": 1, "created_at": utc_now()}
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(insert(rulesets).values(row | {"document": '{"new": 1}'}))
    return str(row["id"])


@scene("POST", f"{RULESETS}/check", 200)
async def _checked(home: House) -> httpx.Response:
    return await home.hub.post(f"{RULESETS}/check", ruleset(home))


@scene("GET", f"{RULESETS}/{{ruleset_id}}/diff", 200)
async def _compared(home: House) -> httpx.Response:
    return await home.hub.get(f"{await written(home)}/diff")


@scene("GET", f"{RULESETS}/{{ruleset_id}}/diff", 409)
async def _compared_unread(home: House) -> httpx.Response:
    return await home.hub.get(f"{RULESETS}/{await unreadable(home)}/diff")


@scene("POST", "/v1/routing/simulate", 409)
async def _tried_unread(home: House) -> httpx.Response:
    asked = {"amount": 4999, "currency": "EUR", "ruleset": await unreadable(home)}
    return await home.hub.post("/v1/routing/simulate", asked)


@scene("POST", f"{RULESETS}/rollback", 200)
async def _rolled_back(home: House) -> httpx.Response:
    await home.hub.post(f"{await written(home)}/activate", {"rollout_percent": 10})
    return await home.hub.post(f"{RULESETS}/rollback", WHY)


@scene("POST", f"{RULESETS}/rollback", 409)
async def _nothing_before(home: House) -> httpx.Response:
    return await home.hub.post(f"{RULESETS}/rollback", WHY, headers=await live(home))


@scene("POST", f"{RULESETS}/{{ruleset_id}}/shadow", 200)
async def _shadowed(home: House) -> httpx.Response:
    return await home.hub.post(f"{await written(home)}/shadow", {})


@scene("POST", f"{RULESETS}/{{ruleset_id}}/shadow", 409)
async def _second_shadow(home: House) -> httpx.Response:
    path = await written(home)
    ours = ruleset_activations.c.livemode.is_(False)
    number = select(func.coalesce(func.max(ruleset_activations.c.number), 0) + 1).where(ours).scalar_subquery()
    row = {"id": new_id("rsa_"), "livemode": False, "kind": "shadow", "ruleset": path.rpartition("/")[2]}
    row |= {"rollout_percent": 100, "created_at": utc_now(), "number": number}
    return await beaten(home, insert(ruleset_activations).values(row), f"{path}/shadow", {})


@scene("POST", f"{SHADOW}/end", 200)
async def _shadow_ended(home: House) -> httpx.Response:
    await home.hub.post(f"{await written(home)}/shadow", {})
    return await home.hub.post(f"{SHADOW}/end", {})


@scene("POST", f"{SHADOW}/end", 409)
async def _no_shadow_to_end(home: House) -> httpx.Response:
    return await home.hub.post(f"{SHADOW}/end", {}, headers=await live(home))


@scene("GET", SHADOW, 200)
async def _counted(home: House) -> httpx.Response:
    await home.hub.post(f"{await written(home)}/shadow", {})
    return await home.hub.get(SHADOW)


@scene("GET", SHADOW, 404)
async def _never_shadowed(home: House) -> httpx.Response:
    return await home.hub.client.get(SHADOW, headers=await live(home))
