"""Files of tokens, read line by line: what is wrong is told by number and field, and never repeated."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.token_imports.columns import Line, Read, Wrong
from hub.token_imports.lines import LINE_BYTES_MAX, UnreadableFileError, form_of, read_header, read_lines

TOKEN = {"processor": "stripe", "token": "pm_1"}
CARD = "4242424242424242"


def read(path: Path, content: bytes, *, csv: bool) -> list[Read]:
    path.write_bytes(content)
    with path.open("rb") as file:
        columns, first = read_header(file, "csv" if csv else "jsonl")
        return list(read_lines(file, columns, 2 if csv else 1, first))


def said(path: Path, **changes: Any) -> Line | Wrong:
    return read(path, msgspec.json.encode(TOKEN | changes), csv=False)[0].said


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    head = b"processor,token,exp_month,exp_year,last4,customer_key,network_transaction_id\r\n"
    row = b'adyen,"t,1",3,2030,0042,,MCC1\r\n'
    json = {"processor": "adyen", "token": "t,1", "exp_month": 3, "exp_year": 2030, "last4": "0042"}
    json |= {"network_transaction_id": "MCC1"}

    from_csv = read(tmp_path / "a.csv", b"\xef\xbb\xbf" + head + row, csv=True)
    from_json = read(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + msgspec.json.encode(json), csv=False)

    assert isinstance(from_csv[0].said, Line)
    assert from_csv[0].said == from_json[0].said
    assert (from_csv[0].number, from_json[0].number) == (2, 1)


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    whole = read(path, b"processor,token\na,1\n\na,2\na,3", csv=True)

    with path.open("rb") as file:
        rest = list(read_lines(file, ("processor", "token"), whole[0].number + 1, whole[0].ends_at))

    assert [one.number for one in whole] == [2, 4, 5]
    assert rest == whole[1:]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token": ""}, "token"),
        ({"token": CARD}, "token"),
        ({"number": "4242 4242 4242 4242"}, "number"),
        ({CARD: "x"}, "(a key)"),
        ({"cvc": "123"}, "cvc"),
        ({"exp_month": 13}, "exp_month"),
        ({"exp_month": "3"}, "exp_month"),
        ({"country": "de"}, "country"),
        ({"last4": "42424"}, "last4"),
        ({"funding": "charge"}, "funding"),
        ({"key": "a\nb"}, "key"),
        ({"customer": "cus_1", "customer_key": "ada"}, "customer"),
    ],
)
def test_a_line_is_refused_by_field_without_its_content(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    wrong = said(tmp_path / "a.jsonl", **changes)

    assert isinstance(wrong, Wrong)
    assert wrong.field == field
    assert CARD not in wrong.message


@pytest.mark.parametrize(
    "row",
    [
        b'stripe,"pm_1',
        b"stripe",
        b"stripe,pm_1,more",
        b"stripe,pm_\xff",
        b"stripe," + b"x" * (2 * LINE_BYTES_MAX),
        b"stripe," + b"x" * LINE_BYTES_MAX,
    ],
)
def test_a_broken_line_does_not_take_the_next_one_with_it(tmp_path: Path, row: bytes) -> None:
    broken, after = read(tmp_path / "a.csv", b"processor,token\n" + row + b"\nstripe,pm_2\n", csv=True)

    assert isinstance(broken.said, Wrong)
    assert broken.said.field == "(line)"
    assert isinstance(after.said, Line)


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"processor":"a","processor":"b","token":"c"}', b"{}", b"\xff"])
def test_what_is_no_such_object_is_refused(tmp_path: Path, line: bytes) -> None:
    broken, after = read(tmp_path / "a.jsonl", line + b"\n" + msgspec.json.encode(TOKEN), csv=False)

    assert isinstance(broken.said, Wrong)
    assert isinstance(after.said, Line)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"processor", "no column token"),
        (b"processor,token,token", "twice"),
        (b"processor,token,card_number", "'card_number' is no column"),
        (b"processor,token," + CARD.encode(), "looks like a card number"),
        (b"", "is empty"),
        (b"processor;token", "separated by commas"),
        (b"processor,\xff", "in UTF-8"),
    ],
)
def test_columns_that_are_not_ours_stop_everything(tmp_path: Path, head: bytes, told: str) -> None:
    with pytest.raises(UnreadableFileError, match=told) as failure:
        read(tmp_path / "a.csv", head + b"\nstripe,pm_1\n", csv=True)

    assert CARD not in str(failure.value)


def test_a_name_tells_the_form_unless_it_is_given() -> None:
    assert form_of(Path("a.CSV"), None) == "csv"
    assert form_of(Path("a.ndjson"), None) == "jsonl"
    assert form_of(Path("a.txt"), "jsonl") == "jsonl"
    with pytest.raises(UnreadableFileError, match="--format"):
        form_of(Path("a.txt"), None)
