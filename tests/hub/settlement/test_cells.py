"""A report's text as rows of cells, in whatever pieces it comes."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.settlement.cells import Garbled, Row, Rows


def read(content: bytes, size: int = 1_000_000) -> list[Row]:
    rows, found = Rows(), list[Row]()
    for start in range(0, max(len(content), 1), size):
        found += rows.feed(content[start : start + size], last=start + size >= len(content))
    return found


def test_each_row_says_on_which_line_of_the_file_it_begins() -> None:
    content = b'\xef\xbb\xbfa,b\r\n1,"two\nlines"\n\n3,4'

    assert read(content) == [(1, ["a", "b"]), (2, ["1", "two\nlines"]), (5, ["3", "4"])]


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.text(alphabet='a", \n\rä☕', max_size=6), min_size=2, max_size=3), max_size=6),
    st.integers(1, 40),
)
def test_what_csv_writes_is_read_back_in_pieces_of_any_size(table: list[list[str]], size: int) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(table)

    assert [cells for _, cells in read(file.getvalue().encode(), size)] == table


@pytest.mark.parametrize("size", [7, 1_000])
@pytest.mark.parametrize("wrong", ['x,"open', 'x,"a"b', '"'])
def test_a_line_that_is_no_csv_costs_itself_alone(wrong: str, size: int) -> None:
    found = read(f"1,2\n{wrong}\n3,4\n5,6\n".encode(), size)

    assert [(number, cells if isinstance(cells, list) else cells.text.strip()) for number, cells in found] == [
        (1, ["1", "2"]),
        (2, wrong),
        (3, ["3", "4"]),
        (4, ["5", "6"]),
    ]


def test_a_quote_that_never_closes_holds_back_no_more_than_a_row_may_have() -> None:
    found = read(b'1,"open\n' + b"2,3\n" * 50_000, 4_096)

    assert isinstance(found[0][1], Garbled)
    assert found[-1] == (50_001, ["2", "3"])
    assert len(found) == 50_001


def test_bytes_that_are_no_text_are_read_as_a_sign_for_them() -> None:
    assert read(b"\xff,a\x00b\n") == [(1, ["�", "a�b"])]


def test_a_file_without_any_end_of_line_is_not_collected_without_end() -> None:
    rows = Rows()
    for _ in range(40):
        rows.feed(b"x" * 10_000, last=False)

    assert len(rows._rest) < 200_000  # noqa: SLF001 - what a process would have to hold
