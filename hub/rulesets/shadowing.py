"""Planning live payments by a shadow's rules too: after they were answered, counted in memory, stored in batches.

A shadow must cost the charge path nothing: a charge leaves what it was decided over in a queue, and that is all. What
the hub counted and only the shadow wants to know is read beside it. Where more payments come than can be planned, some
are left out and counted as such.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import SQLAlchemyError

from hub import metrics
from hub.database import ConflictError, Database
from hub.figures.asked import asked_beside
from hub.figures.asking_later import Answer
from hub.figures.windows import Subjects, subjects_of
from hub.rulesets import store
from hub.stopping import stopped
from routing.facts import Facts
from routing.plan import Plan, Snapshot, Trial, plan
from routing.rollout import within
from routing.shadow import compare

WAITING_MAX: Final = 5_000
SLICE: Final = 50
"""How many payments are planned at a time before charges have their turn."""
EVERY_S: Final = 1.0
COUNTS_S: Final = 1.0
"""How long counts are waited for that were asked for; without them the shadow does not know these facts."""
Ask = Callable[[Collection[str], Subjects], Answer]
_log = structlog.get_logger(__name__)


class _Waiting(Struct, frozen=True):
    """One payment as it was decided, to be planned again."""

    shadow: Trial
    facts: Facts
    snapshot: Snapshot
    decided: Plan
    counts: Answer | None


class _Seen(Struct, frozen=True):
    """What is counted together; the fields are columns."""

    change: str
    verdict: str
    rule: str
    shadow_rule: str
    merchant_account: str
    shadow_merchant_account: str


class ShadowDesk:
    """Counts what a shadow would have done otherwise; `start` it before use."""

    def __init__(self, database: Database, ask: Ask, *, every_s: float = EVERY_S) -> None:
        """Count in *database*; *ask* begins to count earlier attempts, and gives where the answer will be."""
        self._database = database
        self._ask = ask
        self._every_s = every_s
        self._waiting: deque[_Waiting] = deque()
        self._counted: Counter[_Seen] = Counter()
        self._task: asyncio.Task[None] | None = None

    def note(self, facts: Facts, snapshot: Snapshot, decided: Plan, payment_method: str | None) -> None:
        """Take a payment that was decided over *snapshot*, if a shadow is to plan it too; one that pins is not.

        It is noted before its attempt is counted.
        """
        shadow = snapshot.shadow
        if shadow is None or facts.merchant_account is not None:
            return
        if not within("shadow", shadow.ruleset.id, shadow.percent, facts.reference):
            return
        if len(self._waiting) >= WAITING_MAX:
            metrics.SHADOWED.labels("left_out").inc()
            return
        asked = asked_beside(snapshot) - facts.counted.keys()
        counts = self._ask(asked, subjects_of(facts, payment_method)) if asked else None
        self._waiting.append(_Waiting(shadow, facts, snapshot, decided, counts))

    async def start(self) -> None:
        """Plan and store what was noted, again and again until `stop`."""
        self._task = asyncio.create_task(self._repeat())

    async def stop(self) -> None:
        """Store what is left, and end."""
        if self._task is not None:
            await stopped([self._task])
            await self.catch_up()

    async def catch_up(self) -> None:
        """Plan and store all that was noted so far."""
        patience_s = COUNTS_S
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(SLICE, len(self._waiting)))]
            asked = [one.counts for one in some if one.counts is not None]
            if asked and (await asyncio.wait(asked, timeout=patience_s))[1]:
                patience_s = 0.0  # Nobody answers; the others need not be waited for too.
            for one in some:
                self._count(one)
            await asyncio.sleep(0)
        await self._store()

    def _count(self, one: _Waiting) -> None:
        alone = replace(one.snapshot, ruleset=one.shadow.ruleset, rollout=None)
        shadowed = plan(_informed(one), alone)
        verdict = compare(one.decided, shadowed)
        metrics.SHADOWED.labels(verdict).inc()
        seen = _Seen(
            change=one.shadow.change,
            verdict=verdict,
            rule=one.decided.rule or "",
            shadow_rule=shadowed.rule or "",
            merchant_account=_first(one.decided),
            shadow_merchant_account=_first(shadowed),
        )
        self._counted[seen] += 1

    async def _store(self) -> None:
        """Add the counts to those of the other processes; what cannot be stored now is with the next ones."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        # In one order everywhere, so that two processes do not wait for each other's rows.
        rows = sorted(({**_columns(seen), "payments": count} for seen, count in counted.items()), key=str)
        try:
            async with self._database.transaction() as connection:
                await store.add_counts(connection, rows)
        except BaseException as failure:
            self._counted += counted
            if not isinstance(failure, SQLAlchemyError | OSError | ConflictError):
                raise
            _log.warning("shadow_counts_not_stored", failure=type(failure).__name__)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.catch_up()
            except Exception:  # noqa: BLE001 - what is only counted must not end
                _log.exception("shadow_not_planned")


def _informed(one: _Waiting) -> Facts:
    if one.counts is None or not one.counts.done():
        return one.facts
    return replace(one.facts, counted={**one.facts.counted, **one.counts.result()})


def _columns(seen: _Seen) -> dict[str, str]:
    return {name: str(getattr(seen, name)) for name in seen.__struct_fields__}


def _first(decided: Plan) -> str:
    return decided.order[0].merchant_account if decided.order else ""
