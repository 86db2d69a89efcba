"""Settlement reports: each row one line of the right type and sign, nothing dropped, nothing guessed."""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Final

from adapters.abilities import ReadsSettlements, SettlementReport
from adapters.conformance.bench import FIRST, Bench
from adapters.conformance.harness import SampleReport, SettlingHarness
from adapters.conformance.verdict import NonconformingError, expect
from normalization.settlements import BrokenRow, LineType, NotAReportError, SettlementLine, unbalanced

CREDITS: Final = frozenset({LineType.CHARGE, LineType.REFUND_REVERSAL, LineType.CHARGEBACK_REVERSAL, LineType.PAYOUT})
DEBITS: Final = frozenset({LineType.CHARGE_REVERSAL, LineType.REFUND, LineType.CHARGEBACK, LineType.SECOND_CHARGEBACK})
WANTED: Final = frozenset({LineType.CHARGE, LineType.REFUND, LineType.FEE})
NO_AMOUNT: Final = "12,34 or so"
NO_TYPE: Final = "conformance_of_next_year"

Told = SettlementLine | BrokenRow | None


def _settles(harness: object) -> bool:
    return isinstance(harness, SettlingHarness)


@FIRST.rule()
async def whoever_reads_reports_shows_one(bench: Bench) -> None:
    """Without a sample nothing of the reading is tried."""
    if isinstance(bench.adapter, ReadsSettlements):
        expect(_settles(bench.harness), "the harness of an adapter that reads settlement reports has a `sample_report`")
    if isinstance(bench.harness, SettlingHarness):
        expect(isinstance(bench.adapter, ReadsSettlements), "an adapter with a sample of a report reads it")
        kinds = {kind for kind, _ in bench.harness.sample_report.rows}
        expect(kinds >= WANTED, "the sample has a charge, a refund and a fee", kinds)


@FIRST.rule(when=_settles)
async def a_row_is_one_line_of_its_type_and_sign(bench: Bench) -> None:
    """What credits us is positive, gross less fee is net, and every line has a name of its own."""
    sample = _sample(bench)
    lines = [_line(told) for told in _read(bench, sample.header, [cells for _, cells in sample.rows])]
    for line, (kind, _) in zip(lines, sample.rows, strict=True):
        expect(line.type is kind, f"a row of the type {kind} is read as one", line)
        expect(unbalanced(line) == 0, "gross less fee is net", line)
        expect(line.type not in CREDITS or line.gross_minor >= 0, f"a {line.type} credits us", line)
        expect(line.type not in DEBITS or line.gross_minor <= 0, f"a {line.type} debits us", line)
        expect(line.booked_at.tzinfo is UTC, "the instant of a line is in UTC", line)
        expect(line.raw_type, "the processor's own word is kept", line)
    expect(len({line.key for line in lines}) == len(lines), "each line has a name of its own", lines)


@FIRST.rule(when=_settles)
async def the_same_rows_are_the_same_lines(bench: Bench) -> None:
    """Whoever reads them, and in whatever order the columns stand."""
    sample = _sample(bench)
    rows = [cells for _, cells in sample.rows]
    first = _read(bench, sample.header, rows)
    expect(_read(bench, sample.header, rows) == first, "a report that is read again says the same")
    backwards = _read(bench, sample.header[::-1], [cells[::-1] for cells in rows])
    expect(backwards == first, "columns in another order say the same", backwards)
    wider = _read(bench, (*sample.header, "Conformance"), [(*cells, "1") for cells in rows])
    expect(wider == first, "a further column changes nothing", wider)


@FIRST.rule(when=_settles)
async def an_unknown_type_is_kept(bench: Bench) -> None:
    """A type that nobody knew yet moves money all the same."""
    for told in _changed(bench, _sample(bench).type_column, NO_TYPE):
        line = _line(told)
        expect(line.type is LineType.UNMAPPED, "an unknown type is unmapped", line)
        expect(line.raw_type == NO_TYPE, "an unknown type keeps its word", line)


@FIRST.rule(when=_settles)
async def what_cannot_be_read_is_told_and_never_guessed(bench: Bench) -> None:
    """A bad amount is told by its column; a row of another width as a whole."""
    sample = _sample(bench)
    for told in _changed(bench, sample.amount_column, NO_AMOUNT):
        expect(isinstance(told, BrokenRow), "a bad amount is a broken row", told)
        column = told.column if isinstance(told, BrokenRow) else None
        expect(column == sample.amount_column, f"a bad {sample.amount_column} is told by its column", told)
    for told in _read(bench, sample.header, [cells[:-1] for _, cells in sample.rows]):
        expect(isinstance(told, BrokenRow), "a row with a cell too few is a broken row", told)


@FIRST.rule(when=_settles)
async def another_header_is_no_report(bench: Bench) -> None:
    """A file that is something else is refused before its first row, by what it lacks."""
    sample = _sample(bench)
    lacking = [name for name in sample.header if name != sample.amount_column]
    expect(sample.amount_column in _refusal(bench, lacking), "a header that lacks a column is told which")
    _refusal(bench, ("name", "age"))
    _refusal(bench, ())


def _sample(bench: Bench) -> SampleReport:
    if not isinstance(bench.harness, SettlingHarness):
        raise NonconformingError("the harness has no `sample_report`")
    return bench.harness.sample_report


def _open(bench: Bench) -> Callable[[Sequence[str]], SettlementReport]:
    if not isinstance(bench.adapter, ReadsSettlements):
        raise NonconformingError("an adapter with a sample of a report reads it")
    return bench.adapter.open_report


def _read(bench: Bench, header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Told]:
    report = _open(bench)(header)
    return [report.read(cells) for cells in rows]


def _changed(bench: Bench, column: str, cell: str) -> list[Told]:
    """Read the sample with another cell in *column* of every row."""
    sample = _sample(bench)
    at = sample.header.index(column)
    return _read(bench, sample.header, [(*cells[:at], cell, *cells[at + 1 :]) for _, cells in sample.rows])


def _line(told: Told) -> SettlementLine:
    if not isinstance(told, SettlementLine):
        raise NonconformingError(f"a row that can be read is a line; saw {told!r}")
    return told


def _refusal(bench: Bench, header: Sequence[str]) -> str:
    try:
        _open(bench)(header)
    except NotAReportError as refused:
        return str(refused)
    raise NonconformingError(f"a header of something else raises NotAReportError; {list(header)[:5]} was taken")
