"""What a check is, and how one is run."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from adapters.conformance.harness import Harness

LONGEST_S: Final = 120.0
"""After this long a check has failed, whatever it waits for."""


class Half(StrEnum):
    """What a check needs: the adapter alone, or a server that speaks its processor's wire format."""

    FIRST = "first"
    SECOND = "second"


class Check(Struct, frozen=True, kw_only=True):
    """One rule, tried on one adapter.

    `run` takes the harness and an empty folder. `applies` tells whether the harness has what it needs: an account
    without several captures is not tried for them.
    """

    name: str
    half: Half
    run: Callable[[Any, Path], Coroutine[Any, Any, None]]
    applies: Callable[[Any], bool]

    def __str__(self) -> str:
        """Name it, as a test's id."""
        return self.name


Stage = TypeVar("Stage")
Scenario = TypeVar("Scenario", bound=Callable[..., Awaitable[None]])


def _always(_harness: object) -> bool:
    return True


class Checks(Generic[Stage]):
    """The checks of one half, gathered from the functions that are marked with it.

    `staged` sets up what such a function is handed first; the cases it is marked with are handed by name, each
    combination of them one check.
    """

    def __init__(self, half: Half, staged: Callable[[Any, Path], AbstractAsyncContextManager[Stage]]) -> None:
        """Begin with none."""
        self._half = half
        self._staged = staged
        self.all: list[Check] = []

    def rule(
        self, *, when: Callable[[Any], bool] = _always, **cases: Sequence[object]
    ) -> Callable[[Scenario], Scenario]:
        """Mark a scenario; *when* tells of a harness whether it can be tried."""

        def mark(scenario: Scenario) -> Scenario:
            for values in product(*cases.values()):
                case = dict(zip(cases, values, strict=True))
                self.all.append(self._check(scenario, case, when))
            return scenario

        return mark

    def _check(
        self, scenario: Callable[..., Awaitable[None]], case: dict[str, object], when: Callable[[Any], bool]
    ) -> Check:
        async def run(harness: Any, folder: Path) -> None:  # noqa: ANN401 - each half knows what its harness is
            async with asyncio.timeout(LONGEST_S), self._staged(harness, folder) as stage:
                await scenario(stage, **case)

        named = "-".join(str(value) for value in case.values())
        # A scenario's module tells what its rules are about.
        place = scenario.__module__.rpartition(".")[2]
        name = f"{place}/{scenario.__name__}" + (f"[{named}]" if named else "")
        return Check(name=name, half=self._half, run=run, applies=when)


def fitting(checks: Sequence[Check], harness: Harness) -> Iterator[Check]:
    """Go through those that can be tried with *harness*."""
    return (check for check in checks if check.applies(harness))
