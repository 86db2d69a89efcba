"""Transfers that take back what others have posted; pure but for their ids."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from hub.ids import new_id

_KEPT: Final = ("livemode", "currency", "payment_id", "operation_id", "line_id", "exception_id")


def posted_back(posted: Iterable[Mapping[Any, Any]], at: datetime, code: str) -> list[dict[str, Any]]:
    """Make the transfers that take back what *posted* leave standing, which may hold some that took back before.

    Each pair of accounts is netted by itself, so that what comes back is what was posted, and by the same way.
    """
    nets: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in posted:
        first, second = sorted((row["debit"], row["credit"]))
        sign = 1 if row["debit"] == first else -1
        nets[first, second, *(row[name] for name in _KEPT)] += sign * row["amount_minor"]
    made = []
    for (first, second, *kept), net in nets.items():
        if net:
            debit, credit = (second, first) if net > 0 else (first, second)
            sides = {"id": new_id("trf_"), "debit": debit, "credit": credit, "amount_minor": abs(net)}
            made.append(sides | dict(zip(_KEPT, kept, strict=True)) | {"code": code, "created_at": at})
    return made
