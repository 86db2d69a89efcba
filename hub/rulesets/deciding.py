"""Rulesets ready to be asked, each compiled once, and which of them decide from which instant on."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.rulesets import store
from routing.plan import CompiledRuleSet, Trial, compile_ruleset
from routing.rollout import Share, Standing, standing


class Deciding(Struct, frozen=True, kw_only=True):
    """What decides from `since` on."""

    since: datetime
    ruleset: CompiledRuleSet | None
    rollout: Trial | None
    shadow: Trial | None


class Rulebook:
    """What decides in each mode, now and later, as it is stored."""

    def __init__(self) -> None:
        self._compiled: dict[str, CompiledRuleSet] = {}

    async def read(self, connection: AsyncConnection, at: datetime) -> dict[bool, list[Deciding]]:
        """Tell for each mode what decides at *at*, and then what from each instant on for which it is scheduled."""
        courses = {livemode: await self._course(connection, at, livemode=livemode) for livemode in (False, True)}
        needed = {share.ruleset for course in courses.values() for _, now in course for share in _shares(now)}
        missing = needed - self._compiled.keys()
        compiled = {name: self._compiled[name] for name in needed - missing}
        for name, (version, document) in (await store.documents(connection, missing) if missing else {}).items():
            # Hundreds of rules take a while, and charges go on meanwhile.
            compiled[name] = await asyncio.to_thread(compile_ruleset, document, id=name, version=version)
        self._compiled = compiled
        return {livemode: [self._deciding(since, now) for since, now in course] for livemode, course in courses.items()}

    async def _course(
        self, connection: AsyncConnection, at: datetime, *, livemode: bool
    ) -> Sequence[tuple[datetime, Standing]]:
        changes = await store.changes(connection, livemode=livemode)
        now = standing(changes, at)
        later = sorted({share.since for share in now.scheduled})
        return [(at, now), *((since, standing(changes, since)) for since in later)]

    def _deciding(self, since: datetime, now: Standing) -> Deciding:
        return Deciding(
            since=since,
            ruleset=None if now.base is None else self._compiled[now.base.ruleset],
            rollout=self._trial(now.rollout),
            shadow=self._trial(now.shadow),
        )

    def _trial(self, share: Share | None) -> Trial | None:
        if share is None:
            return None
        return Trial(change=share.change, ruleset=self._compiled[share.ruleset], percent=share.percent)


def _shares(now: Standing) -> list[Share]:
    return [share for share in (now.base, now.rollout, now.shadow) if share is not None]
