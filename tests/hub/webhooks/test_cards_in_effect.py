"""Cards that are renewed or forgotten at the pretend processors, followed through webhooks into the hub."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hub.house import House, house
from tests.hub.money import rows
from tests.hub.payment_methods.cards import DATA, person

ONE_TIME: dict[str, Any] = {"adyen": DATA, "stripe": {"payment_method": "pm_card_visa"}}
RENEWING = {
    "stripe": ("card_update", {"exp_month": 8, "exp_year": 2036, "last4": "1117"}),
    "adyen": ("token_update", {"expiry": "08/2036"}),
}
FORGETTING = {"stripe": "card_detach", "adyen": "token_disable"}
BOTH = pytest.mark.parametrize("processor", ["stripe", "adyen"])


async def saved(made: House, processor: str) -> tuple[str, str]:
    """Keep a card with a charge; gives the payment method and what the processor calls it."""
    if processor == "adyen":
        await made.control("adyen", "PUT", "accounts/HubEU", {"token_webhooks": True})
    paid = await made.hub.charge(
        payment_method_data={"processor": processor, "data": ONE_TIME[processor]},
        customer=await person(made),
        save_payment_method=True,
        merchant_account=made.accounts[f"{processor}-eu"],
    )
    (row,) = await until(lambda: rows(made, TOKEN, id=paid.json()["id"]))
    return row["payment_method"], row["token"]


TOKEN = """
SELECT processor_tokens.payment_method, processor_tokens.token FROM payments
JOIN processor_tokens ON processor_tokens.payment_method = payments.payment_method WHERE payments.id = :id
"""


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Look until there is something, for twenty seconds at most."""
    for _ in range(200):
        if found := await look():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(look)


async def told(made: House, method: str, type_: str) -> Any:
    wanted = "SELECT type FROM events WHERE object_id = :id AND type = :type"
    return await until(lambda: rows(made, wanted, id=method, type=type_))


@BOTH
async def test_a_card_that_its_bank_renews_is_renewed(processor: str, database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        method, token = await saved(made, processor)
        do, facts = RENEWING[processor]

        order = {"do": do, "processor_reference": token, "options": facts}
        await made.control(processor, "POST", "dashboard", order)

        await told(made, method, "payment_method.updated")
        card = (await made.hub.get(f"/v1/payment_methods/{method}")).json()["card"]
        assert (card["exp_month"], card["exp_year"]) == (8, 2036)


@BOTH
async def test_a_card_that_its_processor_forgets_is_charged_no_more(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as made:
        method, token = await saved(made, processor)

        order = {"do": FORGETTING[processor], "processor_reference": token}
        await made.control(processor, "POST", "dashboard", order)

        await told(made, method, "payment_method.token_retired")
        refused = await made.hub.charge(payment_method=method, off_session=True)
        assert (refused.status_code, refused.json()["code"]) == (422, "no_merchant_account")


async def test_a_payout_and_its_report_are_told(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])

        order = {"do": "payout", "processor_reference": "eu", "options": {"status": "reconciliation_completed"}}
        await made.control("stripe", "POST", "dashboard", order)

        wanted = "SELECT type, object_id FROM events WHERE type LIKE 'payout%' OR type LIKE 'settlement%' ORDER BY id"

        async def both() -> list[dict[str, Any]]:
            found = await rows(made, wanted)
            return found if len(found) >= 2 else []

        found = await until(both)
        assert {row["type"] for row in found} == {"payout.paid", "settlement.report_available"}
        assert len({row["object_id"] for row in found}) == 1
