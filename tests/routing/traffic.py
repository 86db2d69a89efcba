"""Made-up traffic: payments one after the other, accounts that approve with a chance each, and what routing learns."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.choosing import Figures
from routing.evidence import NOTHING, Outcome, groups_of, learn
from routing.facts import Facts
from routing.plan import Snapshot, plan
from tests.routing.samples import account, facts, ruleset, snapshot, use

Chance = Callable[[int, Facts], Mapping[str, float]]
"""The chance of an approval by account, for the n-th payment."""
ACCOUNTS = ("ma_1", "ma_2", "ma_3")
CARDS = [
    CardFacts(brand=b, funding=f, country=c)
    for b in ("visa", "mastercard")
    for f in ("credit", "debit")
    for c in ("DE", "US")
]


class Run(Struct):
    """What became of one stretch of traffic: where payments went first, and how many were approved."""

    went: list[str]
    approved: int
    expected: float  # What the chances of the accounts chosen add up to.
    best_fixed: float  # And those of the one account that would have been best for all of them.

    @property
    def regret(self) -> float:
        """The share of approvals that the best fixed choice would have had more."""
        return (self.best_fixed - self.expected) / self.best_fixed

    def share(self, name: str, start: int, end: int) -> float:
        return Counter(self.went[start:end])[name] / (end - start)


def payments(count: int, seed: int) -> Sequence[Facts]:
    drawn = random.Random(seed)  # noqa: S311 - made-up traffic
    return [
        facts(reference=f"{seed}-{n}", money=Money(drawn.randint(100, 20_000), Currency.EUR), card=drawn.choice(CARDS))
        for n in range(count)
    ]


def drive(
    chance: Chance,
    count: int,
    seed: int,
    strategy: str = "approval_rate",
    known: Snapshot | None = None,
    **more: object,
) -> Run:
    """Route *count* payments by *strategy*; every outcome is learned before the next payment comes."""
    rules = ruleset(otherwise=use(*ACCOUNTS, strategy=strategy, **more))
    known = snapshot(*(account(name) for name in ACCOUNTS), ruleset=rules)
    lot = random.Random(f"outcomes {seed}")  # noqa: S311 - made-up traffic
    evidence = NOTHING
    run, fixed = Run([], 0, 0.0, 0.0), Counter[str]()
    for number, payment in enumerate(payments(count, seed)):
        chances = chance(number, payment)
        first = plan(payment, known).order[0].merchant_account
        approved = lot.random() < chances[first]
        evidence = learn(evidence, [Outcome(first, groups_of(payment), approved)])
        known = replace(known, figures=Figures(evidence=evidence))
        run.went.append(first)
        run.approved += approved
        run.expected += chances[first]
        for name, likely in chances.items():
            fixed[name] += likely  # type: ignore[assignment]  # a sum of chances
    run.best_fixed = max(fixed.values())
    return run
