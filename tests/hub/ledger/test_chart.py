"""The chart of accounts and the codes of transfers are whole: what the code books stands in them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ledger import chart
from hub.ledger.codes import CODES

HUB = Path(__file__).parent.parent.parent.parent / "hub"
BOOKS = {"Booking": 3, "moved": 4, "_book": 4, "posted_back": 2}
"""What makes a transfer, and which of its arguments is the code."""


def texts(path: Path) -> Iterator[str]:
    """Every code in a module: as an argument of what makes transfers, or under the name `code` beside two sides."""
    tree = ast.parse(path.read_text())
    named = {
        node.target.id: node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }

    def text(node: ast.expr | None) -> Iterator[str]:
        node = named.get(node.id) if isinstance(node, ast.Name) else node
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

    booking = "debit" in path.read_text()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BOOKS:
            place = BOOKS[node.func.id]
            for argument in (*node.args[place : place + 1], *(k.value for k in node.keywords if k.arg == "code")):
                yield from text(argument)
        if isinstance(node, ast.Dict) and booking:
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code":
                    yield from text(value)


def test_every_code_of_the_source_is_explained() -> None:
    domains = ("approvals", "banking", "disputes", "exceptions", "payments", "reporting", "settlement")
    used = {code for domain in domains for path in (HUB / domain).glob("*.py") for code in texts(path)}

    assert {"capture", "dispute_taken", "settled", "line_superseded", "exception_settled"} <= used
    assert used - set(CODES) == set()


def test_a_code_moves_accounts_of_the_chart_only() -> None:
    assert {kind for code in CODES.values() for kind in (*code.debit, *code.credit)} <= set(chart.CHART)


def test_a_code_that_goes_either_way_fits_both_and_another_does_not() -> None:
    assert CODES["settled"].fits("settlement_receivable", "bank_clearing")
    assert CODES["refund"].fits("sales", "settlement_receivable")
    assert not CODES["refund"].fits("settlement_receivable", "sales")


@pytest.mark.parametrize(
    ("name", "kind", "of"),
    [
        (chart.SALES, "sales", None),
        (chart.receivable("ma_1"), "settlement_receivable", "ma_1"),
        (chart.fx_position("EUR"), "fx_position", "EUR"),
    ],
)
def test_an_accounts_name_says_its_kind_and_of_what_it_is(name: str, kind: str, of: str | None) -> None:
    account = chart.read(name)

    assert account is not None
    assert (account.kind.name, account.of) == (kind, of)


@pytest.mark.parametrize("name", ["", "sales:", "sales:ma_1", "suspense", "suspense:", "fx_position:XXQ", "petty_cash"])
def test_what_the_chart_does_not_have_is_no_account(name: str) -> None:
    assert chart.read(name) is None


def test_a_position_holds_its_own_currency_only() -> None:
    position = chart.read(chart.fx_position("EUR"))

    assert position is not None
    assert (position.holds("EUR"), position.holds("USD")) == (True, False)
