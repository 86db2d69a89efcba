"""The worker: reads the inbox, asks about what is unresolved, does what waited, publishes. Polling is the truth."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from hub.approvals.jobs import carry_out_due, expire_old
from hub.audit.jobs import seal_audit
from hub.backtests.jobs import replay_backtests
from hub.banking.tying import tie_entries
from hub.disputes.jobs import answer_due, remind_due
from hub.erasure.jobs import erase_due
from hub.events.jobs import publish_events
from hub.exceptions.jobs import count_open
from hub.figures.learning_fees import learn_fees
from hub.idempotency.jobs import prune_keys
from hub.ledger.jobs import check_ledger, close_ledger
from hub.payment_methods.detaching import detach_due
from hub.payment_methods.verifying import verify_due
from hub.payments.jobs import ask_silent, cancel_due, inquire_due, measure_unknown
from hub.payments.shell import Shell
from hub.reporting.jobs import check_reports, roll_up
from hub.retries.jobs import prune_declines
from hub.settlement.downloading import download_reports
from hub.settlement.jobs import import_settlements, remove_cut_off
from hub.settlement.missing import find_missing
from hub.settlement.retrying import settle_waiting
from hub.stopping import stopped
from hub.webhook_endpoints.jobs import bury_old, deliver
from hub.webhooks.catching_up import catch_up_due
from hub.webhooks.jobs import read_waiting
from hub.webhooks.mended import close_mended

Job = Callable[[Shell], Awaitable[int]]
Pause = Callable[[float], Awaitable[None]]
POLL_S: Final = 1.0
AFTER_FAILURE_S: Final = 2.0
SEAL_EVERY_S: Final = 5.0
CATCH_UP_EVERY_S: Final = 10.0
TRY_EVERY_S: Final = 15.0
CLOSE_EVERY_S: Final = 30.0
ADD_UP_EVERY_S: Final = 60.0
REMIND_EVERY_S: Final = 60.0
PRUNE_EVERY_S: Final = 3_600.0
BEGINS_S: Final = 2.0
"""When what goes by the clock begins after the start, whose first seconds are for what somebody waits for."""
APART_S: Final = 0.02
"""How long after one another jobs begin, so that they share a few connections to the database."""
_log = structlog.get_logger(__name__)
WHEN_RUNG: Final[tuple[tuple[Job, float], ...]] = (
    (catch_up_due, CATCH_UP_EVERY_S),
    (read_waiting, POLL_S),
    (inquire_due, POLL_S),
    (cancel_due, POLL_S),
    (detach_due, POLL_S),
    (verify_due, POLL_S),
    (erase_due, POLL_S),
    (answer_due, POLL_S),
    (publish_events, POLL_S),
    (carry_out_due, POLL_S),
    (download_reports, POLL_S),
)
"""What somebody waits for: done as soon as the bell rings, and looked for as often as this."""
BY_THE_CLOCK: Final[tuple[tuple[Job, float], ...]] = (
    (ask_silent, TRY_EVERY_S),
    (measure_unknown, CLOSE_EVERY_S),
    (remind_due, REMIND_EVERY_S),
    (seal_audit, SEAL_EVERY_S),
    (close_mended, CLOSE_EVERY_S),
    (count_open, CLOSE_EVERY_S),
    (tie_entries, REMIND_EVERY_S),
    (expire_old, REMIND_EVERY_S),
    (remove_cut_off, REMIND_EVERY_S),
    (settle_waiting, REMIND_EVERY_S),
    (find_missing, REMIND_EVERY_S),
    (close_ledger, ADD_UP_EVERY_S),
    (check_ledger, PRUNE_EVERY_S),
    (roll_up, ADD_UP_EVERY_S),
    (check_reports, PRUNE_EVERY_S),
    (learn_fees, ADD_UP_EVERY_S),
    (prune_keys, PRUNE_EVERY_S),
    (prune_declines, PRUNE_EVERY_S),
    (bury_old, PRUNE_EVERY_S),
)
"""What is done at its own pace: the bell rings at every payment, and some of this adds up days."""


class Bell:
    """Tells sleeping jobs of this process that something is due; who is not told finds it by polling."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Sleep until it rings, *seconds* at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()


async def work(shell: Shell, bell: Bell, stop: asyncio.Event) -> None:
    """Run every job until *stop*; what a job has begun is finished first, within the setting `shutdown_ms`.

    What takes longer is given up: its leases run out, and another worker does it.
    """
    to_repeat = [
        *((job, every_s, n * APART_S, bell.wait) for n, (job, every_s) in enumerate(WHEN_RUNG)),
        *((job, every_s, BEGINS_S + n * APART_S, by_the_clock(stop)) for n, (job, every_s) in enumerate(BY_THE_CLOCK)),
    ]
    jobs = [
        *(asyncio.create_task(repeat(shell, *one, stop), name=one[0].__name__) for one in to_repeat),
        *(
            asyncio.create_task(job(shell, bell, stop), name=job.__name__)
            for job in (deliver, replay_backtests, import_settlements)
        ),
    ]
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*jobs, told}, return_when=asyncio.FIRST_COMPLETED)
        _, late = await asyncio.wait(jobs, timeout=shell.settings.shutdown_ms / 1000 if stop.is_set() else 0)
        if late and stop.is_set():
            _log.warning("shutdown_left_jobs", jobs=sorted(task.get_name() for task in late))
    finally:
        await stopped([told, *jobs])
    for task in jobs:
        if not task.cancelled():
            task.result()  # None ends by itself but by a mistake of ours, which must not go unnoticed.


def by_the_clock(stop: asyncio.Event) -> Pause:
    """Sleep so many seconds, or until *stop*."""

    async def pause(seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()

    return pause


async def repeat(shell: Shell, job: Job, every_s: float, begins_s: float, pause: Pause, stop: asyncio.Event) -> None:
    """Do *job* until *stop*, again at once where it found something, else after *every_s*, as *pause* sleeps."""
    await pause(begins_s)
    while not stop.is_set():
        try:
            done = await job(shell)
        except Exception as failure:  # noqa: BLE001 - a job that fails is tried again, the others go on
            _log.warning("job_failed", job=job.__name__, exc_info=failure)
            await pause(AFTER_FAILURE_S)
            continue
        if not done and not stop.is_set():
            await pause(every_s)
