"""A delivery that ends whoever reads it is found out, and spoils nothing that was in hand beside it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from adapters.contract import Delivery, Told
from hub.webhooks import store
from hub.webhooks.jobs import read_waiting
from hub.webhooks.reading import TRIES_MAX
from hub.webhooks.store import Waiting
from hub.webhooks.suspecting import CLAIMS_MAX, SUSPECT_ABOVE, set_apart
from normalization.outcome import Operation
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.webhooks.telling import Telling, arrive, bought, delivery, inbox, make_due, with_adapters
from tests.hub.webhooks.test_asking import paid

AT_ONCE_S = 0.001


def waiting(id: str, tries: int) -> Waiting:
    return Waiting(
        id=id, merchant_account="ma_1", livemode=False, tries=tries, received_at=datetime(2026, 11, 22, tzinfo=UTC),
        delivery=delivery(id),
    )  # fmt: skip


def test_one_suspect_is_read_at_a_time_and_the_others_wait_without_a_try() -> None:
    fresh, *suspects = waiting("wd_0", 1), *(waiting(f"wd_{n}", SUSPECT_ABOVE + 1) for n in (1, 2, 3))

    in_hand, apart = set_apart([fresh, *suspects])

    assert [one.id for one in in_hand] == ["wd_0", "wd_1"]
    assert [(one.waiting.id, one.status, one.tries) for one in apart] == [
        ("wd_2", "waiting", SUSPECT_ABOVE),
        ("wd_3", "waiting", SUSPECT_ABOVE),
    ]
    first, second = (one.again_s for one in apart)
    assert first is not None
    assert second is not None
    assert 0 < first < second


def test_what_nobody_came_back_from_is_parked_unread() -> None:
    in_hand, [parked] = set_apart([waiting("wd_1", CLAIMS_MAX + 1), waiting("wd_2", CLAIMS_MAX)])

    assert [one.id for one in in_hand] == ["wd_2"]
    assert (parked.status, parked.tries, parked.again_s) == ("parked", CLAIMS_MAX, None)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_kills_its_reader_is_parked_and_what_was_claimed_with_it_is_read(quiet: House) -> None:
    shell, account = quiet.hub.parts.shell, quiet.accounts["stripe-eu"]
    payment = await paid(quiet, account)
    poison, good = delivery("pi_poison"), delivery(payment["processor_reference"])
    await arrive(shell.database, account, poison, good)
    for _ in range(CLAIMS_MAX - 1):  # Each time the process ends before it writes anything.
        assert len(await store.claim(shell.database, 10, AT_ONCE_S)) == 2
        await asyncio.sleep(5 * AT_ONCE_S)
    [oldest] = set_apart(await store.claim(shell.database, 10, AT_ONCE_S))[0]
    assert oldest.delivery.key == poison.key
    await settled(quiet, "UPDATE webhook_deliveries SET tries = tries - 1 WHERE delivery_key = :key", good)
    await asyncio.sleep(5 * AT_ONCE_S)
    adapter = Telling(lambda _: [bought(payment)])

    await read_waiting(with_adapters(shell, {account: adapter}))

    assert adapter.read == [good.key]
    assert await inbox(shell.database, account) == {poison.key: ("parked", CLAIMS_MAX), good.key: ("done", CLAIMS_MAX)}
    [parked] = await rows(quiet, "SELECT detail FROM exceptions WHERE type = 'delivery_parked'")
    assert "whoever read it never came back" in parked["detail"]


async def settled(made: House, statement: str, of: Delivery) -> None:
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(text(statement), {"key": of.key})


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_unmatched_is_read_whenever_more_is_told_of_its_subject_however_often(quiet: House) -> None:
    shell, account = quiet.hub.parts.shell, quiet.accounts["adyen-eu"]
    payment = await paid(quiet, quiet.accounts["stripe-eu"])
    nobodys = bought(payment, tag=None, processor_reference="psp_nobody", kind=Operation.REFUND)
    early = delivery("psp_1", "unmatched")
    reading: list[Sequence[Told]] = []

    def read(one: Delivery) -> Sequence[Told]:
        reading.append([nobodys] if one.body else [])
        return reading[-1]

    told = with_adapters(shell, {account: Telling(read)})
    await arrive(shell.database, account, early)
    for _ in range(CLAIMS_MAX + 5):
        await settled(quiet, "UPDATE webhook_deliveries SET due_at = received_at WHERE delivery_key = :key", early)
        await read_waiting(told)
        await make_due(shell.database)

    assert len(reading) == CLAIMS_MAX + 5
    assert await inbox(shell.database, account) == {early.key: ("unmatched", TRIES_MAX)}
