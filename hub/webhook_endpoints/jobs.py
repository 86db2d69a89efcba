"""What the worker does for endpoints: fan out, send, write down, and give up what has waited for days."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import structlog

from hub import metrics
from hub.payments.shell import Shell
from hub.webhook_endpoints import queue
from hub.webhook_endpoints.courier import Courier
from hub.webhook_endpoints.door import Door
from hub.webhook_endpoints.fan_out import FanOut
from hub.webhook_endpoints.rules import GIVE_UP_S

FAN_OUT_S: Final = 0.25
"""How often published events are looked for."""
LOOK_S: Final = 1.0
"""How often all endpoints are looked at, for what is due again and what another process queued."""
GATHER_S: Final = 0.02
"""How long the courier waits for company, so that one claim is for many endpoints."""
_AFTER_FAILURE_S: Final = 2.0
_log = structlog.get_logger(__name__)


class Waits(Protocol):
    """The worker's bell."""

    async def wait(self, seconds: float) -> None:
        """Sleep until it rings, *seconds* at most."""


def doors(shell: Shell) -> Mapping[bool, Door]:
    """Open the connections of both modes: what test mode may reach, live mode may not."""
    settings = shell.settings
    return {
        livemode: Door(livemode=livemode, allowed=settings.endpoint_networks, timeout_s=settings.delivery_ms / 1000)
        for livemode in (False, True)
    }


async def deliver(shell: Shell, bell: Waits, stop: asyncio.Event) -> None:
    """Deliver until *stop*; what is under way is finished first."""
    opened = doors(shell)
    courier, fan_out = Courier(shell, opened), FanOut(shell.database)

    async def fan() -> None:
        fanned, endpoint_ids = await fan_out.go_on()
        courier.look_at(endpoint_ids)
        if not fanned:
            await bell.wait(FAN_OUT_S)

    async def look() -> None:
        await courier.look_at_all()
        await bell.wait(LOOK_S)

    async def send() -> None:
        await courier.wait()
        if not stop.is_set():
            await asyncio.sleep(GATHER_S)
            await courier.send_due()

    writing = asyncio.create_task(_write_down(courier, stop))
    sending = [asyncio.create_task(_repeat(job, stop)) for job in (fan, look, send)]
    try:
        await stop.wait()
    finally:
        courier.nudge()
        await asyncio.gather(*sending, return_exceptions=True)
        await courier.end()
        courier.nudge()
        await asyncio.gather(writing, return_exceptions=True)
        for door in opened.values():
            await door.close()


async def _write_down(courier: Courier, stop: asyncio.Event) -> None:
    """Write down what ends, whatever happens: what is not written down is sent again."""
    while True:
        try:
            return await courier.write_down(stop)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("job_failed", job="write_down")


async def _repeat(job: Callable[[], Awaitable[Any]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await job()
        except Exception as failure:  # noqa: BLE001 - a job that fails is tried again, the others go on
            _log.warning("job_failed", job=job.__name__, exc_info=failure)
            await asyncio.sleep(_AFTER_FAILURE_S)


async def bury_old(shell: Shell) -> int:
    """Give up what has waited longer than any schedule takes."""
    buried = await queue.bury(shell.database, GIVE_UP_S)
    if buried:
        metrics.EVENT_DELIVERIES.labels("dead").inc(buried)
        _log.warning("deliveries_given_up", count=buried)
    return 0
