"""What is to happen to each payment of a world, decided by the seed before anything happens."""

from collections.abc import Callable, Sequence
from functools import cache
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

LIVES: Final = 60
"""Payments of one world: they share its beginning and its end."""
BEGIN_WITHIN_S: Final = 120.0
_LOST: Final = tuple(sorted(UNKNOWN))
UNKNOWN_TO_US: Final = 0.06
"""How often a payment of which nothing is known is meddled with at the processor."""
KNOWN_LATE: Final = 0.6
"""How often it is the processor itself that does not know yet, where a cancel is to come too early."""
HANGS_UP: Final = 0.1
"""How many callers hang up while their request is carried out."""
IMPATIENT_S: Final = 0.6
SLOW: Final = 0.2
"""How many callers take their time between two steps."""
SLOW_S: Final = 900.0
STALE: Final = 0.05
"""How many payments somebody comes late to, who is to find out what became of them."""
MANUAL: Final = 0.4
"""How many payments are captured by a request of their own."""


class Options(Struct, frozen=True):
    """Which of the nets are spread: each hides what the others let through."""

    inquiry: bool = True
    webhooks: bool = True
    replay: bool = True


class Life(Struct, frozen=True, kw_only=True):
    """One payment: how it is asked for, what is done with it, and what goes wrong meanwhile.

    `steps` follow on the charge; `returns` is what the payer answers to a challenge, None: never comes back. `twice`:
    every request is sent by two at the same time, with the same key. `patience_s`: after so long the caller hangs up,
    and asks again. `within_s`: how long after one step the next one comes at most.
    """

    number: int
    begins_s: float
    amount: int
    route: str
    manual: bool
    steps: tuple[str, ...] = ()
    returns: str | None = "confirmed"
    twice: bool = False
    patience_s: float | None = None
    within_s: float = 20.0
    strikes: tuple[Strike, ...] = ()

    def __str__(self) -> str:
        how = "authorize" if self.manual else "purchase"
        told = ", ".join(str(strike) for strike in self.strikes) or "nothing"
        then = f", then {', '.join(self.steps)}" if self.steps else ""
        twice = ", each asked twice" if self.twice else ""
        hangs_up = f", hung up on after {self.patience_s:.2f} s" if self.patience_s is not None else ""
        asked = f"{how} of {self.amount} at {self.route} first{then}{twice}{hangs_up}"
        return f"payment {self.number}: {asked}; struck: {told}"


class Plan(Struct, frozen=True, kw_only=True):
    """One world: the seed that its chances are drawn from, and its payments."""

    seed: int
    lives: tuple[Life, ...]
    options: Options = Options()


def plan(seed: int, options: Options, payments: int = LIVES) -> Plan:
    """Make the plan of a world; two seeds' worlds aim at other cells of the table, and all of them come round."""
    random = Random(seed)
    cells = targets(options)
    first = seed * payments
    aims = [cells[(first + number) % len(cells)] for number in range(payments)]
    lives = tuple(_life(random, number, aim, options) for number, aim in enumerate(aims))
    return Plan(seed=seed, lives=lives, options=options)


@cache
def targets(options: Options) -> Sequence[Strike]:
    """List every cell of the table that these options leave, in an order that mixes the steps."""
    cells = [
        Strike(step, fault) for step in STEPS for fault in sorted(possible(step)) if not _left_out(step, fault, options)
    ]
    Random(len(cells)).shuffle(cells)
    return tuple(cells)


def _left_out(step: str, fault: Fault, options: Options) -> bool:
    if not options.webhooks and (step.startswith("webhook.") or step.endswith(".notice")):
        return True
    if not options.inquiry and step.startswith("inquiry."):
        return True
    if not options.webhooks and fault in {Fault.FAILS_LATER, Fault.BY_HAND, Fault.LATE_YES}:
        return True  # Nobody would ever be told.
    return not options.inquiry and fault is Fault.DROPPED


class _Course(Struct, frozen=True):
    """What a payment has to go through so that it comes to the step in which something is to go wrong."""

    manual: bool
    steps: tuple[str, ...] = ()
    also: tuple[Strike, ...] = ()


_SENDS: Final = frozenset({"capture.t2", "void.t2", "refund.t2"})
_BY_HAND: Final = Strike("charge.verdict", Fault.BY_HAND)


def _lost(random: Random, kind: str = "charge") -> Strike:
    return Strike(f"{kind}.call", random.choice(_LOST))


def _failover(random: Random, manual: bool) -> _Course:  # noqa: FBT001 - as drawn
    ways = (
        Strike("charge.verdict", Fault.DECLINE_SOFT),
        Strike("charge.call", Fault.REFUSED),
        Strike("charge.call", Fault.UNAUTHORIZED),
        Strike("charge.call", Fault.RATE_LIMITED),
    )
    return _Course(manual, (), (random.choice(ways),))


