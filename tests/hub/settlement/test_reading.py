"""From rows to lines: masked, added up, and what cannot be read told by line and column."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from adapters.abilities import SettlementReport
from hub.settlement.reading import Chunk, ReportReader, Total, unbearable
from normalization.money import Currency
from normalization.settlements import BrokenRow, LineType, NotAReportError, SettlementLine

AT = datetime(2026, 11, 18, tzinfo=UTC)
CARD = "4111111111111111"


class Counting:
    """A report of three columns, whose lines have no names but are counted."""

    format = "counting"

    def __init__(self, header: Sequence[str]) -> None:
        if list(header) != ["type", "amount", "note"]:
            raise NotAReportError("there is no column amount")
        self.count = 0

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        self.count += 1
        type_, amount, note = cells
        if type_ == "total":
            return None
        if not amount.lstrip("-").isdigit():
            return BrokenRow(column="amount", message=f"is no amount: {amount}")
        minor = int(amount)
        return SettlementLine(
            key=str(self.count),
            type=LineType.UNMAPPED if type_.isdigit() else LineType(type_),
            raw_type=type_,
            gross_minor=minor,
            fee_minor=1,
            net_minor=minor - 1,
            currency=Currency.EUR,
            booked_at=AT,
            description=note,
            processor_reference=note,
        )


def opened(header: Sequence[str]) -> SettlementReport:
    return Counting(header)


def read(text: str, skipping: int = 0) -> Chunk:
    reader = ReportReader(opened)
    rows = reader.feed(f"type,amount,note\n{text}".encode(), last=True)
    reader.skip(rows[:skipping])
    return reader.read(rows[skipping:])


def test_every_row_is_a_line_a_broken_row_or_told_to_be_none() -> None:
    chunk = read("charge,500,a\ntotal,9,b\ncharge,x,c\ncharge,1\nrefund,-200,d\n")

    assert (chunk.rows, chunk.skipped) == (5, 1)
    assert [(new.number, new.line.key, new.raw) for new in chunk.lines] == [
        (2, "1", '["charge","500","a"]'),
        (6, "4", '["refund","-200","d"]'),
    ]
    assert [(row.number, row.column, row.message) for row in chunk.broken] == [
        (4, "amount", "is no amount: x"),
        (5, None, "has 2 cells where the header names 3 columns"),
    ]


def test_lines_are_added_up_without_the_payout_which_stands_beside() -> None:
    chunk = read("charge,500,\nrefund,-200,\npayout,298,\n")

    assert chunk.totals == {"EUR": Total(gross=300, fee=2, net=298, payout=297)}


def test_who_goes_on_counts_as_if_it_had_never_stopped() -> None:
    text = "charge,500,a\ncharge,501,b\ncharge,502,c\n"

    assert [new.line.key for new in read(text, skipping=2).lines] == [read(text).lines[2].line.key] == ["3"]


def test_card_numbers_are_masked_where_they_are_kept_and_counted() -> None:
    chunk = read(f"charge,500,paid with {CARD}\ncharge,{CARD}x,c\n")

    assert chunk.masked == 2
    assert json.loads(chunk.lines[0].raw)[2] == "paid with 411111******1111"
    assert chunk.lines[0].line.description == "paid with 411111******1111"
    assert (chunk.broken[0].message, CARD in chunk.broken[0].raw) == ("is no amount: 411111******1111x", False)


def test_a_word_of_the_reports_own_that_is_a_card_number_is_masked_too() -> None:
    (new,) = read(f"{CARD},500,fine\n").lines

    assert new.line.raw_type == "411111******1111"


def test_a_reference_of_sixteen_digits_is_no_card() -> None:
    assert json.loads(read("charge,500,8835511210681324\n").lines[0].raw)[2] == "8835511210681324"


def test_a_row_that_an_adapter_chokes_on_is_broken_and_the_rest_goes_on() -> None:
    chunk = read("nothing,500,a\ncharge,500,b\n")

    assert (len(chunk.lines), chunk.broken[0].message) == (1, "cannot be read by this version: ValueError")


def test_a_header_that_is_none_is_told_by_what_is_missing() -> None:
    with pytest.raises(NotAReportError, match="no column amount"):
        ReportReader(opened).feed(b"type,note\n", last=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"booked_at": datetime(1, 1, 1, tzinfo=UTC)},
        {"booked_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"key": "x" * 501},
        {"tag": "x" * 501},
        {"batch": "x" * 501},
        {"parent_reference": "x" * 501},
    ],
)
def test_a_row_of_no_day_or_with_an_endless_name_is_broken_so_that_no_other_suffers(changes: dict[str, object]) -> None:
    (good,) = read("charge,100,fine\n").lines

    assert unbearable(good.line) is None
    assert isinstance(unbearable(replace(good.line, **changes)), BrokenRow)
