"""The scenes that lead the routes of reports to their answers."""

import httpx

from tests.hub.house import House
from tests.hub.payments.scenes import SCENES, scene

__all__ = ["SCENES"]
PATH = "/v1/reconciliation"
STATEMENT = "/v1/merchant_accounts/{account_id}/statements/{month}"
RANGE = {"from": "2026-01-01", "to": "2035-12-31"}
XML = {"Accept": "application/xml"}


def _statement(home: House) -> str:
    return STATEMENT.format(account_id=home.accounts["stripe-eu"], month="2026-03")


@scene("GET", PATH, 200)
async def _reconciled(home: House) -> httpx.Response:
    await home.hub.charge(payment_method=home.payment_method)
    return await home.hub.get(PATH, **RANGE, group_by=["merchant_account", "day", "ruleset"])


@scene("GET", PATH, 406)
async def _reconciled_as_nothing(home: House) -> httpx.Response:
    return await home.hub.client.get(PATH, params=RANGE, headers=XML)


@scene("GET", STATEMENT, 200)
async def _stated(home: House) -> httpx.Response:
    return await home.hub.get(_statement(home))


@scene("GET", STATEMENT, 406)
async def _stated_as_nothing(home: House) -> httpx.Response:
    return await home.hub.client.get(_statement(home), headers=XML)
