"""The same facts and the same snapshot give the same plan: in another process, after a restart, in the next version."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.accounts import Fee
from routing.choosing import Figures
from routing.evidence import NOTHING, Outcome, groups_of, learn
from routing.facts import Facts
from routing.plan import Snapshot, compile_ruleset, plan
from routing.rules import Strategy
from tests.routing.samples import ACCOUNTS, account, decoded, facts, snapshot, use

PAYMENTS = 500
PARAMETERS: dict[Strategy, dict[str, object]] = {
    Strategy.SPLIT: {"weights": [5, 3, 2]},
    Strategy.NET_REVENUE: {"margin_bps": 300},
}


def payments() -> list[Facts]:
    cards = [CardFacts(brand=brand, country=country) for brand in ("visa", "amex") for country in ("DE", "US")]
    return [
        facts(reference=f"invoice-{n}", money=Money(100 + n, Currency.EUR), card=cards[n % len(cards)])
        for n in range(PAYMENTS)
    ]


def snapshots() -> Iterator[Snapshot]:
    """One for each strategy, with fees and outcomes to go by."""
    accounts = [account(one, fees=(Fee(percent_bps=100 + n, fixed_minor=20 - n),)) for n, one in enumerate(ACCOUNTS)]
    outcomes = [Outcome(ACCOUNTS[n % 3], groups_of(one), n % 7 > n % 3) for n, one in enumerate(payments())]
    figures = Figures(evidence=learn(NOTHING, outcomes), version=4)
    for strategy in Strategy:
        rules = decoded(otherwise=use(*ACCOUNTS, **{"strategy": strategy, **PARAMETERS.get(strategy, {})}))
        compiled = compile_ruleset(rules, id="rs_1", version=3)
        yield snapshot(*accounts, ruleset=compiled, figures=figures, version=9)


def digest() -> str:
    """Everything that was decided, in one word."""
    decided = [plan(payment, known) for known in snapshots() for payment in payments()]
    return sha256(msgspec.json.encode(decided)).hexdigest()


def in_another_process(hash_seed: int) -> str:
    command = (sys.executable, "-c", "from tests.routing.test_promises import digest; print(digest())")
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_every_process_decides_alike() -> None:
    assert [in_another_process(seed) for seed in (1, 2)] == [digest(), digest()]


def test_what_was_planned_before_changes_nothing() -> None:
    for known, fresh in zip(snapshots(), snapshots(), strict=True):
        forwards = [plan(payment, known) for payment in payments()]
        backwards = [plan(payment, fresh) for payment in reversed(payments())]

        assert forwards == backwards[::-1]


def test_the_next_version_with_other_weights_moves_only_the_share_that_must_move() -> None:
    def first(weights: list[int], ruleset_id: str, version: int) -> list[str]:
        rules = decoded(otherwise=use(*ACCOUNTS, strategy="split", weights=weights))
        known = snapshot(*map(account, ACCOUNTS), ruleset=compile_ruleset(rules, id=ruleset_id, version=version))
        drawn = (plan(facts(reference=f"invoice-{n}"), known) for n in range(10_000))
        return [decided.order[0].merchant_account for decided in drawn]

    before, after = first([70, 20, 10], "rs_1", 1), first([70, 20, 30], "rs_2", 2)
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert {new for _, new in moved} == {"ma_3"}
    assert 0.14 <= len(moved) / len(before) <= 0.16
