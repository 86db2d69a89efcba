"""A reconciliation at a terminal: in whole units, no figure ever cut, side by side as far as there is room."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from hub.reporting.grouping import WAYS, GroupBy
from hub.reporting.showing import Reconciliation, ReconciliationRow
from normalization.money import in_whole_units

_FIGURES: Final = (
    "captured", "refunded", "disputed", "surplus", "settled", "adjusted", "unmatched", "fees", "reserve",
    "exchange_loss", "paid_out", "received", "outstanding", "exceptions", "at_risk",
)  # fmt: skip
_WHERE_ANY: Final = frozenset({"disputed", "surplus", "adjusted", "unmatched", "reserve", "exchange_loss"})
"""Figures that are left out where every row has 0."""
_GROUPS: Final[dict[GroupBy, tuple[str, ...]]] = {way: (way,) for way in WAYS} | {
    "currency": (),
    "ruleset": ("ruleset", "version", "rule"),
}
_FRAME: Final = 3
"""What a column takes besides its cells: a blank on either side and a line."""
_GROUP_MIN: Final = 8
_UNBOUNDED: Final = 10_000


class _Line(Struct, frozen=True):
    group: tuple[str, ...]
    row: ReconciliationRow


def here() -> Console:
    """Give the place to print to: a file or a pipe has room for everything."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _UNBOUNDED)


def print_reconciliation(
    console: Console, body: Reconciliation, ways: Sequence[GroupBy], names: Mapping[str, str]
) -> None:
    """Print what `hub reconcile` found; *names* of merchant accounts by their id."""
    mode = "live" if body.livemode else "test"
    title = f"{mode} mode, {body.first} to {body.last}"
    if not body.data:
        told = "nothing was booked or settled in these days, and nothing was outstanding when they ended."
        console.print(f"{title}: {told}", highlight=False)
        return
    console.print(f"{title}, in whole units", highlight=False, style="italic")
    for table in _tables(body, ways, names, console.width):
        console.print(table)


def side_by_side(widths: Sequence[int], room: int) -> list[range]:
    """Part columns of *widths* into tables that have *room*: each as many as fit, one at least."""
    parts, first, taken = [], 0, 0
    for at, width in enumerate(widths):
        if at > first and taken + width > room:
            parts.append(range(first, at))
            first, taken = at, 0
        taken += width
    return [*parts, range(first, len(widths))]


def _tables(body: Reconciliation, ways: Sequence[GroupBy], names: Mapping[str, str], width: int) -> Iterator[Table]:
    groups, figures = _groups(body, ways), _figures(body)
    lines = [_Line(tuple(_group(row, name, names) for name in groups), row) for row in body.data]
    totals = [_Line(("all", *[""] * (len(groups) - 1)), row) for row in body.totals] if groups else []
    told = [*lines, *totals]
    beside = [_width(name, (line.group[at] for line in told)) for at, name in enumerate(groups)]
    widths = [_width(name, (_figure(line.row, name) for line in told)) for name in figures]
    for part in side_by_side(widths, width - sum(beside) - _width("currency", ()) - 1):
        yield _table(groups, figures[part.start : part.stop], lines, totals)


def _table(groups: Sequence[str], figures: Sequence[str], lines: Sequence[_Line], totals: Sequence[_Line]) -> Table:
    table = Table()
    for name in (*groups, "currency"):
        table.add_column(_title(name), overflow="fold", min_width=min(_GROUP_MIN, len(_title(name))))
    for name in figures:
        table.add_column(_title(name), justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*line.group, line.row.currency, *(_figure(line.row, name) for name in figures))
    table.add_section()
    for line in totals:
        table.add_row(*line.group, line.row.currency, *(_figure(line.row, name) for name in figures), style="bold")
    return table


def _groups(body: Reconciliation, ways: Sequence[GroupBy]) -> list[str]:
    """Name the columns that tell groups apart; a ruleset's id only where its version does not."""
    names = [name for way in ways for name in _GROUPS[way]]
    rulesets = {(row.ruleset, row.version) for row in body.data}
    if len({version for _, version in rulesets}) == len(rulesets):
        return [name for name in names if name != "ruleset"]
    return names


def _figures(body: Reconciliation) -> list[str]:
    return [name for name in _FIGURES if name not in _WHERE_ANY or any(getattr(row, name) for row in body.data)]


def _group(row: ReconciliationRow, name: str, names: Mapping[str, str]) -> str:
    value = getattr(row, name)
    return names.get(value, value) if name == "merchant_account" and value else str(value or "")


def _figure(row: ReconciliationRow, name: str) -> str:
    value: int = getattr(row, name)
    return f"{value:,}" if name == "exceptions" else in_whole_units(value, row.currency)


def _title(name: str) -> str:
    return "account" if name == "merchant_account" else name.replace("_", " ")


def _width(name: str, cells: Iterable[str]) -> int:
    return max([len(_title(name)), *map(cell_len, cells)]) + _FRAME
