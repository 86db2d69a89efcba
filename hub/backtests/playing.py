"""Replaying in processes of their own, so that a worker goes on reading webhooks meanwhile."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from hub.backtests.rules import Stored, Tally, replay
from routing.account_index import AccountIndex
from routing.accounts import MerchantAccount
from routing.choosing import Figures
from routing.evidence import Evidence
from routing.plan import Snapshot, compile_ruleset
from routing.rules import RuleSet

PROCESSES: Final = 2
NICENESS: Final = 10
"""How far replaying stands back behind everything else on the machine."""


class Setting(Struct, frozen=True, kw_only=True):
    """What payments are replayed over, in a form that can be handed to another process."""

    ruleset: str
    version: int
    rules: RuleSet
    accounts: tuple[MerchantAccount, ...]
    figures: Figures = Figures()
    allowed: frozenset[str] | None = None

    def snapshot(self) -> Snapshot:
        """Make it ready to be asked."""
        compiled = compile_ruleset(self.rules, id=self.ruleset, version=self.version)
        accounts = AccountIndex(self.accounts)
        return Snapshot(accounts=accounts, ruleset=compiled, figures=self.figures, allowed=self.allowed)


def portable(figures: Figures) -> Figures:
    """Copy *figures* out of whatever holds them."""
    known = figures.evidence
    return Figures(
        evidence=Evidence(dict(known.seen), dict(known.tallies), dict(known.latest)),
        learned_fees={account: tuple(fees) for account, fees in figures.learned_fees.items()},
        chargebacks=dict(figures.chargebacks),
        version=figures.version,
    )


class Players:
    """Replays pages; in this process as long as there is only one, in others from `spread` on."""

    def __init__(self, setting: Setting) -> None:
        """Make nothing yet."""
        self._setting = setting
        self._here: Snapshot | None = None
        self._pool: ProcessPoolExecutor | None = None

    def spread(self) -> None:
        """Start the other processes: there is more than a page."""
        if self._pool is None:
            processes = min(PROCESSES, os.cpu_count() or 1)
            # Spawned and not forked: a fork would copy the worker's threads and connections half.
            self._pool = ProcessPoolExecutor(
                processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(self._setting,)
            )

    def play(self, page: Sequence[Stored]) -> asyncio.Future[Tally]:
        """Replay one page."""
        loop = asyncio.get_running_loop()
        if self._pool is not None:
            playing: Future[Tally] = self._pool.submit(_play, page)
            return asyncio.wrap_future(playing, loop=loop)
        self._here = self._here or self._setting.snapshot()
        return loop.run_in_executor(None, replay, page, self._here)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the other processes; what they have not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


_playing: list[Snapshot] = []
"""In a process that replays: what it replays over."""


def _begin(setting: Setting) -> None:
    os.nice(NICENESS)
    Thread(target=_end_with_parent, daemon=True).start()
    _playing[:] = [setting.snapshot()]


def _end_with_parent() -> None:
    """Wait for the worker's end: one that is killed tells nobody, and its pool would wait for a page for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _play(page: Sequence[Stored]) -> Tally:
    return replay(page, _playing[0])
