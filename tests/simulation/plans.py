"""What is to happen to each payment of a world, decided by the seed before anything happens."""

from collections.abc import Sequence
from random import Random
from typing import Final

from msgspec import Struct

from tests.simulation.faults import (
    COMMIT,
    CRASH,
    DELIVERY,
    KINDS,
    STEPS,
    UNKNOWN,
    Fault,
    Strike,
    possible,
)
from tests.simulation.processors import NORTH, SOUTH

LIVES: Final = 24
"""Payments of one world: they share its beginning and its end."""
BEGIN_WITHIN_S: Final = 120.0
_FOLLOWS: Final = ("capture", "cancel", "refund")
_LOST: Final = tuple(sorted(UNKNOWN))
_NEEDS_SOUTH: Final = frozenset({"settlement.t2"})


class Options(Struct, frozen=True):
    """Which of the nets are spread: each hides what the others let through."""

    inquiry: bool = True
    webhooks: bool = True
    replay: bool = True


class Life(Struct, frozen=True, kw_only=True):
    """One payment: how it is asked for, what is done with it, and what goes wrong meanwhile.

    `steps` follow on the charge; `returns` is what the payer answers to a challenge, None: never comes back. `twice`:
    every request is sent by two at the same time, with the same key.
    """

    number: int
    begins_s: float
    amount: int
    route: str
    manual: bool
    steps: tuple[str, ...] = ()
    returns: str | None = "confirmed"
    twice: bool = False
    strikes: tuple[Strike, ...] = ()

    def __str__(self) -> str:
        how = "authorize" if self.manual else "purchase"
        told = ", ".join(str(strike) for strike in self.strikes) or "nothing"
        then = f", then {', '.join(self.steps)}" if self.steps else ""
        twice = ", each asked twice" if self.twice else ""
        return f"payment {self.number}: {how} of {self.amount} at {self.route} first{then}{twice}; struck: {told}"


class Plan(Struct, frozen=True, kw_only=True):
    """One world: the seed that its chances are drawn from, and its payments."""

    seed: int
    lives: tuple[Life, ...]
    options: Options = Options()


def plan(seed: int, options: Options) -> Plan:
    """Make the plan of a world."""
    random = Random(seed)
    cells = targets(options)
    lives = tuple(_life(random, number, random.choice(cells), options) for number in range(LIVES))
    return Plan(seed=seed, lives=lives, options=options)


def targets(options: Options) -> Sequence[Strike]:
    """List every cell of the table that these options leave."""
    return tuple(
        Strike(step, fault)
        for step in STEPS
        for fault in sorted(possible(step))
        if not _left_out(step, fault, options)
    )


def _left_out(step: str, fault: Fault, options: Options) -> bool:
    if not options.webhooks and (step.startswith("webhook.") or step.endswith(".notice")):
        return True
    if not options.inquiry and step.startswith("inquiry."):
        return True
    if not options.webhooks and fault in {Fault.FAILS_LATER, Fault.BY_HAND, Fault.LATE_YES}:
        return True  # Nobody would ever be told.
    return not options.inquiry and fault in {Fault.DROPPED}


def _life(random: Random, number: int, target: Strike, options: Options) -> Life:
    kind = target.step.partition(".")[0]
    strikes = [target]
    manual = random.random() < 0.4
    route = SOUTH if target.step in _NEEDS_SOUTH else random.choice((NORTH, SOUTH))
    steps: tuple[str, ...] = ()
    returns: str | None = "confirmed"
    match kind:
        case "capture":
            manual, steps = True, ("capture",)
        case "void":
            manual, steps = True, ("cancel",)
        case "refund":
            steps = ("capture", "refund") if manual else ("refund",)
        case "challenge":
            strikes.append(Strike("charge.verdict", Fault.CHALLENGE))
        case "failover":
            strikes.append(
                random.choice((
                    Strike("charge.verdict", Fault.DECLINE_SOFT), Strike("charge.call", Fault.REFUSED),
                    Strike("charge.call", Fault.UNAUTHORIZED), Strike("charge.call", Fault.RATE_LIMITED),
                ))
            )  # fmt: skip
        case "wish":
            strikes.append(Strike("charge.call", random.choice(_LOST)))
            steps = ("cancel",)
        case "inquiry":
            lost = random.choice(("charge", "charge", "capture", "refund"))
            manual, steps = {"charge": (manual, ()), "capture": (True, ("capture",)), "refund": (False, ("refund",))}[lost]
            strikes.append(Strike(f"{lost}.call", random.choice(_LOST)))
        case "webhook":
            strikes.append(Strike("charge.call", random.choice(_LOST)))
        case "settlement":
            manual, steps = False, ("refund",)
            if target.step == "settlement.t2":
                strikes += [Strike("refund.verdict", Fault.PENDING), Strike("refund.notice", Fault.DROPPED)]
        case _:
            pass
    if not steps and random.random() < 0.5:
        steps = _more(random, manual=manual)
    elif random.random() < 0.2 and "cancel" not in steps:
        steps = (*steps, "refund")
    if random.random() < 0.15:
        returns = random.choice(("refused", None))
    while random.random() < 0.3:
        strikes.append(_another(random, options, steps))
    return Life(
        number=number,
        begins_s=random.random() * BEGIN_WITHIN_S,
        amount=random.randint(2, 50_000),
        route=route,
        manual=manual,
        steps=steps,
        returns=returns,
        twice=random.random() < 0.25,
        strikes=tuple(strikes),
    )


def _more(random: Random, *, manual: bool) -> tuple[str, ...]:
    if manual:
        return random.choice((("capture",), ("capture", "refund"), ("cancel",), ("cancel", "capture"), ("capture", "cancel")))
    return random.choice((("refund",), ("refund", "refund"), ("cancel",), ("read",)))


def _another(random: Random, options: Options, steps: tuple[str, ...]) -> Strike:
    """Choose one more fault among the steps that the payment takes."""
    kinds = {"charge", *(step for step in steps if step in KINDS)} | ({"void"} if "cancel" in steps else set())
    of_payment = [c for c in targets(options) if c.step.partition(".")[0] in kinds or c.step.startswith("inquiry")]
    chosen = random.choice(of_payment)
    again = chosen.fault in UNKNOWN | COMMIT | CRASH | DELIVERY
    return Strike(chosen.step, chosen.fault, random.randint(0, 2) if again else 0)
