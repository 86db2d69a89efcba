"""Everything that happened to one payment, in order: any charge explained in a minute."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import select

from hub.database import Database
from hub.payments.states import Payment
from hub.payments.timeline_sources import SOURCES, Kind, Source, belongs
from normalization.money import in_whole_units, written

ENTRIES_MAX: Final = 1_000


class Entry(Struct, frozen=True, kw_only=True):
    """One thing that happened; `data` is that thing without what is nobody's business."""

    at: datetime
    kind: Kind
    id: str
    summary: str
    data: dict[str, Any]


class Timeline(Struct, frozen=True, kw_only=True):
    """A payment's entries, oldest first; `truncated` when there are more than can be shown."""

    payment: str
    entries: list[Entry]
    truncated: bool


_JSON: Final = frozenset({"report", "decline", "details"})
_AMOUNTS: Final = ("amount", "gross", "fee")
_ORDER: Final = {source.kind: n for n, source in enumerate(SOURCES)}


async def timeline_of(database: Database, payment: Payment) -> Timeline:
    """Read everything about *payment*, oldest first."""
    entries: list[Entry] = []
    async with database.reading() as connection:
        for source in SOURCES:
            table = source.table
            wanted = (
                select(table).where(belongs(source, payment.id)).order_by(table.c[source.id]).limit(ENTRIES_MAX + 1)
            )
            rows: Sequence[Mapping[Any, Any]] = (await connection.execute(wanted)).mappings().all()
            entries += [_entry(source, row) for row in rows]
    entries.sort(key=lambda entry: (entry.at, _ORDER[entry.kind], entry.id))
    return Timeline(payment=payment.id, entries=entries[:ENTRIES_MAX], truncated=len(entries) > ENTRIES_MAX)


def _entry(source: Source, row: Mapping[Any, Any]) -> Entry:
    data = {name: _shown(name, row[name]) for name in source.shown}
    facts = {**row, **_in_whole_units(row)}
    if source.kind == "dispute":
        facts["told"] = _said_of_dispute(data["report"])
    return Entry(
        at=row[source.at], kind=source.kind, id=row[source.id], summary=source.summary.format_map(facts), data=data
    )


def _in_whole_units(row: Mapping[Any, Any]) -> dict[str, str]:
    """Write a row's amounts the way people do, by what they are called without their unit."""
    amounts = {name: row[f"{name}_minor"] for name in _AMOUNTS if f"{name}_minor" in row}
    return {
        name: "not known" if minor is None else in_whole_units(minor, row["currency"])
        for name, minor in amounts.items()
    }


def _said_of_dispute(report: Mapping[str, Any]) -> str:
    """Put one word about a dispute into a line: where it stands, in the processor's word too, and what moved."""
    raw = report.get("raw_status")
    moved = "".join(
        f", {written(one['money']['minor'], one['money']['currency'])} {'given back' if one['reinstated'] else 'taken'}"
        for one in report.get("movements", ())
    )
    return f"{report['stage']} {report['status']}{f' ({raw})' if raw else ''}{moved}"


def _shown(name: str, value: Any) -> Any:  # noqa: ANN401 - a column's value
    return msgspec.json.decode(value) if name in _JSON and value else value
