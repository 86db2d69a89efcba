"""Bank statements as files, in camt.053 or CSV, told apart by how they begin; never a whole file at once."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import chain
from typing import Final

from hub.settlement.bank_entries import (
    REFERENCES_MAX,
    TEXT_MAX,
    BankEntry,
    BrokenEntry,
    NotAStatementError,
    masked,
)
from hub.settlement.camt import read_camt
from normalization.cells import CellError, Picker, currency_of, instant, minor_units
from normalization.money import Money
from normalization.settlements import NotAReportError

NAME_MAX: Final = 200
"""How long an entry's name may be in characters before its digest stands for it."""
DAY: Final = len("2026-11-23")
"""What of a time counts: the day that the bank says, whatever it is elsewhere."""
LINE_MAX: Final = 64 * 1024
"""The longest line of a CSV file, in characters."""
NEEDED: Final = ("date|booking_date|booked_on", "amount", "currency")
WANTED: Final = ("id|entry_id|transaction_id", "reference|end_to_end_id", "description|details|text", "account|iban")
"""The columns of a CSV file; of those joined by | any one will do."""


def read_bank_file(pieces: Iterable[bytes]) -> Iterator[BankEntry | BrokenEntry]:
    """Read a bank statement, piece by piece.

    Raises:
        NotAStatementError: when it is neither camt.053 nor CSV with the columns that there must be.
    """
    rest = iter(pieces)
    begun = b""
    for piece in rest:
        begun = (begun + piece).lstrip().removeprefix(codecs.BOM_UTF8).lstrip()
        if begun:
            break
    if not begun:
        raise NotAStatementError("is empty")
    return read_camt(chain([begun], rest)) if begun.startswith(b"<") else _read_csv(chain([begun], rest))


def _read_csv(pieces: Iterable[bytes]) -> Iterator[BankEntry | BrokenEntry]:
    rows = csv.reader(_lines(pieces))
    try:
        table = _Table(next(rows, []))
        for cells in rows:
            if cells:
                yield table.read(cells, rows.line_num)
    except csv.Error as failure:
        raise NotAStatementError(f"is no CSV: {failure}, line {rows.line_num}") from None


class _Table:
    """A CSV statement whose columns were recognised."""

    def __init__(self, header: list[str]) -> None:
        try:
            self._pick = Picker(header, NEEDED, WANTED)
        except NotAReportError as lacking:
            raise NotAStatementError(f"is neither camt.053 nor a CSV statement: {lacking}") from None
        self._seen: Counter[str] = Counter()

    def read(self, cells: list[str], line: int) -> BankEntry | BrokenEntry:
        try:
            return self._entry(self._pick(cells))
        except CellError as unreadable:
            return BrokenEntry(line=line, column=unreadable.column, message=str(unreadable))

    def _entry(self, cells: tuple[str, ...]) -> BankEntry:
        booked, amount, code, name, reference, description, account = cells
        currency = currency_of(code, "currency")
        minor = minor_units(amount, currency, "amount")
        shown = masked(account)
        texts = [text[:TEXT_MAX] for text in (reference, description) if text]
        said = f"{shown or ''}:{booked}:{minor}:{code}"
        return BankEntry(
            key=f"{said}:{_named(name)}" if name else self._counted(f"{said}::{_named(reference, description)}"),
            booked_on=instant(booked[:DAY], self._pick.names[0]).date(),
            money=Money(minor, currency),
            references=tuple(texts[:REFERENCES_MAX]),
            account=shown,
        )

    def _counted(self, name: str) -> str:
        """Name an entry by what it says, and by its place where two say the same."""
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}:{self._seen[name]}"


def _named(*words: str) -> str:
    """Give *words* as a name that a database can hold, however long they are."""
    whole = ":".join(words)
    return whole if len(whole) <= NAME_MAX else sha256(whole.encode()).hexdigest()


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Decode UTF-8 and divide it into lines, ends kept.

    Raises:
        NotAStatementError: when it is other text, or a line is too long to be one.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    held = ""
    try:
        for piece in pieces:
            *whole, held = (held + decoder.decode(piece)).split("\n")
            yield from (f"{line}\n" for line in whole)
            if len(held) > LINE_MAX:
                raise NotAStatementError(f"has a line of more than {LINE_MAX} characters")
        held += decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise NotAStatementError("is no text in UTF-8") from None
    if held:
        yield held
