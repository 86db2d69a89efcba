"""A deleted payment method is forgotten by its processors too, however long they are away."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import literal_column, select, update

from hub.access.tables import audit_log
from hub.database import in_seconds
from hub.payment_methods.detaching import TRIES_MAX
from hub.payment_methods.tables import detachments
from hub.settlement.tables import exceptions
from tests.hub.house import House
from tests.hub.payment_methods.cards import DATA, confirmed, open_for_browsers, person, session

# An error of Stripe's own is its answer to the same key for a day, and the worker asks for two.
AWAY = [
    (processor, fault)
    for processor in ("stripe", "adyen")
    for fault in ("silent_before", "silent_after", "reset_after", "error_500_after")
    if (processor, fault) != ("stripe", "error_500_after")
]
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def saved(home: House, processor: str, **changes: Any) -> str:
    """A payment method whose token is nobody else's."""
    await open_for_browsers(home)
    opened = await session(home, f"{processor}-web", **changes)
    brought = {"token": await confirmed(home, opened["client"])} if processor == "stripe" else {"data": DATA}
    done = await home.hub.post(opened["complete_url"], brought)
    return str(done.json()["payment_method"])


async def detachment(home: House, method: str) -> dict[str, Any]:
    async with home.hub.parts.database.reading() as connection:
        found = await connection.execute(select(detachments).where(detachments.c.payment_method == method))
        return dict(found.mappings().one())


async def until(home: House, method: str, *statuses: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(150):
        found = await detachment(home, method)
        if found["status"] in statuses:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


async def gone(home: House, method: str) -> int:
    return (await home.hub.client.delete(f"/v1/payment_methods/{method}")).status_code


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_the_processor_forgets_the_card_and_nobody_charges_it_again(home: House, processor: str) -> None:
    method = await saved(home, processor, customer=await person(home))

    deleted = await gone(home, method)
    charged = await home.hub.charge(payment_method=method)
    done = await until(home, method, "done", "refused", "failed")

    assert (deleted, charged.status_code, charged.json()["code"]) == (204, 422, "validation_failed")
    assert (done["status"], done["token"], done["due_at"]) == ("done", None, None)
    async with home.hub.parts.database.reading() as connection:
        told = select(audit_log.c.action).where(audit_log.c.object_id == method).order_by(audit_log.c.id)
        actions = list((await connection.execute(told)).scalars())
    assert actions[-2:] == ["payment_method.deleted", "payment_method.detached"]


async def test_erasing_a_customer_detaches_every_card(home: House) -> None:
    customer = await person(home)
    methods = [await saved(home, processor, customer=customer) for processor in ("stripe", "adyen")]

    erased = await home.hub.client.delete(f"/v1/customers/{customer}")

    assert erased.status_code == 204
    assert [(await until(home, method, "done"))["status"] for method in methods] == ["done", "done"]


@pytest.mark.parametrize(("processor", "fault"), AWAY)
async def test_a_processor_that_is_away_is_asked_again(home: House, processor: str, fault: str) -> None:
    method = await saved(home, processor)
    await home.fault(processor, fault, count=1000)

    await gone(home, method)
    for _ in range(150):
        if (await detachment(home, method))["error"]:
            break
        await asyncio.sleep(0.1)
    await home.control(processor, "DELETE", "faults")
    await due_now(home, method)

    found = await until(home, method, "done")
    assert found["tries"] >= 2


async def due_now(home: House, method: str, **values: Any) -> None:
    this = update(detachments).where(detachments.c.payment_method == method)
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(this.values(due_at=in_seconds(literal_column("0")), **values))


async def test_what_never_succeeds_is_told_to_a_human_in_the_end(home: House) -> None:
    method = await saved(home, "stripe")
    await home.fault("stripe", "error_500_after", count=1000)
    try:
        await gone(home, method)
        await due_now(home, method, tries=TRIES_MAX - 1)
        found = await until(home, method, "failed", "done")
    finally:
        await home.control("stripe", "DELETE", "faults")

    assert (found["status"], found["due_at"]) == ("failed", None)
    async with home.hub.parts.database.reading() as connection:
        told = select(exceptions.c.detail).where(exceptions.c.type == "detach_failed")
        details = list((await connection.execute(told)).scalars())
    assert any(method in detail for detail in details)


async def test_a_token_that_another_payment_method_needs_stays(home: House) -> None:
    first, second = [await home.method(stripe="pm_card_mastercard") for _ in range(2)]

    await gone(home, first)

    assert (await until(home, first, "shared", "done", "refused"))["status"] == "shared"
    assert (await home.hub.charge(payment_method=second)).json()["status"] == "captured"
