"""Reading the inbox: deliveries are claimed in batches, and many subjects are read at the same time."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import structlog

from hub import metrics
from hub.payments.shell import Shell
from hub.webhooks import store
from hub.webhooks.reading import Claim, read_subject
from hub.webhooks.store import Ended, Waiting
from hub.webhooks.suspecting import set_apart

AT_ONCE: Final = 32
"""Subjects that are read at the same time; of each account's no more are asked about than its budget lets through."""
BATCH: Final = 96
READ_ON_S: Final = 5.0
"""How long new deliveries are claimed until those in hand are finished first: a process that stops waits for them."""
LOOK_AGAIN_S: Final = 0.25
SETTLED_TOGETHER: Final = 32
SETTLED_WITHIN_S: Final = 0.02
"""So many deliveries' ends are committed together, where they come within this time."""
_log = structlog.get_logger(__name__)


async def read_waiting(shell: Shell) -> int:
    """Read the deliveries that are due, oldest first, until none is or `READ_ON_S` are over; returns how many."""
    reading: set[asyncio.Task[list[Ended]]] = set()
    ended: list[Ended] = []
    gate = asyncio.Semaphore(AT_ONCE)
    clock = asyncio.get_running_loop().time
    claim_until = clock() + READ_ON_S
    count = 0
    try:
        while True:
            if len(reading) < 2 * AT_ONCE and clock() < claim_until and not shell.stopping.is_set():
                claimed = await store.claim(shell.database, BATCH, shell.lease_s)
                count += len(claimed)
                claimed, apart = set_apart(claimed)
                if apart:
                    await store.settle(shell.database, apart, shell.clock())
                    _count(shell, apart)
                reading |= _begun(shell, gate, claimed)
            if not reading:
                return count
            reading = await _some_end(reading, ended)
            if ended:
                await store.settle(shell.database, ended, shell.clock())
                ended.clear()
    finally:
        if reading:
            await asyncio.wait(reading)  # Only where the database failed: their leases run out, then they are read.


async def _some_end(reading: "set[asyncio.Task[list[Ended]]]", ended: list[Ended]) -> "set[asyncio.Task[list[Ended]]]":
    """Wait until some have ended, and a moment longer for more of them; give those that are still under way."""
    clock = asyncio.get_running_loop().time
    until = clock() + LOOK_AGAIN_S
    while reading and len(ended) < SETTLED_TOGETHER and (left_s := until - clock()) > 0:
        done, reading = await asyncio.wait(reading, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if done and not ended:
            until = clock() + SETTLED_WITHIN_S
        ended += [one for task in done for one in _result(task)]
    return reading


def _begun(shell: Shell, gate: asyncio.Semaphore, claimed: Sequence[Waiting]) -> "set[asyncio.Task[list[Ended]]]":
    claim = Claim(ends=asyncio.get_running_loop().time() + shell.lease_s / 2, fetches={})

    async def one_subject(deliveries: Sequence[Waiting]) -> list[Ended]:
        async with gate:
            if shell.stopping.is_set():
                return [_given_back(one) for one in deliveries]
            return await read_subject(shell, claim, deliveries)

    by_subject = sorted(claimed, key=_subject)  # Stable: those of one subject stay in their order.
    return {asyncio.create_task(one_subject(list(group))) for _, group in groupby(by_subject, _subject)}


def _given_back(one: Waiting) -> Ended:
    """Let another process read at once what was not begun here."""
    return Ended(waiting=one, status="waiting", tries=one.tries - 1, again_s=0.0)


def _count(shell: Shell, ended: Sequence[Ended]) -> None:
    for one in ended:
        if one.again_s is None:
            connected = shell.directory.connected(one.waiting.merchant_account)
            metrics.DELIVERIES.labels(one.status, connected.account.processor if connected else "").inc()


def _subject(waiting: Waiting) -> tuple[str, str]:
    return waiting.merchant_account, waiting.delivery.subject


def _result(task: "asyncio.Task[list[Ended]]") -> list[Ended]:
    try:
        return task.result()
    except Exception as failure:  # noqa: BLE001 - one subject's trouble must not keep the others waiting
        _log.warning("subject_not_read", exc_info=failure)
        return []
