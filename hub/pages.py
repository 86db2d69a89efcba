"""Lists in pages, from an opaque cursor on: newest first, but events in the order of their positions."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

from litestar.params import QueryParameter
from sqlalchemy import RowMapping

from hub.errors import FieldError, ProblemError

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
_CURSOR_MAX: Final = 80
_DIGITS_MAX: Final = 18  # So that a position fits a BIGINT.
Row = TypeVar("Row", bound=Mapping[str, Any] | RowMapping)

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many to list at most.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]


def write_cursor(last_id: str) -> str:
    """Make the cursor of what comes after *last_id*."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """Read a cursor back into the id that was listed last.

    Raises:
        ProblemError: validation_failed for what `write_cursor` did not make.
    """
    if cursor is None:
        return None
    try:
        if len(cursor) <= _CURSOR_MAX:
            read = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
            if read.isprintable() and write_cursor(read) == cursor:
                return read
    except (binascii.Error, ValueError):
        pass
    raise refused()


def write_position(position: int) -> str:
    """Make the cursor of what comes after *position*."""
    return write_cursor(str(position))


def read_position(cursor: str | None) -> int:
    """Read a cursor back into a position; without one, the position before the first.

    Raises:
        ProblemError: validation_failed for what `write_position` did not make.
    """
    read = read_cursor(cursor)
    if read is None:
        return 0
    if len(read) <= _DIGITS_MAX and read.isdecimal() and write_position(int(read)) == cursor:
        return int(read)
    raise refused()


def refused() -> ProblemError:
    """Make the problem of a cursor that does not belong to the list."""
    error = FieldError("cursor", "is not a next_cursor of this list")
    return ProblemError("validation_failed", "the cursor is not valid", errors=[error])


def page(rows: Sequence[Row], limit: int) -> tuple[list[Row], str | None]:
    """Cut *rows*, read with a limit one larger than *limit*, into a page and its next cursor."""
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), write_cursor(rows[limit - 1]["id"])