def _inquiry(random: Random, manual: bool) -> _Course:  # noqa: FBT001 - as above
    kind = random.choice(("charge", "charge", "capture", "refund"))
    if kind == "charge":
        return _Course(manual, (), (_lost(random),))
    return _Course(kind == "capture", (kind,), (_lost(random, kind),))


def _wish(random: Random, manual: bool) -> _Course:  # noqa: FBT001 - as above
    """A cancel comes while nobody knows what became of the charge, however often it is asked."""
    if random.random() < KNOWN_LATE:
        return _Course(manual, ("cancel",), (Strike("charge.verdict", Fault.PENDING),))
    unheard = Strike("inquiry.call", random.choice(_LOST)), Strike("inquiry.call", random.choice(_LOST))
    return _Course(manual, ("cancel",), (_lost(random), *unheard))


def _settlement(_random: Random, _manual: bool) -> _Course:  # noqa: FBT001 - as above
    """A refund of which only the settlement report tells."""
    untold = Strike("refund.verdict", Fault.PENDING), Strike("refund.notice", Fault.DROPPED)
    return _Course(manual=False, steps=("refund",), also=untold)


_COURSES: Final[dict[str, Callable[[Random, bool], _Course]]] = {
    "capture": lambda _random, _manual: _Course(manual=True, steps=("capture",)),
    "void": lambda _random, _manual: _Course(manual=True, steps=("cancel",)),
    "refund": lambda _random, manual: _Course(manual, ("capture", "refund") if manual else ("refund",)),
    "challenge": lambda _random, manual: _Course(manual, (), (Strike("charge.verdict", Fault.CHALLENGE),)),
    "failover": _failover,
    "wish": _wish,
    "inquiry": _inquiry,
    "webhook": lambda random, manual: _Course(manual, (), (_lost(random),)),
    "settlement": _settlement,
}


def _life(random: Random, number: int, target: Strike, options: Options) -> Life:
    course = _Course(random.random() < MANUAL)
    if (brings := _COURSES.get(target.step.partition(".")[0])) is not None:
        course = brings(random, course.manual)
    strikes, steps = [target, *course.also], course.steps
    route = SOUTH if target.step == "settlement.t2" else random.choice((NORTH, SOUTH))
    if target.fault is Fault.STALLED and target.step in _SENDS and random.random() < 0.7:
        # Nothing was sent, says somebody who comes late, while another sends it again and waits.
        route, unheard = SOUTH, Strike("inquiry.call", Fault.SILENT_AFTER)
        strikes += [Strike(target.step.replace("t2", "call"), Fault.RATE_LIMITED), unheard]
    if options.webhooks and options.inquiry and random.random() < UNKNOWN_TO_US:
        strikes += [
            _BY_HAND,
            _lost(random),
            Strike("charge.notice", Fault.DELAYED),
        ]  # What other hands do is told of a charge that nobody knows yet.
    if options.webhooks and options.inquiry and random.random() < STALE:
        strikes += [_lost(random), Strike("charge.notice", Fault.REORDERED), Strike("inquiry.claim", Fault.STALLED)]
    if not steps and random.random() < 0.5:
        steps = _more(random, manual=course.manual)
    elif random.random() < 0.2 and "cancel" not in steps:
        steps = (*steps, "refund")
    while random.random() < 0.3:
        strikes.append(_another(random, options, steps))
    return Life(
        number=number,
        begins_s=random.random() * BEGIN_WITHIN_S,
        amount=random.randint(2, 50_000),
        route=route,
        manual=course.manual,
        steps=steps,
        returns=random.choice(("refused", None)) if random.random() < 0.15 else "confirmed",
        twice=random.random() < 0.25,
        within_s=SLOW_S if random.random() < SLOW else 20.0,
        patience_s=random.random() * IMPATIENT_S if random.random() < HANGS_UP else None,
        strikes=tuple(strikes),
    )


def _more(random: Random, *, manual: bool) -> tuple[str, ...]:
    if manual:
        return random.choice(
            (("capture",), ("capture", "refund"), ("cancel",), ("cancel", "capture"), ("capture", "cancel"))
        )
    return random.choice((("refund",), ("refund", "refund"), ("cancel",), ("read",)))


def _another(random: Random, options: Options, steps: tuple[str, ...]) -> Strike:
    """Choose one more fault among the steps that the payment takes."""
    chosen = random.choice(_within(options, steps))
    again = chosen.fault in UNKNOWN | COMMIT | CRASH | DELIVERY
    return Strike(chosen.step, chosen.fault, random.randint(0, 2) if again else 0)


@cache
def _within(options: Options, steps: tuple[str, ...]) -> tuple[Strike, ...]:
    kinds = {"charge", "inquiry", *(step for step in steps if step in KINDS)} | (
        {"void"} if "cancel" in steps else set()
    )
    return tuple(cell for cell in targets(options) if cell.step.partition(".")[0] in kinds)
