"""What gives back what was posted: as much as still stands, between the same accounts, for the same cause."""

from datetime import UTC, datetime
from typing import Any

from hub.settlement.taking_back import posted_back

AT = datetime(2026, 11, 22, tzinfo=UTC)


def posted(debit: str, credit: str, minor: int, **changes: Any) -> dict[str, Any]:
    cause = {"payment_id": "pay_1", "operation_id": "att_1", "line_id": "sl_1", "exception_id": None}
    row = {"debit": debit, "credit": credit, "amount_minor": minor, "livemode": True, "currency": "EUR"}
    return row | cause | changes


def back(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    made = posted_back(rows, AT, "line_superseded")
    assert all(one.pop("id").startswith("trf_") for one in made)
    return made


def test_what_was_posted_comes_back_the_same_way() -> None:
    made = back(posted("b", "a", 300), posted("a", "c", 50))

    told = {"code": "line_superseded", "created_at": AT}
    assert made == [posted("a", "b", 300) | told, posted("c", "a", 50) | told]


def test_what_was_taken_back_before_is_not_taken_back_again() -> None:
    assert back(posted("b", "a", 300), posted("a", "b", 300)) == []
    (rest,) = back(posted("a", "b", 300), posted("b", "a", 100))
    assert (rest["debit"], rest["credit"], rest["amount_minor"]) == ("b", "a", 200)


def test_what_had_different_causes_currencies_or_modes_is_taken_back_apart() -> None:
    others: list[dict[str, Any]] = [
        {"currency": "USD"}, {"livemode": False}, {"payment_id": None}, {"operation_id": "att_2"}, {"line_id": "sl_2"},
        {"exception_id": "exc_1"},
    ]  # fmt: skip

    made = back(posted("a", "b", 300), *(posted("b", "a", 300, **other) for other in others))

    assert len(made) == 7
    assert [{name: one[name] for name in other} for one, other in zip(made[1:], others, strict=True)] == others
