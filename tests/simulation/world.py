"""One world: a store, two processors, several processes of the hub, callers, and what goes wrong, all by one seed."""

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextvars import Context
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from adapters.contract import Webhook
from adapters.errors import WebhookRejectedError
from hub import ids
from hub.audit.jobs import seal_audit
from hub.ledger import checks
from hub.payments.states import OperationStatus
from hub.settlement.missing import find_missing
from hub.settlement.retrying import settle_waiting
from hub.webhooks.mended import close_mended
from normalization.outcome import Report
from tests.simulation import api, invariants
from tests.simulation.adapter import SIGNATURE, Notice
from tests.simulation.again import deliver_again
from tests.simulation.audit import sealed
from tests.simulation.clients import Client
from tests.simulation.database import OWNER, Store, is_away
from tests.simulation.endpoints import fan_out
from tests.simulation.faults import COMMIT, CRASH, DELIVERY, VERDICT, Fault, Strike
from tests.simulation.instance import FROZEN_S, LEASE_S, LIFE, SETTINGS, GoneError, Instance
from tests.simulation.loop import VirtualLoop
from tests.simulation.plans import Life, Options, Plan
from tests.simulation.processors import NORTH, SOUTH, Processor
from tests.simulation.reader import Reader
from tests.simulation.settlements import Office
from tests.simulation.steps import step_of_values
from tests.simulation.template import account, template
from tests.simulation.watch import Watch
from tests.simulation.worker import work

EPOCH: Final = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
EPOCH_S: Final = EPOCH.timestamp()
SERVERS: Final = ("server-1", "server-2")
WORKERS: Final = ("worker-1", "worker-2")
HORIZON_S: Final = 12 * 86_400.0
RESTART_S: Final = 30.0
LAST_TURNS: Final = 10
REPORT_S: Final = 6 * 3_600.0
"""When the first settlement reports come: some outcomes are told by nothing else."""
LATER: Final = 4.2
"""Ten to the power of so much is how long a processor takes at most, in seconds."""
LOST_FOR_GOOD: Final = 30
"""How often a delivery is sent at most."""


