"""The scenes that lead the routes of balances and bank statements to their answers, with all the others."""

from datetime import UTC, datetime

import httpx

from hub.banking.statements import BYTES_MAX
from tests.hub.banking.test_banking_api import STATEMENTS, balance, hand_in
from tests.hub.house import House
from tests.hub.payments.scenes import BODIES, SCENES, scene

__all__ = ["SCENES"]
ONE = f"{STATEMENTS}/{{statement_id}}"
BODIES["/v1/merchant_accounts/{account_id}/balances"] = {
    "as_of": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
    "balances": {},
}


async def _kept(home: House) -> str:
    return f"{STATEMENTS}/{(await hand_in(home, '2026-11-12,1.00,rent')).json()['id']}"


@scene("POST", "/v1/merchant_accounts/{account_id}/balances", 200)
async def _compared(home: House) -> httpx.Response:
    return await balance(home, "stripe-eu", EUR=1)


@scene("POST", STATEMENTS, 201)
async def _taken(home: House) -> httpx.Response:
    return await hand_in(home, "2026-11-12,1.00,rent")


@scene("POST", STATEMENTS, 200)
async def _again(home: House) -> httpx.Response:
    content = "date,amount,currency\n2026-11-12,1.00,EUR\n"
    await hand_in(home, content=content)
    return await hand_in(home, content=content)


@scene("POST", STATEMENTS, 413)
async def _too_large(home: House) -> httpx.Response:
    return await hand_in(home, content=b" " * (BYTES_MAX + 1))


@scene("POST", STATEMENTS, 422)
async def _no_statement(home: House) -> httpx.Response:
    return await hand_in(home, content="hello")


@scene("GET", STATEMENTS, 200)
async def _listed(home: House) -> httpx.Response:
    await _kept(home)
    return await home.hub.get(STATEMENTS)


@scene("GET", ONE, 200)
async def _shown(home: House) -> httpx.Response:
    return await home.hub.get(await _kept(home))


@scene("GET", f"{ONE}/entries", 200)
async def _entries(home: House) -> httpx.Response:
    return await home.hub.get(f"{await _kept(home)}/entries")
