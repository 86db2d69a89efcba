"""The scenes that lead the routes of the ledger to their successes."""

import httpx

from tests.hub.house import House
from tests.hub.payments.scenes import SCENES, scene

__all__ = ["SCENES"]


@scene("GET", "/v1/ledger/accounts", 200)
async def _accounts(home: House) -> httpx.Response:
    return await home.hub.get("/v1/ledger/accounts")


@scene("GET", "/v1/ledger/balances", 200)
async def _balances(home: House) -> httpx.Response:
    return await home.hub.get("/v1/ledger/balances", at="2026-12-01T00:00:00Z")


@scene("GET", "/v1/ledger/transfers", 200)
async def _transfers(home: House) -> httpx.Response:
    await home.hub.charge(payment_method=home.payment_method)
    return await home.hub.get("/v1/ledger/transfers")
