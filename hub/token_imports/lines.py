"""Reading a file of tokens, CSV or JSON lines, one physical line after the other and never more than one at a time.

A line is one token. Whatever is wrong with it is told by field, and its content is never repeated: it may hold a card.
"""

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec

from hub.decoding import decode
from hub.errors import FieldError, ProblemError
from hub.pan import find_card_number
from hub.token_imports.columns import COLUMNS, WHOLE_LINE, Line, Read, Wrong

LINE_BYTES_MAX: Final = 16 * 1024
_DIGITS_MAX: Final = 6  # A number with more is no month and no year: it stays the text that it is refused as.
Form = Literal["csv", "jsonl"]
FORMS: Final[dict[str, Form]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class UnreadableFileError(Exception):
    """The file as a whole cannot be imported; the message says why and what to do."""


_NUMBERS: Final = frozenset({"exp_month", "exp_year"})
_line: Final = msgspec.json.Decoder(Line)


def form_of(path: Path, given: str | None) -> Form:
    """Tell by its name what a file holds.

    Raises:
        UnreadableFileError: for a name that does not tell.
    """
    form = FORMS.get(f".{given}" if given else path.suffix.lower())
    if form is None:
        raise UnreadableFileError(f"{path.name}: say with --format whether this is csv or jsonl")
    return form


def read_header(file: BinaryIO, form: Form) -> tuple[Sequence[str], int]:
    """Read the names of the columns, and say where the first line of tokens begins; JSON lines have no header.

    Raises:
        UnreadableFileError: for a name that is no column of ours, one that stands twice or one that is missing.
    """
    if form == "jsonl":
        return (), 0
    file.seek(0)
    raw = file.readline(LINE_BYTES_MAX)
    try:
        names = next(csv.reader([raw.decode("utf-8-sig")], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as failure:
        raise UnreadableFileError("line 1: the names of the columns cannot be read; write CSV in UTF-8") from failure
    if find_card_number(names) is not None:
        raise UnreadableFileError("line 1: holds what looks like a card number where the columns' names belong")
    if not any(names):
        raise UnreadableFileError("line 1: is empty; it has to name the columns")
    for position, name in enumerate(names, 1):
        if name not in COLUMNS:
            if len(names) == 1 and (";" in name or "\t" in name):
                raise UnreadableFileError("line 1: has no comma; columns and cells are separated by commas")
            known = ", ".join(COLUMNS)
            raise UnreadableFileError(f"line 1, column {position}: {name[:40]!r} is no column; there are {known}")
    missing = [name for name in ("processor", "token") if name not in names]
    if missing or len(set(names)) < len(names):
        told = f"has no column {missing[0]}" if missing else "names a column twice"
        raise UnreadableFileError(f"line 1: {told}")
    return names, file.tell()


def read_lines(file: BinaryIO, columns: Sequence[str], number: int, position: int) -> Iterator[Read]:
    """Read from *position* on, where line *number* begins; with *columns* as CSV, else as JSON."""
    file.seek(position)
    while raw := file.readline(LINE_BYTES_MAX + 1):
        too_long = len(raw) > LINE_BYTES_MAX
        while too_long and not raw.endswith(b"\n") and (raw := file.readline(LINE_BYTES_MAX)):
            pass
        position = file.tell()
        if too_long:
            yield Read(number, position, Wrong(WHOLE_LINE, f"is longer than {LINE_BYTES_MAX} bytes"))
        elif raw.strip():
            yield Read(number, position, _read(raw, columns))
        number += 1


def _read(raw: bytes, columns: Sequence[str]) -> Line | Wrong:
    try:
        return decode(_as_json(raw, columns) if columns else raw.removeprefix(BOM_UTF8).strip(), _line)
    except ProblemError as problem:
        if not problem.errors:
            return Wrong(WHOLE_LINE, problem.detail.replace("body", "line"))
        field = problem.errors[0].field
        return Wrong(WHOLE_LINE if field == "(body)" else field, problem.errors[0].message)


def _as_json(raw: bytes, columns: Sequence[str]) -> bytes:
    """Write a line of CSV as JSON, so that there is one way of checking; an empty cell says nothing.

    Raises:
        ProblemError: for what is no line of CSV with these columns.
    """
    try:
        cells = next(csv.reader([raw.decode().rstrip("\r\n")], strict=True), [])
    except UnicodeDecodeError:
        raise _unreadable("is not UTF-8") from None
    except csv.Error:
        raise _unreadable("is no CSV: a quote is not closed or stands alone; a cell holds no line break") from None
    if len(cells) != len(columns):
        cell = "cell" if len(cells) == 1 else "cells"
        raise _unreadable(f"has {len(cells)} {cell} where the first line names {len(columns)} columns")
    said: dict[str, Any] = {
        name: int(cell)
        if name in _NUMBERS and cell.isascii() and cell.isdecimal() and len(cell) <= _DIGITS_MAX
        else cell
        for name, cell in zip(columns, cells, strict=True)
        if cell
    }
    return msgspec.json.encode(said)


def _unreadable(told: str) -> ProblemError:
    return ProblemError("malformed_request", told, errors=[FieldError(WHOLE_LINE, told)])
