"""Exceptions in a house's database, and what became of them."""

from datetime import UTC, datetime
from typing import Any

import httpx

from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.ids import new_id
from tests.hub.house import House, Hub

PATH = "/v1/exceptions"


def unexpected(home: House, **changes: Any) -> Opening:
    """Money that was settled for a charge that nobody knows."""
    facts: dict[str, Any] = {
        "id": new_id("exc_"),
        "type": "unexpected_settlement",
        "livemode": False,
        "merchant_account": home.accounts["stripe-eu"],
        "amount_minor": 5000,
        "currency": "EUR",
        "detail": "50.00 EUR were settled for txn_1, which is no operation of ours",
        "variance_minor": 5000,
    }
    return Opening(**facts | changes)


async def opened(home: House, at: datetime | None = None, **changes: Any) -> str:
    """Open one and return its id."""
    opening = unexpected(home, **changes)
    async with home.hub.parts.database.transaction() as connection:
        await open_exceptions(connection, [opening], at or datetime.now(UTC))
    return opening.id or ""


async def resolve(hub: Hub, one: str, **transfer: Any) -> httpx.Response:
    """Ask to settle it: by a transfer where its sides and amount are given, else by a reason."""
    key, headers = transfer.pop("key", None), transfer.pop("headers", None)
    how: dict[str, Any] = {"how": "transfer", "transfer": transfer} if transfer else {"how": "reason"}
    return await hub.post(
        f"{PATH}/{one}/resolve", how | {"reason": "the shop took it by hand"}, key=key, headers=headers
    )


def to_sales(home: House, amount: int = 5000) -> dict[str, Any]:
    """A transfer out of suspense."""
    return {"debit": f"suspense:{home.accounts['stripe-eu']}", "credit": "sales", "amount": amount}


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of a problem."""
    return answer.status_code, answer.json()["code"]
