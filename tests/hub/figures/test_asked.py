"""Which counts a charge waits for: those that decide it, and no others."""

from typing import Any

import pytest

from hub.figures.asked import asked_beside, asked_of
from routing.plan import CompiledRuleSet, Trial
from tests.routing.samples import account, ruleset, snapshot


def comparing(fact: str) -> CompiledRuleSet:
    return ruleset({"name": "often", "when": {"fact": fact, "gte": 2}, "refuse": "blocked_by_risk_rule"})


def tried(fact: str) -> Trial:
    return Trial(change="rsa_1", ruleset=comparing(fact), percent=50)


BASE, OTHER = "velocity.customer.1h", "declines.device.24h"


@pytest.mark.parametrize(
    ("known", "waited_for", "beside"),
    [
        ({"ruleset": comparing(BASE)}, {BASE}, set()),
        ({"ruleset": comparing(BASE), "rollout": tried(OTHER)}, {BASE, OTHER}, set()),
        ({"ruleset": comparing(BASE), "shadow": tried(OTHER)}, {BASE}, {OTHER}),
        ({"shadow": tried(OTHER)}, set(), {OTHER}),
    ],
    ids=["base", "rollout", "shadow", "shadow alone"],
)
def test_a_charge_waits_for_what_decides_it(known: dict[str, Any], waited_for: set[str], beside: set[str]) -> None:
    found = snapshot(account("ma_1"), **known)

    assert asked_of(found) == waited_for
    assert asked_beside(found) == beside
