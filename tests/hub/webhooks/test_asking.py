"""A delivery is a trigger where its processor can be asked: one question for all it tells of, within a budget."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.contract import Delivery, Told
from adapters.errors import ConfigurationError, OutcomeUnknownError, UnclearDeliveryError
from hub.payments.shell import Shell
from hub.webhooks.budget import AT_ONCE_MAX
from hub.webhooks.jobs import BATCH, read_waiting
from hub.webhooks.reading import BUDGET_PATIENCE_S, FETCH_TRIES
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Operation, Outcome, Pending, Report
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.payments.faulty import shown
from tests.hub.webhooks.kept import delivery as kept
from tests.hub.webhooks.kept import write
from tests.hub.webhooks.telling import (
    Asked,
    Counting,
    Telling,
    arrive,
    bought,
    delivery,
    inbox,
    make_due,
    with_adapters,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
SILENT = OutcomeUnknownError("stripe", "no answer")
REFUSED = ConfigurationError("stripe", "the key was revoked")


@pytest.fixture
def account(quiet: House) -> str:
    return quiet.accounts["stripe-eu"]


async def paid(made: House, account: str) -> dict[str, Any]:
    answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=account)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def given_back(payment: dict[str, Any], minor: int, reference: str) -> Report:
    """Say that a part of *payment* was refunded in the processor's dashboard."""
    return bought(
        payment,
        kind=Operation.REFUND,
        tag=None,
        processor_reference=reference,
        parent_reference=payment["processor_reference"],
        money=Money(minor, Currency.EUR),
    )


def nothing(_delivery: Delivery) -> Sequence[Told]:
    return []


def asked(shell: Shell, account: str, adapter: Telling, reads_per_second: float = 1000) -> Shell:
    return with_adapters(shell, {account: adapter}, reads_per_second)


async def ours(made: House, account: str, *deliveries: Delivery) -> list[tuple[str, int]]:
    """Status and tries of these deliveries."""
    found = await inbox(made.hub.parts.database, account)
    return [found[one.key] for one in deliveries]


async def test_deliveries_of_one_object_cost_one_question_and_the_answer_is_the_value(
    quiet: House, account: str
) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    told = [delivery(payment["processor_reference"], key=f"{payment['id']}:{n}") for n in range(5)]
    adapter = Asked(nothing, lambda _: [bought(payment), given_back(payment, 300, f"re_{payment['id']}")])
    await arrive(shell.database, account, *told)

    assert await read_waiting(asked(shell, account, adapter)) == 5

    assert adapter.fetched == {payment["processor_reference"]: 1}
    assert adapter.read == []
    assert await ours(quiet, account, *told) == [("done", 1)] * 5
    assert (await shown(quiet, payment["id"]))["amount_refunded_externally"] == 300


async def test_what_is_over_the_budget_waits_without_costing_a_try(quiet: House, account: str) -> None:
    shell = quiet.hub.parts.shell
    told = [delivery(f"pi_budget_{n}", key=f"budget:{n}") for n in range(12)]
    adapter = Asked(nothing, lambda _: [])
    limited = asked(shell, account, adapter, reads_per_second=4)
    await arrive(shell.database, account, *told)

    began = time.monotonic()
    await read_waiting(limited)

    assert adapter.fetched.total() <= 4 + 4 * (time.monotonic() - began) + 1
    waiting = [tries for status, tries in await ours(quiet, account, *told) if status == "waiting"]
    assert waiting
    assert set(waiting) == {0}
    while any(status == "waiting" for status, _ in await ours(quiet, account, *told)):
        assert time.monotonic() < began + 15
        await read_waiting(limited)
        await asyncio.sleep(0.05)
    assert adapter.fetched.total() == 12
    assert set(adapter.fetched.values()) == {1}
    assert set(await ours(quiet, account, *told)) == {("ignored", 1)}


