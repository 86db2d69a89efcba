"""A report's text as rows of cells, a stretch at a time; what is no CSV costs its own line and not the rest. Pure."""

import csv
from codecs import getincrementaldecoder
from io import StringIO
from typing import Final

from msgspec import Struct

UNREADABLE: Final = "�"
"""Stands for bytes that are no UTF-8, and for NUL, which no database keeps."""
_ROW_CHARACTERS_MAX: Final = 128 * 1024
_decoder: Final = getincrementaldecoder("utf-8-sig")


class Garbled(Struct, frozen=True):
    """A line that is no row of cells."""

    message: str
    text: str


Row = tuple[int, list[str] | Garbled]
"""The line of the file on which a row begins, the header's being 1, and its cells."""


def parse(lines: list[str], number: int, *, last: bool) -> tuple[list[Row], int]:
    """Read the rows of *lines*, the first of which is line *number* of the file; tells how many lines they took.

    What is left over belongs to a row that goes on after *lines*; *last* says that nothing does. Empty lines are no
    rows.
    """
    rows: list[Row] = []
    at = 0
    while at < len(lines):
        before, began = at, at
        reader = csv.reader(iter(lines[before:] if before else lines), strict=True)
        try:
            for cells in reader:
                if cells:
                    rows.append((number + began, cells))
                began = before + reader.line_num
            at = began
        except csv.Error:
            at = began
            unfinished = before + reader.line_num == len(lines)
            if unfinished and not last and sum(map(len, lines[at:])) < _ROW_CHARACTERS_MAX:
                return rows, at
            told = "is no row of CSV: a quote is not closed or stands alone, or a cell is too long"
            rows.append((number + at, Garbled(told, lines[at])))
            at += 1
    return rows, at


class Rows:
    """Reads a file's rows as its bytes come; the header is one of them."""

    def __init__(self) -> None:
        self._decoder = _decoder("replace")
        self._rest = ""
        self._waiting: list[str] = []
        self._number = 1

    def feed(self, content: bytes, *, last: bool) -> list[Row]:
        """Read the rows that *content* completes; *last* says that nothing follows."""
        text = self._rest + self._decoder.decode(content, last).replace("\0", UNREADABLE)
        endless = len(text) > _ROW_CHARACTERS_MAX and "\n" not in text
        cut = len(text) if last or endless else text.rfind("\n") + 1
        self._rest = text[cut:]
        lines = self._waiting + list(StringIO(text[:cut], newline="\n"))
        rows, used = parse(lines, self._number, last=last)
        self._number += used
        self._waiting = lines[used:]
        return rows