class World:
    """Everything that there is, for one seed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.options: Options = plan.options
        self.settings = replace(SETTINGS)
        self.random = Random(plan.seed * 7919 + 1)
        self.loop = VirtualLoop(self._owned)
        self.loop.set_exception_handler(lambda *_: None)  # Of what was refused to a caller who has hung up.
        self.store = Store(template(), self.now_s)
        self.processors = {
            NORTH: Processor(self, NORTH, answers_at_once=True),
            SOUTH: Processor(self, SOUTH, answers_at_once=False),
        }
        self.watch = Watch(self)
        self.clients = [Client(self, life) for life in plan.lives]
        self.processes: dict[str, Instance] = {}
        self.history: list[str] = []
        self.violations: list[str] = []
        self.struck_cells: Counter[tuple[str, Fault]] = Counter()
        self.struck_lives: set[int] = set()
        self.cut_off: set[int] = set()
        self.acknowledged: set[tuple[str, str]] = set()
        self.heard: list[tuple[str, Notice]] = []
        self.reported: set[str] = set()
        self.settled_twice: set[int] = set()
        self.told_twice: set[str] = set()
        self.ruled_out: set[str] = set()
        self._pending: dict[int, list[Strike]] = {life.number: list(life.strikes) for life in plan.lives}
        self._visits: Counter[tuple[int, str]] = Counter()
        self._payments: dict[str, int] = {}
        self._early: set[int] = set()
        self._under_way = 0
        self._changed = asyncio.Event()
        self._notices = 0
        self._outside: set[asyncio.Task[Any]] = set()

    # Time.

    def now_s(self) -> float:
        """Give the seconds since 1970."""
        return EPOCH_S + self.loop.time()

    def now_us(self) -> int:
        """Give the microseconds since 1970, as the store writes instants."""
        return int(self.now_s() * 1_000_000)

    def clock(self) -> datetime:
        """Give the time as the hub's processes know it."""
        return EPOCH + timedelta(microseconds=round(self.loop.time() * 1_000_000))

    # The course of the world.

    def run(self) -> None:
        """Let it all happen, and hold it against what must hold."""
        ids.make_from(lambda: int(self.now_s() * 1000), Random(self.plan.seed).randbytes)
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._live())
        except Exception as failure:  # noqa: BLE001 - whatever it is, the seed is what finds it again
            self.failed("the world came to a halt", failure)
        finally:
            self._end()

    async def _live(self) -> None:
        for name in (*SERVERS, *WORKERS):
            await self._boot(name)
        office, reader = Office(self), Reader(self)
        self._begin(reader.read_on())
        await asyncio.gather(*(client.live() for client in self.clients))
        await asyncio.sleep(max(0.0, REPORT_S - self.loop.time()))
        await office.hand_in()
        resting = await self.quiet()
        await office.hand_in()
        await self._look_through()
        if not await self.quiet() or not resting:
            self.violated(f"10: not at rest after {HORIZON_S / 86_400:.0f} days: {invariants.unresolved(self)}")
        for client in self.clients:
            await client.ask_again()
        await deliver_again(self)
        process = self.processes[WORKERS[0]]
        while await process.ask(fan_out(process.shell)):
            pass
        self.violations += await sealed(process)
        await reader.finish()
        self.violations += [*invariants.at_rest(self), *reader.missed()]

    async def _look_through(self) -> None:
        """Have the jobs done that come by once a minute or rarer, when nobody is killed any more."""
        self._pending = {life: [] for life in self._pending}
        await asyncio.sleep(LEASE_S + FROZEN_S)  # Nobody stands still any more.
        await self.quiet()
        for job in (settle_waiting, find_missing, close_mended):
            process = self.processes[WORKERS[0]]
            await process.ask(job(process.shell))
        process = self.processes[WORKERS[0]]
        found = await process.ask(checks.verify(process.shell.database))
        self.violations += [f"1: {told}" for told in found]
        await process.ask(seal_audit(process.shell))

    async def _boot(self, name: str) -> None:
        process = Instance(self, name)
        self.processes[name] = process
        self.tell(f"{name} begins")
        while True:
            try:
                await process.ask(process.shell.directory.refresh())
                break
            except GoneError:
                return
            except Exception as failure:
                if not is_away(failure):
                    raise
                await asyncio.sleep(1.0)
        if name in WORKERS:
            process.begin(work(process))

    def bury(self, process: Instance) -> None:
        """End what is left of a killed process, and begin it anew after a while."""
        self._begin(self._bury(process))

    async def _bury(self, process: Instance) -> None:
        while process.tasks:
            for task in list(process.tasks):
                task.cancel()
            for _ in range(LAST_TURNS):  # What they hand back on their way out is handed back by tasks of its own.
                await asyncio.sleep(0)
        await asyncio.sleep(self.random.random() * RESTART_S)
        await self._boot(process.name)

    async def quiet(self) -> bool:
        """Wait until nothing is under way any more; false where that takes beyond every horizon."""
        wait_s = 2.0
        while self.loop.time() < HORIZON_S:
            if not self._under_way and len(self._outside) <= 1 and not invariants.unresolved(self):
                return True
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.3, FAR_S)
        return False

    def _end(self) -> None:
        self.loop.run_until_complete(self._last_turns())
        self.loop.close()
        asyncio.set_event_loop(None)
        self.store.close()

    async def _last_turns(self) -> None:
        for process in self.processes.values():
            process.dead = True
        for _ in range(50):
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                return
            for task in left:
                task.cancel()
            for _ in range(LAST_TURNS):
                await asyncio.sleep(0)

    def _owned(self, task: asyncio.Task[Any]) -> None:
        owner = OWNER.get()
        if owner is not None:
            owner.own(task)

    def _begin(self, work_: Any) -> None:
        """Begin something of the outside world, whoever set it off."""
        task = Context().run(self.loop.create_task, work_, context=Context())
        self._outside.add(task)
        task.add_done_callback(self._outside.discard)

    # What the processes ask for.

    def any_server(self) -> Instance | None:
        """Choose a process that takes requests; None while all are down."""
        alive = [self.processes[name] for name in SERVERS if not self.processes[name].dead]
        return self.random.choice(alive) if alive else None

    def life_of(self, reference: str) -> int:
        """Number the payment that a caller's reference names."""
        return int(reference.removeprefix("order-"))

    def plan_of(self, reference: str) -> Life:
        """Give the plan of the payment that a caller's reference names."""
        number = self.life_of(reference)
        return next(life for life in self.plan.lives if life.number == number)

    def committed(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, seconds: float) -> None:
        """Wait for the next change, *seconds* at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def check(self, step: str, values: Mapping[str, Any], wrong: str | None) -> None:
        """Hold what was just committed against what must hold at any moment; *wrong*: what was seen before."""
        if wrong is not None:
            self.violated(wrong)
        payment = values.get("p_id")
        self.watch.committed(step, values, self._payments.get(payment or ""))
        if payment is None:
            return
        for told in invariants.committed(self, payment, self._payments[payment]):
            self.violated(told)
        for prefix in ("o_", "c_"):
            if values.get(f"{prefix}status") == OperationStatus.NOT_SENT:
                self._rule_out(values[f"{prefix}id"])

    def _rule_out(self, operation: str) -> None:
        """Remember what the hub says never arrived."""
        self.ruled_out.add(operation)
        for processor in self.processors.values():
            if processor.knows(operation):
                self.violated(f"outcome: {operation} is said never to have arrived, and {processor.name} has it")

    # What goes wrong.

    def committing(self, values: Mapping[str, Any]) -> tuple[str, Fault | None]:
        """Name the step that a commit is, and what goes wrong with it."""
        step = step_of_values(values)
        life = self._life_of_values(values)
        return step, None if life is None else self.struck(life, step, COMMIT | CRASH)

    def _life_of_values(self, values: Mapping[str, Any]) -> int | None:
        reference = values.get("p_reference")
        if reference is not None:
            life = self.life_of(reference)
            for name in ("p_id", "o_id"):
                if name in values:
                    self._payments[values[name]] = life
            return life
        known = self._payments.get(str(values.get("o_id") or values.get("p_id")))
        return known if known is not None else LIFE.get()

    def struck(self, life: int, step: str, kinds: Collection[Fault]) -> Fault | None:
        """Tell what goes wrong as *life* takes *step*."""
        pending = self._pending[life]
        if not pending:
            return None
        fitting = [strike for strike in pending if strike.step == step and strike.fault in kinds]
        if not fitting:
            return None
        visit = self._visits[life, step]
        self._visits[life, step] += 1
        hit = next((strike for strike in fitting if strike.after <= visit), None)
        return None if hit is None else self._strike(life, hit)

    def struck_anywhere(self, step: str) -> Fault | None:
        """Tell what goes wrong in a commit that is about many payments: of one that has begun and waits for it."""
        now = self.loop.time()
        for client in self.clients:
            for strike in self._pending[client.life.number]:
                if strike.step == step and strike.fault in COMMIT | CRASH and client.life.begins_s < now:
                    return self._strike(client.life.number, strike)
        return None

    def verdict(self, life: int, kind: str) -> Fault | None:
        """Tell what the processor is to say of an operation."""
        return self.struck(life, f"{kind}.verdict", VERDICT)

    def takes_its_time(self, life: int) -> bool:
        """Whether the answer comes after the webhook."""
        early = life in self._early
        self._early.discard(life)
        return early

    def _strike(self, life: int, strike: Strike) -> Fault:
        self._pending[life].remove(strike)
        self.struck_cells[strike.step, strike.fault] += 1
        self.struck_lives.add(life)
        self.tell(f"payment {life} is struck, {strike}")
        return strike.fault

    # What processors do by themselves.

    def later(self, happens: Callable[[], None], span: float | None = None) -> None:
        """Let something happen at a processor in a while: within ten to the power of *span* seconds."""
        self._under_way += 1

        def now() -> None:
            self._under_way -= 1
            happens()

        self.loop.call_later(10 ** ((span or LATER) * self.random.random()), now, context=Context())

    def notify(
        self, processor: Processor, kind: str, life: int, subject: str, told: Report, *, alone: bool = False
    ) -> None:
        """Send what a processor tells of its own accord; what it tells *alone* is not dropped, since nobody could know.

        Processors send for days until they are heard. Only of what an answer or a report tells too is that not needed.
        """
        if not self.options.webhooks:
            return
        self._notices += 1
        notice = Notice(key=f"{processor.name}-{self._notices}", subject=subject, told=told)
        fault = self.struck(life, f"{kind}.notice", DELIVERY - {Fault.DROPPED} if alone else DELIVERY)
        delays = [self.random.random() * 3.0]
        match fault:
            case Fault.DROPPED:
                return
            case Fault.DUPLICATED:
                delays += [self.random.random() * 3.0, self.random.random() * 3_600.0]
            case Fault.DELAYED:
                delays = [600.0 + self.random.random() * 80_000.0]
            case Fault.REORDERED:
                delays = [self.random.random() * 300.0]
            case Fault.EARLY:
                delays = [0.0]
                self._early.add(life)
            case _:
                pass
        for delay_s in delays:
            self._begin(self._deliver(account(processor.name), notice, life, delay_s))

    async def _deliver(self, to: str, notice: Notice, life: int, delay_s: float) -> None:
        """Send a delivery until it is acknowledged."""
        await asyncio.sleep(delay_s)
        body = msgspec.json.encode([notice])
        for number in range(LOST_FOR_GOOD):
            process = self.any_server()
            if process is not None:
                webhook = Webhook(headers={"signature": SIGNATURE}, body=body, received_at=self.clock())
                try:
                    await process.ask(api.receive(process.shell, to, webhook), life)
                except GoneError:
                    pass
                except WebhookRejectedError as rejected:
                    self.violated(f"a genuine webhook was refused: {rejected}")
                    return
                except Exception as failure:  # noqa: BLE001 - what the route answers with a 5xx
                    if not is_away(failure):
                        self.failed("a webhook ended in a 500", failure)
                else:
                    if (to, notice.key) not in self.acknowledged:
                        self.acknowledged.add((to, notice.key))
                        self.heard.append((to, notice))
                    return
            await asyncio.sleep(9.0 * 2 ** min(number, 6))

    # What is remembered.

    def tell(self, what: str) -> None:
        """Write into the history."""
        self.history.append(f"{self.loop.time():14.6f} {what}")

    def violated(self, what: str) -> None:
        """Write down that something does not hold which must."""
        self.violations.append(what)
        self.tell(f"VIOLATION {what}")

    def failed(self, what: str, failure: BaseException) -> None:
        """Write down a failure that nothing of ours may end in."""
        last = "".join(traceback.format_exception(failure)[-6:])
        self.violated(f"{what}: {type(failure).__name__}: {failure}\n{last}")


FAR_S: Final = 3_600.0


def simulate(plan: Plan) -> World:
    """Live through *plan*."""
    sys.setswitchinterval(1.0)
    world = World(plan)
    world.run()
    return world


__all__ = ["Life", "World", "simulate"]
