"""The scenes that lead the routes of exceptions and approvals to their answers, with all the others."""

import httpx

from hub.access.rules import Role
from tests.hub.approvals.desks import PATH as APPROVALS
from tests.hub.approvals.desks import decide, paid, strict, waiting
from tests.hub.approvals.test_approvals_api import RULESET
from tests.hub.exceptions.cabinet import PATH, opened, resolve, to_sales
from tests.hub.house import ADYEN_SECRET, House
from tests.hub.payments.scenes import SCENES, scene

__all__ = ["SCENES"]
ONE = f"{PATH}/{{exception_id}}"
APPROVAL = f"{APPROVALS}/{{approval_id}}"


async def _asked(home: House) -> str:
    """An approval that waits."""
    async with strict(home) as hub:
        payment = await paid(hub, home)
        return await waiting(await hub.post(f"/v1/payments/{payment['id']}/refunds", {}))


@scene("GET", PATH, 200)
async def _listed(home: House) -> httpx.Response:
    await opened(home)
    return await home.hub.get(PATH)


@scene("GET", ONE, 200)
async def _read(home: House) -> httpx.Response:
    payment = (await home.hub.charge(payment_method=home.payment_method)).json()
    return await home.hub.get(f"{PATH}/{await opened(home, payment_id=payment['id'])}")


@scene("POST", f"{ONE}/assign", 200)
async def _assigned(home: House) -> httpx.Response:
    return await home.hub.post(f"{PATH}/{await opened(home)}/assign", {"owner": "bea"})


@scene("POST", f"{ONE}/assign", 409)
async def _assigned_late(home: House) -> httpx.Response:
    one = await opened(home)
    await resolve(home.hub, one)
    return await home.hub.post(f"{PATH}/{one}/assign", {"owner": "bea"})


@scene("POST", f"{ONE}/resolve", 200)
async def _resolved(home: House) -> httpx.Response:
    return await resolve(home.hub, await opened(home), **to_sales(home))


@scene("POST", f"{ONE}/resolve", 202)
async def _to_be_approved(home: House) -> httpx.Response:
    async with strict(home) as hub:
        return await resolve(hub, await opened(home), **to_sales(home))


@scene("POST", f"{ONE}/resolve", 409)
async def _resolved_twice(home: House) -> httpx.Response:
    one = await opened(home)
    await resolve(home.hub, one)
    return await resolve(home.hub, one)


@scene("POST", f"{ONE}/reopen", 200)
async def _reopened(home: House) -> httpx.Response:
    one = await opened(home)
    await resolve(home.hub, one)
    return await home.hub.post(f"{PATH}/{one}/reopen", {"reason": "not so"})


@scene("POST", f"{ONE}/reopen", 202)
async def _to_be_reopened(home: House) -> httpx.Response:
    one = await opened(home)
    await resolve(home.hub, one, **to_sales(home))
    async with strict(home) as hub:
        return await hub.post(f"{PATH}/{one}/reopen", {"reason": "not so"})


@scene("POST", f"{ONE}/reopen", 409)
async def _reopened_early(home: House) -> httpx.Response:
    return await home.hub.post(f"{PATH}/{await opened(home)}/reopen", {"reason": "not so"})


@scene("GET", APPROVALS, 200)
async def _approvals(home: House) -> httpx.Response:
    await _asked(home)
    return await home.hub.get(APPROVALS)


@scene("GET", APPROVAL, 200)
async def _approval(home: House) -> httpx.Response:
    return await home.hub.get(f"{APPROVALS}/{await _asked(home)}")


@scene("POST", f"{APPROVAL}/approve", 200)
async def _approved(home: House) -> httpx.Response:
    return await decide(home.hub, home, await _asked(home))


@scene("POST", f"{APPROVAL}/reject", 200)
async def _rejected(home: House) -> httpx.Response:
    return await decide(home.hub, home, await _asked(home), "reject")


@scene("POST", f"{APPROVAL}/approve", 409)
async def _approved_late(home: House) -> httpx.Response:
    one = await _asked(home)
    await decide(home.hub, home, one, "reject")
    return await decide(home.hub, home, one)


@scene("POST", f"{APPROVAL}/reject", 409)
async def _rejected_late(home: House) -> httpx.Response:
    one = await _asked(home)
    await decide(home.hub, home, one, "reject")
    return await decide(home.hub, home, one, "reject")


@scene("POST", "/v1/routing/rulesets/{ruleset_id}/activate", 202)
async def _activation(home: House) -> httpx.Response:
    live = await home.caller(Role.ADMIN, livemode=True)
    ruleset = (await home.hub.post("/v1/routing/rulesets", RULESET, headers=live)).json()
    async with strict(home) as hub:
        path = f"/v1/routing/rulesets/{ruleset['id']}/activate"
        return await hub.post(path, {"reason": "first rules"}, headers=live)


@scene("PATCH", "/v1/merchant_accounts/{account_id}", 202)
async def _credentials(home: House) -> httpx.Response:
    credentials = {
        "api_key": "new",
        "merchant_account": "HubEU",
        "webhook_secret": ADYEN_SECRET,
        "base_url": home.sandboxes["adyen"],
    }
    async with strict(home) as hub:
        path = f"/v1/merchant_accounts/{home.accounts['adyen-eu']}"
        return await hub.client.patch(path, json={"credentials": credentials})
