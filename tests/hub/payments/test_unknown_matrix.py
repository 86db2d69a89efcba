"""Every way a processor can fail, at every operation, with each safety net alone: the books say what happened, once.

Redundant nets hide each other's bugs: a webhook resolves what an inquiry should have found. So each runs alone.
"""

import asyncio
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.payments.jobs import cancel_due, inquire_due
from hub.webhooks.jobs import read_waiting
from tests.hub.house import QUICK, House, house
from tests.hub.money import Truth, agrees, book, rows, truths
from tests.hub.payments.faulty import (
    ACTED,
    AMOUNT,
    ANSWER_MS,
    FAULTS,
    OPERATIONS,
    TOKENS,
    Case,
    Clock,
    Played,
    play,
    shown,
    stop_faults,
    work,
)

CASES = [Case(*parts) for parts in product(FAULTS, OPERATIONS, TOKENS)]
SETTINGS = replace(
    QUICK, connect_ms=3_000, answer_ms=ANSWER_MS, request_ms=8_000, inquiry_first_ms=100, rate_limit_per_minute=10**6
)
AT_ONCE = 20


async def play_all(made: House) -> list[Played]:
    """Play every case, several at once, each at accounts of its own."""
    for account in made.accounts.values():
        await made.hub.client.patch(f"/v1/merchant_accounts/{account}", json={"status": "paused"})
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Played:
        async with gate:
            return await play(made, case)

    return await asyncio.gather(*(one(case) for case in CASES))


async def set_webhooks(made: House, **mode: object) -> None:
    for processor in TOKENS:
        await made.control(processor, "POST", "webhooks", mode)


async def flush(made: House) -> None:
    for processor in TOKENS:
        counts = await made.control(processor, "POST", "webhooks/flush", {"timeout_s": 15.0})
        assert counts["failed"] == 0


async def come_back(made: House, played: list[Played]) -> None:
    """Payers whose challenge still waits reload their page."""
    for one in played:
        if one.back and (await shown(made, one.payment))["status"] == "requires_action":
            await made.hub.client.get(one.back)


async def check(made: House, played: list[Played], *, resolved: bool) -> None:
    """Hold every case against the processor's book; with *resolved* nothing may be open any more."""
    found = await truths(made)
    for one in played:
        truth = found.get(one.payment, Truth())
        body = await shown(made, one.payment)
        told = (body["amount_captured"], body["amount_refunded"], body["status"] == "canceled")
        assert told == (truth.captured, truth.refunded, truth.voided > 0), (one.case, body, truth)
        assert truth.charges <= 1, (one.case, truth)
        if one.case.fault in ACTED:
            assert happened(one.case, truth) == AMOUNT, (one.case, truth)
        again = await made.hub.post(one.path, one.body, key=one.key)
        assert (again.status_code, again.content) == (one.answer.status_code, one.answer.content), one.case
        assert again.headers["Idempotent-Replayed"] == "true"
        if one.case.opens:
            await nobody_else_was_asked(made, one, truth)
        if resolved:
            assert body["amount_capturing"] == body["amount_refunding"] == 0, (one.case, body)
            assert body["status"] in {"authorized", "captured", "canceled", "failed"}, (one.case, body)
            assert not body["canceling"], (one.case, body)


def happened(case: Case, truth: Truth) -> int:
    if case.operation == "authorize":
        return truth.authorized
    if case.operation == "void":
        return truth.voided
    return truth.refunded if case.operation == "refund" else truth.captured


async def nobody_else_was_asked(made: House, one: Played, truth: Truth) -> None:
    """Only what was certainly not executed may go to the other processor, and then it went there once."""
    attempts = await rows(made, "SELECT status, processor FROM operations WHERE payment_id = :id", id=one.payment)
    if one.case.fault == "rate_limited":
        assert sorted(a["status"] for a in attempts) == ["approved", "not_sent"], (one.case, attempts)
        assert truth.charges == 1
    else:
        assert [a["processor"] for a in attempts] == [one.case.processor], (one.case, attempts)


async def nothing_is_open(made: House) -> None:
    open_ones = "SELECT id, kind, status FROM operations WHERE status IN ('sending', 'unknown', 'pending', 'exception')"
    assert await rows(made, open_ones) == []
    assert await rows(made, "SELECT type, detail FROM exceptions") == []


async def test_webhooks_alone_end_what_the_processor_did(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SETTINGS, with_worker=False) as made:
        played = await play_all(made)
        await stop_faults(made)
        await flush(made)
        await work(made, read_waiting, cancel_due, until_resolved=False)
        await flush(made)  # What was canceled just now is told by a webhook too.
        await work(made, read_waiting, until_resolved=False)
        await check(made, played, resolved=False)
        await agrees(made)
        unknown = await rows(made, "SELECT id FROM operations WHERE status = 'unknown'")
        assert len(unknown) <= sum(one.case.fault not in ACTED for one in played)


@pytest.mark.fault_case(id="UNK-02")
@pytest.mark.fault_case(id="UNK-04")
@pytest.mark.fault_case(id="UNK-07")
@pytest.mark.fault_case(id="UNK-09")
@pytest.mark.fault_case(id="UNK-16")
async def test_inquiries_alone_find_out_and_late_webhooks_change_nothing(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with house(database_url, tmp_path, settings=SETTINGS, with_worker=False, clock=clock) as made:
        await set_webhooks(made, mode="delay", delay_s=3600.0)
        played = await play_all(made)
        await stop_faults(made)
        await come_back(made, played)
        clock.ahead = 2 * made.hub.parts.directory.accounts()[made.accounts["stripe-eu"]].capabilities.lookup_grace
        await work(made, inquire_due, cancel_due, until_resolved=True)
        await come_back(made, played)
        await work(made, inquire_due, cancel_due, until_resolved=True)
        clock.ahead *= 0
        before = {one.payment: (await shown(made, one.payment))["status"] for one in played}

        for processor in TOKENS:
            await made.control(processor, "POST", "clock", {"advance_s": 3601.0})
        await flush(made)
        await work(made, read_waiting, until_resolved=False)

        await check(made, played, resolved=True)
        await nothing_is_open(made)
        await agrees(made)
        moved = {p: s for p, s in before.items() if s != (await shown(made, p))["status"]}
        assert set(moved.values()) <= {"authorized", "processing"}, moved  # Adyen's captures and cancels are told late.


@pytest.mark.fault_case(id="WHI-06")
async def test_storms_and_inquiries_together_change_nothing_twice(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with house(database_url, tmp_path, settings=SETTINGS, clock=clock) as made:
        await set_webhooks(made, mode="storm", copies=3)
        played = await play_all(made)
        await stop_faults(made)
        await flush(made)
        await come_back(made, played)
        await work(made, read_waiting, until_resolved=False)
        clock.ahead = 2 * made.hub.parts.directory.accounts()[made.accounts["stripe-eu"]].capabilities.lookup_grace
        await work(made, inquire_due, cancel_due, until_resolved=True)
        clock.ahead *= 0
        await come_back(made, played)
        await flush(made)
        await work(made, read_waiting, until_resolved=False)

        await check(made, played, resolved=True)
        await nothing_is_open(made)
        await agrees(made)
        keys = book(made, "adyen", "SELECT count(*) FROM deliveries WHERE state = 'delivered'")[0][0]
        assert keys >= len(played) // 4
