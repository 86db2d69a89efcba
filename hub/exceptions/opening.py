"""The rows of an exception that is opened, and of the events that tell what became of it; pure but for its ids."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.events.rows import event_row
from hub.exceptions.showing import exception_body
from hub.exceptions.types import ExceptionType
from hub.ids import new_id

OPEN: Final = "open"
RESOLVED: Final = "resolved"


class Opening(Struct, frozen=True, kw_only=True):
    """A disagreement that was found; `amount_minor` is the money at risk, never negative, `variance_minor` signed.

    `currency` is empty where no money is at risk. An `id` is given where the same thing may be found again and must
    be opened once.
    """

    type: ExceptionType
    livemode: bool
    merchant_account: str
    amount_minor: int
    currency: str
    detail: str
    variance_minor: int | None = None
    payment_id: str | None = None
    operation_id: str | None = None
    line_id: str | None = None
    expected_id: str | None = None
    batch_id: str | None = None
    delivery_id: str | None = None
    context: Mapping[str, Any] | None = None
    id: str | None = None


def open_rows(openings: Iterable[Opening], at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Make the rows of `exceptions` and those of `events` that tell of them, one of each for each opening."""
    rows = [_row(opening, at) for opening in openings]
    return rows, [told_by(row, "exception.opened", at) for row in rows]


def _row(opening: Opening, at: datetime) -> dict[str, Any]:
    row = msgspec.structs.asdict(opening)
    context = opening.context
    row |= {"id": opening.id or new_id("exc_"), "status": OPEN, "created_at": at}
    row["context"] = msgspec.json.encode(context).decode() if context else None
    return row | dict.fromkeys(("owner", "resolution", "resolved_by", "resolved_at"))


def told_by(row: Mapping[Any, Any], type_: str, at: datetime) -> dict[str, Any]:
    """Make the event that shows the exception as it is in *row*."""
    return event_row(type_, row["id"], msgspec.json.encode(exception_body(row)), livemode=row["livemode"], at=at)
