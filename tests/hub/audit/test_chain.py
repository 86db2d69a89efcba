"""What the chain notices, row by row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.audit.chain import START, Break, Head, follow, link

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def row(n: int, **changes: Any) -> dict[str, Any]:
    said = {"id": f"aud_{n}", "livemode": False, "key_id": "key_1", "principal": "ada", "action": "payment.capture"}
    said |= {"object_id": "pay_1", "details": "{}", "request_id": None, "created_at": AT + timedelta(microseconds=n)}
    return said | changes


def chained(length: int) -> list[dict[str, Any]]:
    head, rows = Head(), []
    for n in range(length):
        head = link(head, row(n))
        rows.append(row(n) | {"position": head.position, "hash": head.hash})
    return rows


def test_a_chain_that_nobody_touched_holds_to_its_end() -> None:
    rows = chained(4)

    assert follow(Head(), rows) == Head(4, rows[-1]["hash"])
    assert follow(Head(2, rows[1]["hash"]), rows[2:]) == Head(4, rows[-1]["hash"])
    assert follow(Head(), []) == Head(0, START)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "aud_x"}, {"livemode": True}, {"key_id": None}, {"principal": "eve"}, {"action": "payment.refund"},
        {"object_id": "pay_2"}, {"details": '{"amount": 1}'}, {"request_id": "req_1"},
        {"created_at": AT + timedelta(microseconds=3)}, {"hash": "0" * 64}, {"hash": None},
    ],
)  # fmt: skip
def test_a_row_that_was_changed_is_named(change: dict[str, Any]) -> None:
    rows = chained(4)
    rows[2] |= change

    broken = follow(Head(), rows)

    assert isinstance(broken, Break)
    assert broken.position == 3
    assert "was changed or put in" in broken.why


def test_whoever_changes_a_row_and_its_hash_would_have_to_change_all_that_follow() -> None:
    rows = chained(4)
    rows[1] |= {"principal": "eve"}
    rows[1]["hash"] = link(Head(1, rows[0]["hash"]), rows[1]).hash

    broken = follow(Head(), rows)

    assert isinstance(broken, Break)
    assert broken.position == 3


def test_what_an_earlier_version_has_chained_holds_still() -> None:
    assert chained(2)[1]["hash"] == "74ec791f3b9908c15aecc174aa299a1fb28117f1d11471e83c914d9fdf23664f"


def test_a_row_that_is_missing_is_named_by_its_position() -> None:
    rows = chained(4)
    del rows[1]

    assert follow(Head(), rows) == Break(2, "position 2 is missing: a row was deleted")


def test_a_row_is_not_hidden_by_numbering_the_others_anew() -> None:
    rows = chained(4)
    del rows[1]
    for position, one in enumerate(rows, 1):
        one["position"] = position

    broken = follow(Head(), rows)

    assert isinstance(broken, Break)
    assert broken.position == 2
