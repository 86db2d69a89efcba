"""Rulesets as they were stored, read back: one that this version of the hub cannot read is told and stands alone."""

import msgspec

from hub.errors import ProblemError
from routing.plan import CompiledRuleSet, compile_ruleset
from routing.rules import RuleSet


def compiled(document: str, *, id: str, version: int) -> CompiledRuleSet:
    """Make a stored ruleset ready to be asked; hundreds of rules take a while.

    Raises:
        ProblemError: ruleset_unreadable.
    """
    ruleset = read(document, id=id)
    try:
        return compile_ruleset(ruleset, id=id, version=version)
    except Exception as wrong:  # Whatever it is that this version does not understand of it.
        raise unreadable(id, type(wrong).__name__) from wrong


def read(document: str, *, id: str) -> RuleSet:
    """Read a stored ruleset.

    Raises:
        ProblemError: ruleset_unreadable.
    """
    try:
        return msgspec.json.decode(document, type=RuleSet)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise unreadable(id, str(wrong)) from wrong


def unreadable(id: str, why: str) -> ProblemError:
    """Say that a stored ruleset cannot be read, and the mend."""
    told = f"{id} was stored by another version of the hub, and this one cannot read it ({why}); write it anew"
    return ProblemError("ruleset_unreadable", told)
