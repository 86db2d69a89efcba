"""Rulesets ready to be asked, each compiled once, and which of them decide from which instant on.

A ruleset that cannot be read stands in nobody's way: what decided before it goes on, and a rollout or a shadow is left
out. Where none is known that decided before, as in a process that has just started, nobody is found for a payment that
rules would decide: to send it by other rules could be worse than to send it later.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import metrics
from hub.errors import ProblemError
from hub.rulesets import reading, store
from routing.plan import CompiledRuleSet, Trial, compile_ruleset
from routing.rollout import Share, Standing, standing
from routing.rules import RuleSet

STAND_IN: Final = 0
"""The version of what stands in for a ruleset that should decide and cannot be read: it uses no account."""
_log = structlog.get_logger(__name__)


class Deciding(Struct, frozen=True, kw_only=True):
    """What decides from `since` on; `begun` counts what was scheduled and began since the last change was made."""

    since: datetime
    begun: int
    ruleset: CompiledRuleSet | None
    rollout: Trial | None
    shadow: Trial | None


class Rulebook:
    """What decides in each mode, now and later, as it is stored."""

    def __init__(self) -> None:
        self._compiled: dict[str, CompiledRuleSet] = {}
        self._told: dict[bool, list[Deciding]] = {}

    async def read(self, connection: AsyncConnection, at: datetime) -> dict[bool, list[Deciding]]:
        """Tell for each mode what decides at *at*, and then what from each instant on for which it is scheduled."""
        courses = {livemode: await _course(connection, at, livemode=livemode) for livemode in (False, True)}
        needed = {share.ruleset for course in courses.values() for _, now in course for share in shares(now)}
        compiled = {name: self._compiled[name] for name in needed & self._compiled.keys()}
        missing = needed - compiled.keys()
        for name, (version, document) in (await store.documents(connection, missing) if missing else {}).items():
            try:
                # Hundreds of rules take a while, and charges go on meanwhile.
                compiled[name] = await asyncio.to_thread(reading.compiled, document, id=name, version=version)
            except ProblemError as unreadable:
                _log.error("ruleset_unreadable", ruleset=name, failure=unreadable.detail)
        metrics.RULESETS_UNREADABLE.set(len(needed - compiled.keys()))
        self._compiled = compiled
        self._told = {livemode: self._followed(course, livemode=livemode) for livemode, course in courses.items()}
        return self._told

    def _followed(self, course: Sequence[tuple[datetime, Standing]], *, livemode: bool) -> list[Deciding]:
        """Say what decides along a *course*, each from what decided before it."""
        first, _ = course[0]
        before = next((one for one in reversed(self._told.get(livemode, [])) if one.since <= first), None)
        told: list[Deciding] = []
        for since, now in course:
            before = self._deciding(since, now, before)
            told.append(before)
        return told

    def _deciding(self, since: datetime, now: Standing, before: Deciding | None) -> Deciding:
        return Deciding(
            since=since,
            begun=now.begun,
            ruleset=self._base(now.base, before),
            rollout=self._trial(now.rollout),
            shadow=self._trial(now.shadow),
        )

    def _base(self, share: Share | None, before: Deciding | None) -> CompiledRuleSet | None:
        if share is None:
            return None
        if share.ruleset in self._compiled:
            return self._compiled[share.ruleset]
        if before is not None:
            return before.ruleset
        return compile_ruleset(RuleSet(name=""), id=share.ruleset, version=STAND_IN)

    def _trial(self, share: Share | None) -> Trial | None:
        ruleset = None if share is None else self._compiled.get(share.ruleset)
        if share is None or ruleset is None:
            return None
        return Trial(change=share.change, ruleset=ruleset, percent=share.percent)


def shares(now: Standing) -> Iterable[Share]:
    """List who has a part in how things stand."""
    return (share for share in (now.base, now.rollout, now.shadow) if share is not None)


async def _course(connection: AsyncConnection, at: datetime, *, livemode: bool) -> Sequence[tuple[datetime, Standing]]:
    changes = await store.changes(connection, livemode=livemode)
    now = standing(changes, at)
    later = sorted({share.since for share in now.scheduled})
    return [(at, now), *((since, standing(changes, since)) for since in later)]
