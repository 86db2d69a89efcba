"""Putting figures into the groups that were asked for; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from hub.reporting.rules import NOTHING, Figures

GroupBy = Literal["merchant_account", "currency", "processor", "day", "ruleset"]
WAYS: Final[tuple[GroupBy, ...]] = ("merchant_account", "currency", "processor", "day", "ruleset")


class Group(NamedTuple):
    """What a row is of; None where it is not told apart by that. Every row is of one currency."""

    currency: str
    day: date | None = None
    merchant_account: str | None = None
    processor: str | None = None
    ruleset: str | None = None
    rule: str | None = None


class Cell(NamedTuple):
    """Where figures were read: by merchant account and currency at least. `day` None: before the days asked for."""

    day: date | None
    merchant_account: str
    currency: str
    ruleset: str
    rule: str


class Told(NamedTuple):
    """A figure that is read for itself: so much under a day."""

    day: date
    merchant_account: str
    currency: str
    ruleset: str
    rule: str
    minor: int
    many: int


class Row(Struct, frozen=True, kw_only=True):
    """One group: its figures within the days, what was outstanding when they ended, and what is read for itself."""

    group: Group
    figures: Figures = NOTHING
    outstanding: int = 0
    paid_out: int = 0
    exceptions: int = 0
    at_risk: int = 0


class Facts(Struct, frozen=True, kw_only=True):
    """All that a report is made of; `processors` names each merchant account's."""

    cells: Mapping[Cell, Figures]
    payouts: Sequence[Told]
    exceptions: Sequence[Told]
    processors: Mapping[str, str]


def rows_of(facts: Facts, ways: Iterable[GroupBy]) -> list[Row]:
    """Make the rows of a report, in the order of their groups."""
    asked = frozenset(ways)
    figures: dict[Group, Figures] = {}
    earlier: dict[Group, int] = defaultdict(int)
    for cell, one in facts.cells.items():
        group = _group(cell, facts.processors, asked)
        if cell.day is None:
            earlier[group] += one.moved
        else:
            known = figures.get(group)
            figures[group] = one if known is None else known + one
    payouts = _told(facts.payouts, facts.processors, asked)
    exceptions = _told(facts.exceptions, facts.processors, asked)
    groups = {*figures, *payouts, *exceptions, *(group for group, minor in earlier.items() if minor)}
    shown = sorted(groups, key=_in_order)
    owed = _outstanding(shown, figures, earlier)
    return [
        Row(
            group=group,
            figures=figures.get(group, NOTHING),
            outstanding=owed[group],
            paid_out=payouts.get(group, (0, 0))[0],
            exceptions=exceptions.get(group, (0, 0))[1],
            at_risk=exceptions.get(group, (0, 0))[0],
        )
        for group in shown
        if "day" not in asked or group.day is not None
    ]


def totals_of(rows: Iterable[Row]) -> list[Row]:
    """Add up rows of one report by currency; where they are of days, what is outstanding is what was at the end."""
    found: dict[str, Row] = {}
    last: dict[Group, Row] = {}
    for row in rows:
        currency = row.group.currency
        was = found.get(currency) or Row(group=Group(currency))
        last[_whole(row.group)] = row
        found[currency] = Row(
            group=was.group,
            figures=was.figures + row.figures,
            paid_out=was.paid_out + row.paid_out,
            exceptions=was.exceptions + row.exceptions,
            at_risk=was.at_risk + row.at_risk,
        )
    owed: dict[str, int] = defaultdict(int)
    for row in last.values():
        owed[row.group.currency] += row.outstanding
    return [_with_outstanding(found[currency], owed[currency]) for currency in sorted(found)]


def _in_order(group: Group) -> tuple[str, date, str, str, str, str]:
    currency, day, account, processor, ruleset, rule = group
    return currency, day or date.min, account or "", processor or "", ruleset or "", rule or ""


def _with_outstanding(row: Row, outstanding: int) -> Row:
    return Row(
        group=row.group,
        figures=row.figures,
        outstanding=outstanding,
        paid_out=row.paid_out,
        exceptions=row.exceptions,
        at_risk=row.at_risk,
    )


def _group(at: Cell | Told, processors: Mapping[str, str], asked: frozenset[GroupBy]) -> Group:
    account = at.merchant_account
    by_ruleset = "ruleset" in asked
    return Group(
        at.currency,
        at.day if "day" in asked else None,
        (account or None) if "merchant_account" in asked else None,
        processors.get(account) if "processor" in asked else None,
        (at.ruleset or None) if by_ruleset else None,
        (at.rule or None) if by_ruleset else None,
    )


def _whole(group: Group) -> Group:
    """Leave out the day."""
    return Group(group.currency, None, *group[2:])


def _told(
    told: Iterable[Told], processors: Mapping[str, str], asked: frozenset[GroupBy]
) -> dict[Group, tuple[int, int]]:
    found: dict[Group, tuple[int, int]] = {}
    for one in told:
        group = _group(one, processors, asked)
        minor, count = found.get(group, (0, 0))
        found[group] = minor + one.minor, count + one.many
    return found


def _outstanding(
    groups: Sequence[Group], figures: Mapping[Group, Figures], earlier: Mapping[Group, int]
) -> dict[Group, int]:
    """Go on from what was owed before, day by day where days are told apart."""
    running = {_whole(group): minor for group, minor in earlier.items()}
    found = {}
    for group in groups:  # A currency's days in their order, each with all its groups.
        whole = _whole(group)
        running[whole] = running.get(whole, 0) + figures.get(group, NOTHING).moved
        found[group] = running[whole]
    return found
