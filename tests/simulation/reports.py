"""The format of the pretend processors' settlement reports."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from normalization.money import Currency
from normalization.settlements import LineType, NotAReportError, SettlementLine

COLUMNS: Final = ("key", "type", "gross", "fee", "currency", "booked_at", "batch", "tag", "reference", "parent")


class SimulatedReport:
    """The report of both pretend processors."""

    format = "simulated"

    def read(self, cells: Sequence[str]) -> SettlementLine:
        """Translate one row."""
        row = dict(zip(COLUMNS, cells, strict=True))
        gross, fee = int(row["gross"]), int(row["fee"])
        return SettlementLine(
            key=row["key"],
            type=LineType(row["type"]),
            raw_type=row["type"],
            gross_minor=gross,
            fee_minor=fee,
            net_minor=gross - fee,
            currency=Currency(row["currency"]),
            booked_at=datetime.fromisoformat(row["booked_at"]).astimezone(UTC),
            batch=row["batch"],
            tag=row["tag"] or None,
            processor_reference=row["reference"] or None,
            parent_reference=row["parent"] or None,
        )


def open_report(header: Sequence[str]) -> SimulatedReport:
    """Recognise the columns."""
    if tuple(header) != COLUMNS:
        raise NotAReportError("these are not the columns of a simulated report")
    return SimulatedReport()
