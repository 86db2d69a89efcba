"""Reports as JSON, CSV, Parquet or PDF, as the caller's Accept header asks; pure."""

import csv
from collections.abc import Iterable, Sequence
from typing import Final

from hub.errors import ProblemError
from hub.reporting.parquet import MEDIA_TYPE as PARQUET
from hub.reporting.parquet import Cell

JSON: Final = "application/json"
CSV: Final = "text/csv"
PDF: Final = "application/pdf"
FORMATS: Final = (JSON, CSV, PARQUET)
"""What tables are written as; the first is what a caller gets who does not say."""
_END: Final = "\r\n"
"""Before Python 3.13 a writer quotes just the ends of lines that it writes; a lone CR would begin a row of its own."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def chosen(accept: str | None, offered: Sequence[str]) -> str:
    """Choose what a caller would have most, the first of *offered* where it is all the same.

    Raises:
        ProblemError: not_acceptable.
    """
    wishes = [_wish(part) for part in (accept or "*/*").split(",")]
    best = max(offered, key=lambda one: (_quality(one, wishes), -offered.index(one)))
    if _quality(best, wishes) <= 0:
        raise ProblemError("not_acceptable", f"it is given as {', '.join(offered)}; ask for one of these in Accept")
    return best


def _wish(part: str) -> tuple[str, float]:
    named, *parameters = (piece.strip() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                quality = 0.0
    return named.lower(), quality


def _quality(offered: str, wishes: Iterable[tuple[str, float]]) -> float:
    """Say how much *offered* is wanted, by the wish that names it most exactly."""
    family = offered.partition("/")[0]
    exact = {offered: 3, f"{family}/*": 2, "*/*": 1}
    fitting = [(exact[named], quality) for named, quality in wishes if named in exact]
    return max(fitting)[1] if fitting else 0.0


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table; text that a spreadsheet would take for a formula stands behind an apostrophe."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator=_END)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return "".join(lines).encode()


class _Lines(list[str]):
    """Takes lines as a writer ends them, and ends them with a line feed alone."""

    def write(self, line: str) -> None:
        """Take one line."""
        self.append(line.removesuffix(_END) + "\n")


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
