"""What the rulesets of a snapshot want to know: those that decide, are tried out, or are only compared. Pure."""

from typing import Final

from routing.facts import COUNTED
from routing.plan import CompiledRuleSet, Snapshot
from routing.rules import Strategy

NOTHING: Final[frozenset[str]] = frozenset()


def asked_of(snapshot: Snapshot) -> frozenset[str]:
    """List the facts counted by the hub that rulesets of *snapshot* decide by; a shadow's are no matter of a charge."""
    base, tried = snapshot.ruleset, snapshot.rollout
    asked = NOTHING if base is None else base.index.facts & COUNTED
    return asked if tried is None else asked | (tried.ruleset.index.facts & COUNTED)


def asked_beside(snapshot: Snapshot) -> frozenset[str]:
    """List the facts counted by the hub that the shadow of *snapshot* compares."""
    return NOTHING if snapshot.shadow is None else snapshot.shadow.ruleset.index.facts & COUNTED


def weighs_chargebacks(snapshot: Snapshot) -> bool:
    """Whether any ruleset of *snapshot* puts accounts in order by what is left in the end."""
    decisions = [one for ruleset in _rulesets(snapshot) for one in (*ruleset.decisions, ruleset.otherwise)]
    used = [one.use for one in decisions if one is not None]
    return any(use is not None and use.strategy is Strategy.NET_REVENUE for use in used)


def _rulesets(snapshot: Snapshot) -> list[CompiledRuleSet]:
    trials = [trial.ruleset for trial in (snapshot.rollout, snapshot.shadow) if trial is not None]
    return [*trials, *([snapshot.ruleset] if snapshot.ruleset is not None else [])]
