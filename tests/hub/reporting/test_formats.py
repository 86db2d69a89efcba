"""What callers ask for in Accept, and that others can read what they get."""

import csv
import io
from datetime import date

import pyarrow.parquet
import pytest

from hub.errors import ProblemError
from hub.reporting.formats import CSV, FORMATS, JSON, as_csv, chosen
from hub.reporting.parquet import MEDIA_TYPE, Kind, parquet


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("text/*, application/json;q=0.5", CSV),
        ("application/vnd.apache.parquet", MEDIA_TYPE),
        ("application/json;q=0.1, */*;q=0.9", CSV),
        ("text/csv;q=0, */*", JSON),
    ],
)
def test_a_caller_gets_what_it_would_have_most(accept: str | None, format: str) -> None:
    assert chosen(accept, FORMATS) == format


@pytest.mark.parametrize("accept", ["application/xml", "text/html, image/*", "*/*;q=0", "text/csv;q=x"])
def test_what_is_not_offered_is_told(accept: str) -> None:
    with pytest.raises(ProblemError, match=r"text/csv, application/vnd\.apache\.parquet") as refused:
        chosen(accept, FORMATS)
    assert refused.value.status == 406


def test_a_spreadsheet_takes_no_name_for_a_formula_and_numbers_stay_numbers() -> None:
    written = as_csv(["rule", "fees"], [["=1+2", -5], ["cards, all", None]])

    assert written == b'rule,fees\n\'=1+2,-5\n"cards, all",\n'


def test_whatever_a_spreadsheet_begins_a_formula_with_is_text_and_anything_else_as_it_is() -> None:
    cells = ["=1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\r=1", "'=1"]

    rows = list(csv.reader(io.StringIO(as_csv(["rule"], [[cell] for cell in cells]).decode(), newline="")))

    assert [cell for (cell,) in rows[1:]] == ["'" + cell for cell in cells[:6]] + cells[6:]


def test_another_reader_finds_every_cell_of_a_parquet_file() -> None:
    columns = {"day": Kind.DATE, "rule": Kind.TEXT, "fees": Kind.NUMBER} | {f"n{n}": Kind.NUMBER for n in range(20)}
    rows = [
        [date(2026, 3, 1), "Kärten", 2**62, *range(20)],
        [None, None, None, *[None] * 20],
        [date(1969, 12, 31), "", -(2**62), *range(-20, 0)],
    ]

    table = pyarrow.parquet.read_table(io.BytesIO(parquet(columns, rows)))

    assert [list(row.values()) for row in table.to_pylist()] == rows
    assert [str(field.type) for field in table.schema][:3] == ["date32[day]", "string", "int64"]


@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_parquet_file_may_have_any_number_of_rows(count: int) -> None:
    rows = [[n if n % 3 else None] for n in range(count)]

    table = pyarrow.parquet.read_table(io.BytesIO(parquet({"n": Kind.NUMBER}, rows)))

    assert [[row["n"]] for row in table.to_pylist()] == rows
