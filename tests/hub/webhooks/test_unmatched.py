"""What moved money and finds no payment of ours is put before a human when it is read no more by itself."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from adapters.contract import Told
from hub.webhooks.jobs import read_waiting
from hub.webhooks.mended import close_mended
from hub.webhooks.reading import TRIES_MAX
from normalization.outcome import Operation, Pending
from tests.hub.disputes.courts import about
from tests.hub.disputes.telling import taken
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.webhooks.telling import Telling, arrive, bought, delivery, inbox, make_due, with_adapters
from tests.hub.webhooks.test_asking import paid

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read_to_the_end(made: House, *told: Told, tries: int = TRIES_MAX) -> str:
    """Have a delivery that tells this read until its tries are over, and once more; gives its id."""
    shell, account = made.hub.parts.shell, made.accounts["stripe-eu"]
    one = delivery("pi_nobodys")
    reads = with_adapters(shell, {account: Telling(lambda _: told)})
    await arrive(shell.database, account, one)
    for _ in range(tries):
        await read_waiting(reads)
        await make_due(shell.database)
    status = "waiting" if not tries else "unmatched"
    assert (await inbox(shell.database, account))[one.key] == (status, tries)
    [row] = await rows(made, "SELECT id FROM webhook_deliveries WHERE delivery_key = :key", key=one.key)
    return str(row["id"])


async def read_again(made: House, id: str, told: Sequence[Told]) -> None:
    shell, account = made.hub.parts.shell, made.accounts["stripe-eu"]
    async with shell.database.transaction() as connection:
        due = text("UPDATE webhook_deliveries SET due_at = received_at WHERE id = :id")
        await connection.execute(due, {"id": id})
    await read_waiting(with_adapters(shell, {account: Telling(lambda _: told)}))


async def opened(made: House, id: str) -> list[dict[str, Any]]:
    return await rows(
        made,
        "SELECT type, status, merchant_account, amount_minor, currency, detail FROM exceptions WHERE detail LIKE :like",
        like=f"{id} %",
    )


def nobodys(payment: dict[str, Any], **changes: Any) -> Told:
    return bought(payment, tag=None, processor_reference="pi_nobodys", **changes)


async def test_a_chargeback_that_moved_money_opens_one_exception_when_its_tries_are_over(quiet: House) -> None:
    payment = await paid(quiet, quiet.accounts["stripe-eu"])
    dispute = about(
        payment, tag=None, parent_reference="pi_nobodys", processor_reference=f"dp_nobodys{payment['id']}",
        movements=(taken(minor=4999),),
    )  # fmt: skip
    early = await read_to_the_end(quiet, dispute, tries=TRIES_MAX - 1)
    assert await opened(quiet, early) == []

    one = await read_to_the_end(quiet, dispute)
    await read_again(quiet, one, [dispute])

    [exception] = await opened(quiet, one)
    assert exception == {
        "type": "dispute_unmatched", "status": "open", "merchant_account": quiet.accounts["stripe-eu"],
        "amount_minor": 4999, "currency": "EUR",
        "detail": f"{one} tells that the dispute dp_nobodys{payment['id']} moved money of the payment pi_nobodys; "
        "no payment of ours is known for it",
    }  # fmt: skip


@pytest.mark.fault_case(id="WHI-07")
@pytest.mark.parametrize("kind", [Operation.PURCHASE, Operation.CAPTURE, Operation.REFUND])
async def test_a_yes_that_moved_money_opens_an_exception(quiet: House, kind: Operation) -> None:
    payment = await paid(quiet, quiet.accounts["stripe-eu"])

    one = await read_to_the_end(quiet, nobodys(payment, kind=kind))

    [exception] = await opened(quiet, one)
    assert (exception["type"], exception["amount_minor"]) == ("money_unmatched", 4999)
    assert f"the {kind} pi_nobodys succeeded" in exception["detail"]


async def test_a_delivery_of_which_a_part_is_nobodys_stays_unmatched_for_that(quiet: House) -> None:
    payment = await paid(quiet, quiet.accounts["stripe-eu"])

    one = await read_to_the_end(quiet, bought(payment), nobodys(payment))

    assert [exception["type"] for exception in await opened(quiet, one)] == ["money_unmatched"]


async def test_what_moved_no_money_opens_none(quiet: House) -> None:
    payment = await paid(quiet, quiet.accounts["stripe-eu"])
    held, later = nobodys(payment, kind=Operation.AUTHORIZE), nobodys(payment, outcome=Pending())
    asked = about(payment, tag=None, parent_reference="pi_nobodys", processor_reference=f"dp_asked{payment['id']}")

    one = await read_to_the_end(quiet, held, later, asked)

    assert await opened(quiet, one) == []


async def test_the_exception_is_closed_when_the_payment_is_found_after_all(quiet: House) -> None:
    payment = await paid(quiet, quiet.accounts["stripe-eu"])
    unknown = nobodys(payment)
    one = await read_to_the_end(quiet, unknown)
    await close_mended(quiet.hub.parts.shell)
    assert [row["status"] for row in await opened(quiet, one)] == ["open"]

    await read_again(quiet, one, [replace(unknown, tag=payment["tag"])])
    await close_mended(quiet.hub.parts.shell)

    assert [row["status"] for row in await opened(quiet, one)] == ["resolved"]
