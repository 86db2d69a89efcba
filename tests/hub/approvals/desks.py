"""A hub where a second person is asked, on a house's database, and the people who ask and agree."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from msgspec.structs import replace

from hub.access.rules import Role
from hub.approvals.rules import ApprovalLimits
from normalization.money import Currency
from tests.hub.house import QUICK, House, Hub, make_api_key, serving

PATH = "/v1/approvals"
LIMITS = ApprovalLimits(
    refund={Currency.EUR: 1000}, exception_transfer={Currency.EUR: 1000}, ruleset_activation=True, credentials=True
)


@asynccontextmanager
async def strict(home: House, **settings: Any) -> AsyncIterator[Hub]:
    """Run a hub that asks for a second person from 10 EUR on; no worker of its own."""
    key = await make_api_key(home.database_url, Role.ADMIN, principal="ada")
    wanted = replace(QUICK, database_url=home.database_url, approvals=LIMITS, **settings)
    async with serving(wanted, key, with_worker=False) as hub:
        yield hub


async def paid(hub: Hub, home: House) -> dict[str, Any]:
    """A payment of 49.99 EUR at Stripe, whose refunds are told at once."""
    made = await hub.charge(payment_method=home.payment_method, merchant_account=home.accounts["stripe-eu"])
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def waiting(answer: httpx.Response) -> str:
    """The id of the approval that was asked for."""
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["object"], body["status"]) == ("approval", "pending"), answer.text
    return str(body["id"])


async def decide(hub: Hub, home: House, one: str, how: str = "approve", **key: Any) -> httpx.Response:
    """Have Bea, or whom *key* says, decide."""
    headers = await home.caller(key.pop("role", Role.ADMIN), **{"principal": "bea"} | key)
    return await hub.post(f"{PATH}/{one}/{how}", {"reason": "looked at it"}, headers=headers)
