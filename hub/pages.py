"""Lists in pages: newest first, from an opaque cursor on."""

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
    error = FieldError("cursor", "is not a next_cursor of this list")
    raise ProblemError("validation_failed", "the cursor is not valid", errors=[error])


def page(rows: Sequence[Row], limit: int) -> tuple[list[Row], str | None]:
    """Cut *rows*, read with a limit one larger than *limit*, into a page and its next cursor."""
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), write_cursor(rows[limit - 1]["id"])
