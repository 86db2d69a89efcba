"""What one ruleset says otherwise than another, rule by rule, for somebody who reviews it."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from routing.rules import OTHERWISE, Rule, RuleSet, Use

_PARTS: Final = ("when", "use", "refuse", "authentication")


class Kind(StrEnum):
    """How a rule differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


class Difference(Struct, frozen=True, kw_only=True):
    """One rule, the last resort or the rates; `before` and `after` are JSON, of places where it moved.

    `part` is what of it changed, such as `when`; None is the whole.
    """

    name: str
    kind: Kind
    part: str | None = None
    before: str | None = None
    after: str | None = None


def differences(before: RuleSet | None, after: RuleSet) -> list[Difference]:
    """List what *after* says otherwise, in the order of its rules, then what it leaves out."""
    old = before or RuleSet(name=after.name)
    return [*_rules(old.rules, after.rules), *_last_resort(old.otherwise, after.otherwise), *_rates(old, after)]


def _rules(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Difference]:
    known = {rule.name: rule for rule in old}
    moved = _moved([rule.name for rule in old], [rule.name for rule in new])
    for place, rule in enumerate(new):
        if rule.name not in known:
            yield Difference(name=rule.name, kind=Kind.ADDED, after=_json(rule))
            continue
        if rule.name in moved:
            yield Difference(
                name=rule.name, kind=Kind.MOVED, before=_place(old.index(known[rule.name])), after=_place(place)
            )
        yield from _changed(rule.name, known[rule.name], rule, _PARTS)
    left = {rule.name for rule in new}
    yield from (
        Difference(name=rule.name, kind=Kind.REMOVED, before=_json(rule)) for rule in old if rule.name not in left
    )


def _last_resort(old: Use | None, new: Use | None) -> Iterator[Difference]:
    if old == new:
        return
    kind = Kind.ADDED if old is None else Kind.REMOVED if new is None else Kind.CHANGED
    before, after = (None if use is None else _json(use) for use in (old, new))
    yield Difference(name=OTHERWISE, kind=kind, before=before, after=after)


def _rates(old: RuleSet, new: RuleSet) -> Iterator[Difference]:
    if old.rates != new.rates:
        yield Difference(name="rates", kind=Kind.CHANGED, before=_json(old.rates), after=_json(new.rates))


def _changed(name: str, old: Rule, new: Rule, parts: Sequence[str]) -> Iterator[Difference]:
    for part in parts:
        one, other = getattr(old, part), getattr(new, part)
        if one != other:
            yield Difference(name=name, kind=Kind.CHANGED, part=part, before=_json(one), after=_json(other))


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Find the rules whose turn among those of both rulesets is another."""
    mine, theirs = [name for name in old if name in set(new)], [name for name in new if name in set(old)]
    kept = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    return set(theirs) - {name for block in kept for name in mine[block.a : block.a + block.size]}


def _place(index: int) -> str:
    return f"rule {index + 1}"


def _json(value: object) -> str:
    return msgspec.json.encode(_told(value)).decode()


def _told(value: object) -> object:
    """Write a rule, or what it uses, without what it leaves to its defaults."""
    if not isinstance(value, Rule | Use):
        return value
    said = {field.encode_name: (getattr(value, field.name), field.default) for field in fields(value)}
    return {name: _told(one) for name, (one, default) in said.items() if one != default}
