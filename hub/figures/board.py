"""What routing goes by besides accounts and rules, gathered beside the charge path and read there as values."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from hub.database import Database
from hub.figures import store
from hub.figures.asked import asked_of, weighs_chargebacks
from hub.figures.asking_later import Answer, Questions
from hub.figures.days import Attempt, Days, is_limited
from hub.figures.outcomes import Learning
from hub.figures.rules import Told, chargeback_rates, version_of
from hub.figures.telling import telling, used_of
from hub.figures.velocity import Counts, increments_of, seen
from hub.figures.windows import Subjects
from hub.merchants.service import Directory
from hub.redis import SharedMemory
from hub.stopping import stopped
from normalization.money import Money
from routing.accounts import MerchantAccount
from routing.choosing import Figures
from routing.costs import Learned
from routing.evidence import Evidence
from routing.facts import DECLINES, VELOCITY
from routing.plan import Snapshot

DAYS_EVERY_S: Final = 60.0
SLOWLY_EVERY_S: Final = 300.0
CHARGEBACKS_OF: Final = timedelta(days=90)
YOUNG: Final = timedelta(seconds=10)
"""How long an attempt may take from its id to being noted here, and still be told from others in the database."""
READING_S: Final = 20.0
"""How long the database may take over the daily limits; what happens meanwhile is kept in memory."""
UNTOLD_MAX: Final = 20_000
"""What may wait for Redis at most; more is not counted."""
_log = structlog.get_logger(__name__)


class _Slow(Struct, frozen=True):
    """What is read from the database every few minutes."""

    fees: Learned = {}
    chargebacks: dict[str, float] = {}


class FigureBoard:
    """The figures of both modes; `start` it before use. Nothing here fails a charge or keeps it waiting."""

    def __init__(
        self,
        database: Database,
        shared: SharedMemory,
        directory: Directory,
        clock: Callable[[], datetime],
        *,
        poll_ms: int = 1_000,
    ) -> None:
        self._database = database
        self._shared = shared
        self._directory = directory
        self._clock = clock
        self._poll_s = poll_ms / 1000
        self._learning = Learning(shared)
        self._days = Days()
        self._counts = Counts()
        self._questions = Questions(shared, self._counts, clock)
        self._increments: Counter[tuple[str, str]] = Counter()
        self._slow = _Slow()
        self._figures: dict[bool, Figures] = {False: Figures(), True: Figures()}
        self._limited: dict[bool, tuple[object, tuple[MerchantAccount, ...]]] = {}
        self._days_of: frozenset[str] = frozenset()
        self._reading_days = asyncio.Lock()
        self._untold = asyncio.Event()
        self._speaking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def figures(self, *, livemode: bool) -> Figures:
        """Give what a mode's plans go by now."""
        return self._figures[livemode]

    def limits_reached(self, snapshot: Snapshot, money: Money, *, livemode: bool) -> frozenset[str]:
        """List the accounts of *snapshot* whose daily limits leave no room for *money*."""
        limited = self._limited_of(snapshot, livemode=livemode)
        return self._days.reached(self._clock().date(), limited, money) if limited else frozenset()

    def used_today(self, account: str) -> dict[str, int]:
        """Say how much of its daily limits *account* has used: `count`, and minor units by currency."""
        return self._days.of(self._clock().date(), account)

    async def seen(self, snapshot: Snapshot, subjects: Subjects) -> dict[str, int]:
        """Count what the rules of *snapshot* ask of earlier attempts; what is not known is left out."""
        asked = asked_of(snapshot)
        return await seen(self._shared, self._counts, subjects, asked, self._clock()) if asked else {}

    def seen_later(self, asked: Collection[str], subjects: Subjects) -> Answer:
        """Count earlier attempts beside a charge, which is to be noted with `begun` afterwards."""
        answer = self._questions.ask(asked, subjects)
        self._untold.set()
        return answer

    def begun(self, attempt_id: str, attempt: Attempt, started_at: datetime, subjects: Subjects) -> None:
        """Note that an attempt goes out; its first commit stands."""
        self._days.add(started_at.date(), attempt_id, attempt, limited=self._has_limit(attempt.account))
        self._count(VELOCITY, subjects)
        self._untold.set()

    def ended(
        self,
        attempt_id: str,
        attempt: Attempt,
        started_at: datetime,
        subjects: Subjects,
        told: Told | None,
        *,
        declined: bool,
        took_nothing: bool,
    ) -> None:
        """Note how an attempt ended; the commit that says so stands."""
        if took_nothing:
            self._days.take_back(started_at.date(), attempt_id, attempt)
        if declined:
            self._count(DECLINES, subjects)
        if told is not None:
            self._learning.add(told)
        self._untold.set()

    async def start(self) -> None:
        """Read everything, then keep it fresh until `stop`."""
        await self.refresh()
        loops = [(self._tell, 0.0), (self.exchange, self._poll_s)]
        loops += [(self.read_days, DAYS_EVERY_S), (self.read_slowly, SLOWLY_EVERY_S)]
        self._tasks = [asyncio.create_task(_repeat(job, every_s)) for job, every_s in loops]

    async def stop(self) -> None:
        """End what `start` began."""
        await stopped(self._tasks)
        self._tasks = []

    async def refresh(self) -> None:
        """Read all there is to read, now."""
        for job in (self.read_slowly, self.read_days, self.exchange):
            await _once(job)

    async def exchange(self) -> None:
        """Tell Redis what is new here, and learn what is new there."""
        await self.tell()
        await self._learning.learn()
        if self._shared.client is not None:
            today = self._clock().date()
            async with self._speaking:
                found = await self._shared.ask(lambda client: used_of(client, today))
                if found is not None:
                    self._days.shared(today, found)
        if self._ids_limited() != self._days_of:
            await self.read_days()
        self._publish()

    async def read_days(self) -> None:
        """Ask the database how much of their daily limits accounts have used."""
        async with self._reading_days:
            limited = self._days_of = self._ids_limited()
            if not limited:
                return
            at = self._clock()
            reading = self._days.reading(at.date())
            async with asyncio.timeout(READING_S), self._database.reading() as connection:
                self._days.read(reading, await store.used_on(connection, at.date(), limited, at - YOUNG))

    async def read_slowly(self) -> None:
        """Ask the database what accounts really cost, and how often their charges come back where rules ask for it."""
        modes = [self._snapshot(livemode) for livemode in (False, True)]
        async with self._database.reading() as connection:
            fees = await store.effective(connection)
            rates: dict[str, float] = {}
            if any(weighs_chargebacks(snapshot) for snapshot in modes):
                charged = await store.charged_since(connection, self._clock() - CHARGEBACKS_OF)
                rates = chargeback_rates(charged)
        self._slow = _Slow(fees, rates)
        self._publish()

    async def _tell(self) -> None:
        await self._untold.wait()
        self._untold.clear()
        await self.tell()

    async def tell(self) -> None:
        """Tell Redis what happened here, all in one round trip; what was asked before that is read before."""
        if self._shared.client is None:
            return
        increments, self._increments = self._increments, Counter()
        questions = self._questions.take()
        async with self._speaking:
            if questions:
                await self._questions.answer(questions)
            days, outcomes = self._days.untold(), self._learning.take()
            if not increments and not days and not outcomes:
                return
            question = telling(increments, days, outcomes, self._clock())
            if await self._shared.ask(question) is not None:
                self._days.told(days)

    def _count(self, family: str, subjects: Subjects) -> None:
        at = self._clock()
        increments = increments_of(family, subjects, at)
        if self._shared.client is None:
            self._counts.add(increments, at)
        elif len(self._increments) < UNTOLD_MAX:
            self._increments.update(increments)

    def _snapshot(self, livemode: bool) -> Snapshot:  # noqa: FBT001 - one of two, named at every call
        return self._directory.routing(livemode=livemode)

    def _limited_of(self, snapshot: Snapshot, *, livemode: bool) -> tuple[MerchantAccount, ...]:
        known = self._limited.get(livemode)
        if known is None or known[0] is not snapshot.accounts:
            known = snapshot.accounts, tuple(one for one in snapshot.accounts.accounts if is_limited(one))
            self._limited[livemode] = known
        return known[1]

    def _has_limit(self, account: str) -> bool:
        modes = (False, True)
        return any(one.id == account for mode in modes for one in self._limited_of(self._snapshot(mode), livemode=mode))

    def _ids_limited(self) -> frozenset[str]:
        modes = (False, True)
        return frozenset(one.id for mode in modes for one in self._limited_of(self._snapshot(mode), livemode=mode))

    def _publish(self) -> None:
        """Make what plans go by from now on, where anything of it is new."""
        known, slow = self._learning.known, self._slow
        version = version_of(self._learning.name, slow.fees, slow.chargebacks)
        for livemode in (False, True):
            if self._figures[livemode].version != version:
                evidence: Evidence = known.of(livemode=livemode)
                self._figures[livemode] = Figures(
                    evidence=evidence, learned_fees=slow.fees, chargebacks=slow.chargebacks, version=version
                )


async def _repeat(job: Callable[[], Coroutine[Any, Any, None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await _once(job)


async def _once(job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do one round; what goes wrong is tried again in the next one, and charges go on by what is known."""
    try:
        await job()
    except (SQLAlchemyError, OSError) as failure:
        _log.warning("figures_not_read", failure=type(failure).__name__)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("figures_not_read")
        await asyncio.sleep(1.0)
