"""A reconciliation as the API shows it, and as a flat table."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import asdict, fields

from hub.reporting.grouping import GroupBy, Row
from hub.reporting.parquet import Cell, Kind


class ReconciliationRow(Struct, frozen=True, kw_only=True):
    """One group in one currency, in its minor units; what it is not grouped by is null. All figures may be negative."""

    day: date | None
    merchant_account: str | None
    processor: str | None
    ruleset: str | None
    version: int | None
    rule: str | None
    currency: str
    expected: int
    authorized: int
    captured: int
    refunded: int
    disputed: int
    surplus: int
    settled: int
    adjusted: int
    unmatched: int
    fees: int
    reserve: int
    exchange_loss: int
    paid_out: int
    received: int
    outstanding: int
    exceptions: int
    at_risk: int


class Reconciliation(Struct, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """A reconciliation of the days from `from` to `to`, both counted, in UTC."""

    object: Literal["reconciliation"] = "reconciliation"
    livemode: bool
    first: date
    last: date
    group_by: list[GroupBy]
    data: list[ReconciliationRow]
    totals: list[ReconciliationRow]


_COLUMNS: Final = tuple(field.name for field in fields(ReconciliationRow))
_TEXTS: Final = frozenset({"merchant_account", "processor", "ruleset", "rule", "currency"})
COLUMNS: Final[Mapping[str, Kind]] = {
    name: Kind.DATE if name == "day" else Kind.TEXT if name in _TEXTS else Kind.NUMBER for name in _COLUMNS
}


def shown(row: Row, versions: Mapping[str, int]) -> ReconciliationRow:
    """Show a row; *versions* of rulesets by their id."""
    group = row.group
    more: dict[str, Any] = asdict(row.figures)
    return ReconciliationRow(
        day=group.day,
        merchant_account=group.merchant_account,
        processor=group.processor,
        ruleset=group.ruleset,
        version=versions.get(group.ruleset) if group.ruleset else None,
        rule=group.rule,
        currency=group.currency,
        paid_out=row.paid_out,
        outstanding=row.outstanding,
        exceptions=row.exceptions,
        at_risk=row.at_risk,
        **more,
    )


def cells(rows: Iterable[ReconciliationRow]) -> list[list[Cell]]:
    """Lay rows out as a table with `COLUMNS`."""
    return [[getattr(row, name) for name in _COLUMNS] for row in rows]