async def test_what_waited_long_for_the_budget_is_believed_itself(quiet: House, account: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    long_ago = datetime.now(UTC) - timedelta(seconds=BUDGET_PATIENCE_S + 1)
    told = [delivery(f"pi_old_{n}", key=f"old:{payment['id']}:{n}") for n in range(6)]
    adapter = Asked(lambda _: [bought(payment)], lambda _: [bought(payment)])
    await arrive(shell.database, account, *told, at=long_ago)

    await read_waiting(asked(shell, account, adapter, reads_per_second=1))

    assert len(adapter.read) + adapter.fetched.total() == 6
    assert adapter.read
    assert set(await ours(quiet, account, *told)) == {("done", 1)}


async def test_a_processor_that_does_not_answer_is_asked_again_and_then_its_signed_message_counts(
    quiet: House, account: str
) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    adapter = Asked(lambda _: [given_back(payment, 200, f"re_{payment['id']}")], lambda _: SILENT)
    told = delivery(payment["processor_reference"])
    await arrive(shell.database, account, told)

    for tries in range(1, FETCH_TRIES):
        await read_waiting(asked(shell, account, adapter))
        assert await ours(quiet, account, told) == [("waiting", tries)]
        await make_due(shell.database)
    await read_waiting(asked(shell, account, adapter))

    assert adapter.fetched.total() == FETCH_TRIES
    assert await ours(quiet, account, told) == [("done", FETCH_TRIES)]
    assert (await shown(quiet, payment["id"]))["amount_refunded_externally"] == 200


async def test_an_account_that_is_refused_has_its_signed_messages_read_at_once(quiet: House, account: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    adapter = Asked(lambda _: [bought(payment)], lambda _: REFUSED)
    told = delivery(payment["processor_reference"])
    await arrive(shell.database, account, told)

    await read_waiting(asked(shell, account, adapter))

    assert adapter.read == [told.key]
    assert await ours(quiet, account, told) == [("done", 1)]


async def test_where_the_answer_tells_nothing_the_signed_message_counts(quiet: House, account: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    adapter = Asked(lambda _: [bought(payment)], lambda _: [])
    told = delivery(payment["processor_reference"])
    await arrive(shell.database, account, told)

    await read_waiting(asked(shell, account, adapter))

    assert await ours(quiet, account, told) == [("done", 1)]


@pytest.mark.parametrize("outcome", [Pending(), ActionRequired(method="GET", url="https://bank.example/3ds")])
async def test_an_answer_of_an_earlier_state_is_asked_for_again_and_then_the_signed_end_counts(
    quiet: House, account: str, outcome: Outcome
) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    final = given_back(payment, 200, f"re_{payment['id']}")
    adapter = Asked(lambda _: [final], lambda _: [replace(final, outcome=outcome)])
    told = delivery(payment["processor_reference"])
    await arrive(shell.database, account, told)

    for tries in range(1, FETCH_TRIES):
        await read_waiting(asked(shell, account, adapter))
        assert await ours(quiet, account, told) == [("waiting", tries)]
        await make_due(shell.database)
    await read_waiting(asked(shell, account, adapter))

    assert adapter.fetched.total() == FETCH_TRIES
    assert await ours(quiet, account, told) == [("done", FETCH_TRIES)]
    assert (await shown(quiet, payment["id"]))["amount_refunded_externally"] == 200


async def test_an_answer_that_has_caught_up_meanwhile_counts(quiet: House, account: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    final = given_back(payment, 200, f"re_{payment['id']}")
    answers = iter([[replace(final, outcome=Pending())], [replace(final, money=Money(300, Currency.EUR))]])
    adapter = Asked(lambda _: [final], lambda _: next(answers))
    told = delivery(payment["processor_reference"])
    await arrive(shell.database, account, told)

    await read_waiting(asked(shell, account, adapter))
    await make_due(shell.database)
    await read_waiting(asked(shell, account, adapter))

    assert await ours(quiet, account, told) == [("done", 2)]
    assert (await shown(quiet, payment["id"]))["amount_refunded_externally"] == 300


@pytest.mark.parametrize("says", ["pending", "nothing readable"])
async def test_a_pending_answer_counts_where_the_message_knows_no_end(quiet: House, account: str, says: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    pending = replace(given_back(payment, 200, f"re_{payment['id']}"), outcome=Pending())

    def read(_: Delivery) -> Sequence[Told]:
        if says != "pending":
            raise ValueError("no refund looks so")
        return [pending]

    told = delivery(payment["processor_reference"])
    await arrive(shell.database, account, told)

    await read_waiting(asked(shell, account, Asked(read, lambda _: [pending])))

    assert await ours(quiet, account, told) == [("done", 1)]


async def test_a_silent_processor_holds_up_nobody_else(quiet: House, account: str) -> None:
    shell = quiet.hub.parts.shell
    other = quiet.accounts["adyen-eu"]
    hanging, prompt = Asked(nothing, lambda _: None), Telling(nothing)
    silent = [delivery(f"pi_hang_{n}", key=f"hang:{n}") for n in range(60)]
    quick = [delivery(f"psp_{n}", key=f"quick:{n}") for n in range(20)]
    await arrive(shell.database, account, *silent)
    await arrive(shell.database, other, *quick)
    reading = asyncio.create_task(read_waiting(with_adapters(shell, {account: hanging, other: prompt})))

    began = time.monotonic()
    while set(await ours(quiet, other, *quick)) != {("ignored", 1)}:
        assert time.monotonic() < began + 2  # An answer is waited for 3 s here.
        await asyncio.sleep(0.05)

    await reading
    assert {status for status, _ in await ours(quiet, account, *silent)} == {"waiting"}
    async with shell.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE webhook_deliveries SET due_at = NULL WHERE due_at IS NOT NULL")


@pytest.mark.fault_case(id="WHI-09")
async def test_a_backlog_is_read_so_many_at_a_time_and_holds_up_no_charge(quiet: House, account: str) -> None:
    shell, goes_on = quiet.hub.parts.shell, asyncio.Event()
    told = [delivery(f"pi_backlog_{n}", key=f"backlog:{n}") for n in range(3 * BATCH)]
    row = {"merchant_account": account, "status": "waiting", "tries": 0, "due_at": datetime.now(UTC)}
    await write(shell.database, *(kept(delivery_key=one.key, subject=one.subject, **row) for one in told))
    adapter = Counting(goes_on)
    reads = asked(shell, account, adapter, reads_per_second=100_000)
    reading = asyncio.create_task(read_waiting(reads))
    async with asyncio.timeout(20):
        while adapter.now < AT_ONCE_MAX:  # noqa: ASYNC110 - what counts is how many wait, not that one more does
            await asyncio.sleep(0.01)

    assert (await paid(quiet, account))["status"] == "captured"

    goes_on.set()
    await reading
    while await read_waiting(reads):
        pass
    assert (adapter.now, adapter.most) == (0, AT_ONCE_MAX)
    assert {status for status, _ in await ours(quiet, account, *told)} <= {"ignored", "waiting"}


async def test_a_poisoned_answer_spoils_nothing_of_what_was_claimed_with_it(quiet: House, account: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    bad = delivery("pi_bad", key=f"bad:{payment['id']}")
    good = delivery(payment["processor_reference"], key=f"good:{payment['id']}")
    poison: Any = [None]

    def read(one: Delivery) -> Sequence[Told]:
        if one.subject == "pi_bad":
            raise ValueError("no payment looks so")
        return [bought(payment)]

    adapter = Asked(read, lambda name: [bought(payment, money=poison)] if name == "pi_bad" else [bought(payment)])
    await arrive(shell.database, account, bad, good)

    await read_waiting(asked(shell, account, adapter))

    assert await ours(quiet, account, bad, good) == [("waiting", 1), ("done", 1)]
    for _ in range(12):
        await make_due(shell.database)
        await read_waiting(asked(shell, account, adapter))
    assert (await ours(quiet, account, bad))[0][0] == "parked"
    parked = await rows(quiet, "SELECT detail FROM exceptions WHERE type = 'delivery_parked'")
    assert len(parked) == 1
    assert "ValueError" in parked[0]["detail"]


async def test_what_does_not_say_what_happened_is_for_a_human_at_once(quiet: House, account: str) -> None:
    shell, unclear = quiet.hub.parts.shell, delivery("psp_unclear")

    def read(_: Delivery) -> Sequence[Told]:
        raise UnclearDeliveryError("adyen", "M1 canceled or refunded P1")

    await arrive(shell.database, account, unclear)
    await read_waiting(asked(shell, account, Telling(read)))

    assert await ours(quiet, account, unclear) == [("parked", 1)]
    (parked,) = await rows(quiet, "SELECT detail FROM exceptions WHERE detail LIKE '%canceled or refunded%'")
    assert parked["detail"].endswith("could not be read: adyen: M1 canceled or refunded P1")


async def test_what_could_not_be_matched_is_tied_as_soon_as_its_payment_is_known(quiet: House, account: str) -> None:
    shell, payment = quiet.hub.parts.shell, await paid(quiet, account)
    known: list[str] = []
    early = delivery("pi_early", "refund", key=f"early:{payment['id']}")
    late = delivery("pi_early", "payment", key=f"late:{payment['id']}")

    def read(one: Delivery) -> Sequence[Told]:
        if one.body == b"payment":
            known.append(payment["id"])
            return [bought(payment)]
        refund = given_back(payment, 100, f"re_{payment['id']}")
        return (
            [refund] if known else [bought(payment, tag=None, processor_reference="pi_nobody", kind=Operation.REFUND)]
        )

    adapter = Telling(read)
    await arrive(shell.database, account, early)
    await read_waiting(asked(shell, account, adapter))
    assert await ours(quiet, account, early) == [("unmatched", 1)]

    await arrive(shell.database, account, late)
    await read_waiting(asked(shell, account, adapter))

    assert await ours(quiet, account, early, late) == [("done", 2), ("done", 1)]
    assert (await shown(quiet, payment["id"]))["amount_refunded_externally"] == 100
