"""A failing world made small: whatever can be left out while it still fails is left out."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from tests.simulation.plans import Life, Plan

ROUNDS_MAX: Final = 200
"""How many smaller worlds are tried at most."""
Fails = Callable[[Plan], bool]


def shrink(plan: Plan, fails: Fails) -> Plan:
    """Leave payments out, then their faults, then their steps."""
    left = ROUNDS_MAX
    for smaller in (_halves, _without_a_payment, _without_a_fault, _without_a_step):
        going_on = True
        while going_on and left > 0:
            going_on = False
            for candidate in smaller(plan):
                left -= 1
                if fails(candidate):
                    plan, going_on = candidate, True
                    break
                if left <= 0:
                    break
    return plan


def _halves(plan: Plan) -> Iterator[Plan]:
    half = len(plan.lives) // 2
    if half:
        yield replace(plan, lives=plan.lives[:half])
        yield replace(plan, lives=plan.lives[half:])


def _without_a_payment(plan: Plan) -> Iterator[Plan]:
    for number in range(len(plan.lives)):
        if len(plan.lives) > 1:
            yield replace(plan, lives=plan.lives[:number] + plan.lives[number + 1 :])


def _without_a_fault(plan: Plan) -> Iterator[Plan]:
    for number, life in enumerate(plan.lives):
        for strike in life.strikes:
            yield _with(
                plan, number, replace(life, strikes=tuple(other for other in life.strikes if other is not strike))
            )


def _without_a_step(plan: Plan) -> Iterator[Plan]:
    for number, life in enumerate(plan.lives):
        if life.steps:
            yield _with(plan, number, replace(life, steps=life.steps[:-1]))
        if life.twice:
            yield _with(plan, number, replace(life, twice=False))
        if life.patience_s is not None:
            yield _with(plan, number, replace(life, patience_s=None))


def _with(plan: Plan, number: int, life: Life) -> Plan:
    return replace(plan, lives=(*plan.lives[:number], life, *plan.lives[number + 1 :]))
