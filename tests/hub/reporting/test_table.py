"""A reconciliation at terminals of any width."""

import io
from datetime import date

import pytest
from rich.console import Console

from hub.reporting.grouping import GroupBy
from hub.reporting.showing import Reconciliation, ReconciliationRow
from hub.reporting.table import print_reconciliation, side_by_side

NAMES = {"ma_1": "stripe-eu"}
FIGURES = dict.fromkeys(
    ("expected", "authorized", "captured", "refunded", "disputed", "surplus", "settled", "adjusted", "unmatched",
     "fees", "reserve", "exchange_loss", "paid_out", "received", "outstanding", "exceptions", "at_risk"),
    0,
)  # fmt: skip


def row(account: str | None = "ma_1", **more: object) -> ReconciliationRow:
    group = dict.fromkeys(("day", "processor", "ruleset", "version", "rule"))
    told = group | FIGURES | {"merchant_account": account, "currency": "EUR"} | more
    return ReconciliationRow(**told)  # type: ignore[arg-type]  # Each value is of its field's type.


def printed(width: int, *rows: ReconciliationRow, ways: tuple[GroupBy, ...] = ("merchant_account",)) -> str:
    """Print rows and a total of 1,234,567.89 EUR on a terminal of *width*."""
    march = {"first": date(2026, 3, 1), "last": date(2026, 3, 31), "group_by": [*ways]}
    body = Reconciliation(livemode=True, data=[*rows], totals=[row(None, captured=123_456_789)], **march)  # type: ignore[arg-type]  # As above.
    file = io.StringIO()
    print_reconciliation(Console(file=file, width=width), body, ways, NAMES)
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 300])
def test_no_figure_is_cut_however_narrow_the_terminal(width: int) -> None:
    told = printed(width, row(captured=123_456_789, outstanding=-9_999_999, at_risk=1))

    assert [line for line in told.splitlines() if len(line) > width or "…" in line] == []
    assert told.count("1,234,567.89") == 2
    assert (told.count("-99,999.99"), told.count("0.01")) == (1, 1)


def test_eighty_columns_take_two_tables_and_each_names_its_rows() -> None:
    told = printed(80, row(captured=14_999, settled=13_000, at_risk=950))

    assert (told.count("stripe-eu"), told.count("│ all ")) == (2, 2)


def test_figures_that_are_0_everywhere_are_left_out_where_they_are_rare() -> None:
    assert "unmatched" not in printed(300, row())
    assert "unmatched" in printed(300, row(), row(unmatched=5))
    assert "captured" in printed(300, row())


def test_a_ruleset_is_named_by_its_id_only_where_its_version_does_not_tell() -> None:
    first, second = row(ruleset="rs_1", version=1, rule="cards"), row(ruleset="rs_2", version=1, rule="cards")

    assert "rs_1" not in printed(300, first, ways=("ruleset",))
    assert "rs_1" in printed(300, first, second, ways=("ruleset",))


def test_days_in_which_nothing_happened_are_told_in_a_sentence() -> None:
    assert printed(80).startswith("live mode, 2026-03-01 to 2026-03-31: nothing was booked")


def test_columns_are_parted_where_there_is_no_more_room_and_each_part_has_one_at_least() -> None:
    assert side_by_side([5, 5, 5], 10) == [range(2), range(2, 3)]
    assert side_by_side([50, 5, 5], 10) == [range(1), range(1, 3)]
