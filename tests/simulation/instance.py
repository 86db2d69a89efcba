"""One process of the hub: the real services, put together as the composition root does it, until it is killed."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from hub.figures.board import FigureBoard
from hub.merchants.health import HealthBoard
from hub.merchants.service import Directory
from hub.payment_methods.remembered import Remembered
from hub.payments.shell import Shell
from hub.redis import SharedMemory
from hub.rulesets.shadowing import ShadowDesk
from hub.sealing import Sealer
from hub.settings import Settings
from hub.webhooks.budget import ReadBudgets
from hub.worker import Bell
from tests.simulation.adapter import registrations
from tests.simulation.database import OWNER, SimulatedDatabase, Transaction

if TYPE_CHECKING:
    from adapters.transport import Transport
    from tests.simulation.world import World

T = TypeVar("T")
LIFE: Final[ContextVar[int | None]] = ContextVar("life", default=None)
"""The payment that a request is about, where one is."""
SETTINGS: Final = Settings()
SEALER: Final = Sealer(SETTINGS.keys)
LEASE_S: Final = SETTINGS.lease_ms / 1000
FROZEN_S: Final = 120.0
SKEW_S: Final = 8.0
STEP_S: Final = 0.02
AT_ONCE: Final = 0.8
"""How often an await is over at once; else it takes a fifth of `STEP_S` at most."""


class _Pace:
    """Until when a request, with all that it has begun, stands still, and when its caller hung up."""

    def __init__(self) -> None:
        self.frozen_until_s = 0.0
        self.hung_up_at_s: float | None = None


_PACE: Final[ContextVar[_Pace]] = ContextVar("pace")


def _pace() -> _Pace:
    return _PACE.get()


class GoneError(Exception):
    """The process was killed before it answered."""


class Instance:
    """A process with its memory; what it has committed is in the world's store, what it has asked at the processors."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.dead = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self.transactions: set[Transaction] = set()
        self.killed_at_await: int | None = None
        self._asked: dict[asyncio.Task[Any], int] = {}
        self._awaits = 0
        self._ahead = timedelta(seconds=world.random.uniform(-SKEW_S, SKEW_S))
        self._context = Context()
        self._context.run(OWNER.set, self)
        self._context.run(LIFE.set, None)
        self.shell = self._context.run(self._assemble)

    def clock(self) -> datetime:
        """Give the time as this process knows it: no two clocks agree, and the database's is another one."""
        return self.world.clock() + self._ahead

    def _assemble(self) -> Shell:
        clock, database = self.clock, SimulatedDatabase(self)
        shared, bell = SharedMemory(None, self.world.loop.time), Bell()
        no_network: Transport = None  # type: ignore[assignment] # the pretend adapters have processors at hand
        directory = Directory(database, SEALER, registrations(self), no_network, shared, clock=clock)
        figures = FigureBoard(database, shared, directory, clock)
        return Shell(
            database=database,
            directory=directory,
            settings=self.world.settings,
            sealer=SEALER,
            health=HealthBoard(shared, clock),
            figures=figures,
            shadows=ShadowDesk(database, figures.seen_later),
            remembered=Remembered(64),
            clock=clock,
            wake=bell.ring,
            running=set(),
            reads=ReadBudgets(SETTINGS.webhook_reads_per_second, self.world.loop.time),
        )

    def begin(
        self, work: Coroutine[Any, Any, T], life: int | None = None, pace: _Pace | None = None
    ) -> asyncio.Task[T]:
        """Begin *work* in this process, about the payment *life* where it is about one."""
        context: Context = self._context.copy()
        context.run(LIFE.set, life)
        context.run(_PACE.set, pace or _Pace())
        task = self.world.loop.create_task(work, context=context)
        self.own(task)
        if life is not None:
            self._asked[task] = life
            task.add_done_callback(self._asked.pop)
        return task

    async def ask(self, work: Coroutine[Any, Any, T], life: int | None = None, *, patience_s: float | None = None) -> T:
        """Have the process do *work*, and wait for it as a caller does, who hangs up after *patience_s*.

        Raises:
            GoneError: when it is dead, or is killed before it has answered, or its caller has hung up.
        """
        if self.dead:
            work.close()
            raise GoneError
        pace = _Pace()
        task = self.begin(work, life, pace)
        await asyncio.wait({task}, timeout=patience_s)
        if not task.done():
            pace.hung_up_at_s = self.world.loop.time()
            task.cancel()
            await asyncio.wait({task})
        if task.cancelled() or self.gone():
            if not task.cancelled():
                task.exception()  # Nobody hears of it.
            raise GoneError
        return task.result()

    def hung_up(self) -> bool:
        """Whether the caller of the running request is hanging up at this very moment."""
        return not self.dead and _pace().hung_up_at_s == self.world.loop.time()

    def gone(self) -> bool:
        """Whether it has been killed, which may be by now where it was not a moment ago."""
        return self.dead

    def own(self, task: asyncio.Task[Any]) -> None:
        """Have *task* die with the process."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def check(self) -> None:
        """Stop here where the process is dead: nothing of it reaches the world any more."""
        if self.dead:
            raise asyncio.CancelledError

    async def awaiting(self) -> None:
        """Let others go on meanwhile; the process may be killed at any of these."""
        self.check()
        self._awaits += 1
        if self._awaits == self.killed_at_await:
            self.kill()
        while (left_s := _pace().frozen_until_s - self.world.loop.time()) > 0:
            await asyncio.sleep(left_s)
            self.check()
        chance = self.world.random.random()
        await asyncio.sleep(0 if chance < AT_ONCE else (chance - AT_ONCE) * STEP_S)
        self.check()

    def freeze(self) -> None:
        """Let this request, or this worker, stand still at its awaits beyond its lease, and go on then.

        Not the whole process: everything else in it would only end for want of time.
        """
        until_s = self.world.loop.time() + LEASE_S + self.world.random.random() * FROZEN_S
        _pace().frozen_until_s = max(_pace().frozen_until_s, until_s)  # Who stands still already goes on no sooner.

    def stands_still_s(self) -> float:
        """For how long the running request stands still yet."""
        return max(0.0, _pace().frozen_until_s - self.world.loop.time())

    def kill(self) -> NoReturn:
        """Kill the process at an await of its own."""
        self.die()
        raise asyncio.CancelledError

    def die(self) -> None:
        """End the process: no handler of its runs to any effect."""
        if not self.dead:
            self.dead = True
            self.world.tell(f"{self.name} killed")
            self.world.cut_off.update(self._asked.values())  # Whoever's fault it was.
            for transaction in list(self.transactions):
                transaction.rollback()
            self.world.loop.call_soon(self.world.bury, self)
