"""From a report's bytes to its lines: card numbers masked, broken rows told; pure."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from adapters.abilities import SettlementReport
from hub.ids import new_ids
from hub.pan import mask, may_hold_card_number
from hub.settlement.cells import Garbled, Row, Rows
from hub.settlement.values import NewLine
from normalization.settlements import BrokenRow, LineType, SettlementLine, digest

RAW_MAX: Final = 4_000
"""How many characters of a broken row are kept."""
NAME_MAX: Final = 500
"""How long a name may be, in characters: PostgreSQL's indexes hold no more than 2,704 bytes."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_RUN: Final = re.compile(rb"[0-9][0-9 -]{11,}[0-9]")
_BEGINS_AS_CARD: Final = re.compile(rb"(?<![0-9])[2-69](?:[ -]?[0-9]){12}")
"""Much of what is 16 digits long in reports are references, which begin with an 8."""
_TEXTS: Final = ("raw_type", "description", "exchange_rate", "card_brand", "card_funding", "card_country")
"""What of a line is the report's own words; the others name things."""
_encode: Final = msgspec.json.Encoder().encode
_log: Final = structlog.get_logger(__name__)


class Total(Struct):
    """What lines of one currency add up to, in its minor unit; `payout` is on its way to our bank, and not in `net`."""

    gross: int = 0
    fee: int = 0
    net: int = 0
    payout: int = 0


class Broken(Struct, frozen=True, kw_only=True):
    """A row that could not be read, as it is kept."""

    number: int
    column: str | None
    message: str
    raw: str


class Chunk(Struct, kw_only=True):
    """What some rows said; `rows` counts all of them, `masked` the card numbers that were found."""

    rows: int = 0
    skipped: int = 0
    masked: int = 0
    lines: list[NewLine] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    totals: dict[str, Total] = field(default_factory=dict)


class ReportReader:
    """Reads one report, whose header came first; gives its rows as they become complete."""

    def __init__(self, open_report: Callable[[Sequence[str]], SettlementReport]) -> None:
        self._open_report = open_report
        self._rows = Rows()
        self._report: SettlementReport | None = None
        self._columns = 0

    def feed(self, content: bytes, *, last: bool) -> list[Row]:
        """Take a piece of the file.

        Raises:
            NotAReportError: where its header is none of this processor's.
        """
        rows = self._rows.feed(content, last=last)
        if self._report is None and rows:
            header = rows.pop(0)[1]
            names = [] if isinstance(header, Garbled) else header
            self._report = self._open_report(names)
            self._columns = len(names)
        return rows

    def skip(self, rows: Sequence[Row]) -> None:
        """Hand over rows that were read before: a report counts lines that have no names."""
        for _, cells in rows:
            if isinstance(cells, list) and len(cells) == self._columns:
                self._told(cells)

    def read(self, rows: Sequence[Row]) -> Chunk:
        """Read *rows*, which follow on those before."""
        chunk = Chunk(rows=len(rows))
        for (number, cells), id_ in zip(rows, new_ids("sl_", len(rows)), strict=True):
            if isinstance(cells, Garbled):
                chunk.broken.append(_broken(chunk, number, None, cells.message, cells.text))
            elif len(cells) != self._columns:
                told = f"has {len(cells)} cells where the header names {self._columns} columns"
                chunk.broken.append(_broken(chunk, number, None, told, _encode(cells).decode()))
            else:
                self._take(chunk, id_, number, cells)
        return chunk

    def _take(self, chunk: Chunk, id_: str, number: int, cells: list[str]) -> None:
        told = self._told(cells)
        if isinstance(told, SettlementLine) and (wrong := unbearable(told)) is not None:
            told = wrong
        if told is None:
            chunk.skipped += 1
        elif isinstance(told, BrokenRow):
            chunk.broken.append(_broken(chunk, number, told.column, told.message, _encode(cells).decode()))
        else:
            raw = _encode(cells)
            shown = raw.decode()
            if may_hold_card_number(raw) and any(_BEGINS_AS_CARD.search(run) for run in _RUN.findall(raw)):
                shown, told = _masked(chunk, shown, told)
            _add(chunk.totals, told)
            chunk.lines.append(NewLine(id=id_, number=number, line=told, raw=shown, digest=digest(told)))

    def _told(self, cells: list[str]) -> SettlementLine | BrokenRow | None:
        assert self._report is not None  # noqa: S101 - rows come after the header
        try:
            return self._report.read(cells)
        except Exception as failure:  # noqa: BLE001 - one row that an adapter cannot read must not keep the rest away
            _log.exception("settlement_row_unreadable")
            return BrokenRow(column=None, message=f"cannot be read by this version: {type(failure).__name__}")


def unbearable(line: SettlementLine) -> BrokenRow | None:
    """Say why a line cannot be kept or looked for, which would keep all others away; None for one that can."""
    if not EARLIEST <= line.booked_at <= LATEST:
        return BrokenRow(column=None, message=f"is of no day between {EARLIEST.year} and {LATEST.year}")
    for name in (line.key, line.batch, line.tag, line.processor_reference, line.parent_reference):
        if name is not None and len(name) > NAME_MAX:
            return BrokenRow(column=None, message=f"has a name or reference of more than {NAME_MAX} characters")
    return None


def _masked(chunk: Chunk, raw: str, line: SettlementLine) -> tuple[str, SettlementLine]:
    """Mask what is free text; what names things at the processor is left as it is."""
    shown, count = mask(raw)
    chunk.masked += count
    if count:
        texts = {name: mask(text)[0] for name in _TEXTS if (text := getattr(line, name))}
        line = replace(line, **texts)
    return shown, line


def _broken(chunk: Chunk, number: int, column: str | None, message: str, raw: str) -> Broken:
    shown, count = mask(raw.replace("\0", ""))
    chunk.masked += count
    return Broken(number=number, column=column, message=mask(message)[0], raw=shown[:RAW_MAX])


def _add(totals: dict[str, Total], line: SettlementLine) -> None:
    total = totals.get(line.currency)
    if total is None:
        total = totals[line.currency.value] = Total()
    if line.type is LineType.PAYOUT or line.type is LineType.PAYOUT_REVERSAL:
        total.payout += line.net_minor
    else:
        total.gross += line.gross_minor
        total.fee += line.fee_minor
        total.net += line.net_minor


def merge(totals: dict[str, Total], more: dict[str, Total]) -> None:
    """Add *more* to *totals*."""
    for currency, some in more.items():
        total = totals.setdefault(currency, Total())
        total.gross += some.gross
        total.fee += some.fee
        total.net += some.net
        total.payout += some.payout
