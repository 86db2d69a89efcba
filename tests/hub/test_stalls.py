"""A loop that stands still is noticed: counted, and told in the log."""

import asyncio
import threading

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from hub.stalls import EVERY_S, TOLD_FROM_S, watch_for_stalls


@pytest.mark.fault_case(id="API-17")
async def test_what_blocks_the_loop_is_counted_and_told() -> None:
    def late() -> float:
        return REGISTRY.get_sample_value("hub_loop_late_seconds_sum") or 0.0

    before = late()
    with capture_logs() as told:
        watching = asyncio.create_task(watch_for_stalls())
        await asyncio.sleep(0)

        threading.Event().wait(EVERY_S + TOLD_FROM_S + 0.1)

        for _ in range(100):
            if told:
                break
            await asyncio.sleep(0.01)
        watching.cancel()
    assert [line["event"] for line in told] == ["loop_stalled"]
    assert late() - before >= TOLD_FROM_S
