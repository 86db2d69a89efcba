"""What the charge path works with, and the one way in which it calls a processor."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog
from msgspec import Struct, field

from adapters.errors import AdapterError, ConfigurationError, NotSentError, OutcomeUnknownError
from hub.database import Database
from hub.figures.board import FigureBoard
from hub.merchants.health import HealthBoard
from hub.merchants.service import Directory
from hub.payment_methods.remembered import Remembered
from hub.payments import store
from hub.rulesets.shadowing import ShadowDesk
from hub.sealing import Sealer
from hub.settings import Settings
from hub.webhooks.budget import ReadBudgets
from routing.failover import Failure

T = TypeVar("T")
_log = structlog.get_logger(__name__)
TRIES: Final = 100
"""How often a change is decided anew because somebody else changed the payment first."""


class Shell(Struct, frozen=True, kw_only=True):
    """The services' tools. `wake` tells the worker in this process that something became due.

    Once `stopping` is set nothing more is begun: what is claimed and not begun is given back at once.
    """

    database: Database
    directory: Directory
    settings: Settings
    sealer: Sealer
    health: HealthBoard
    figures: FigureBoard
    shadows: ShadowDesk
    remembered: Remembered
    clock: Callable[[], datetime]
    wake: Callable[[], None]
    running: set[asyncio.Task[Any]]
    reads: ReadBudgets
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lease_s(self) -> float:
        """How long an operation may be in one process's hands before it counts as lost."""
        return self.settings.lease_ms / 1000


async def shielded(shell: Shell, work: Coroutine[Any, Any, T]) -> T:
    """Carry *work* through even when its caller hangs up; a shutdown waits for it."""
    task = asyncio.create_task(work)
    shell.running.add(task)
    task.add_done_callback(shell.running.discard)
    return await asyncio.shield(task)


def background(shell: Shell, work: Coroutine[Any, Any, None]) -> None:
    """Begin *work* that nobody waits for; a shutdown does."""
    task = asyncio.create_task(work)
    shell.running.add(task)
    task.add_done_callback(shell.running.discard)


async def answered(shell: Shell, merchant_account: str, *, failed: bool, inquiry: bool = False) -> None:
    """Count how an account answered; one that is back is asked at once about all that is unknown there.

    Only what makes the hub faster: whatever goes wrong here must not touch what was recorded.
    """
    try:
        if await shell.health.ended(merchant_account, failed=failed, inquiry=inquiry):
            await store.make_due(shell.database, merchant_account)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("health_not_counted", merchant_account=merchant_account)


async def ask(call: Awaitable[T], seconds: float) -> T | Failure:
    """Call a processor within *seconds*; whatever goes wrong is named by what it means for the money."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except NotSentError as failure:
        _log.warning("processor_not_reached", processor=failure.processor, failure=str(failure))
        return Failure.NOT_SENT
    except ConfigurationError as failure:
        _log.error("processor_refuses_account", processor=failure.processor, failure=str(failure))
        return Failure.CONFIGURATION
    except (OutcomeUnknownError, TimeoutError) as failure:
        named = failure.processor if isinstance(failure, AdapterError) else None
        _log.warning("outcome_unknown", processor=named, failure=str(failure))
        return Failure.UNKNOWN
    except Exception:  # noqa: BLE001 - an outcome is never lost to a mistake of ours
        # Something of ours failed after the request may have left: the money question stays open.
        _log.exception("outcome_unknown")
        return Failure.UNKNOWN
