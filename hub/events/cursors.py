"""Cursors of the list of events: a position, and which event has it, so that another history's cursor is known."""

from typing import Final

from msgspec import Struct

from hub.errors import FieldError, ProblemError
from hub.pages import read_cursor, refused, write_cursor

_DIGITS_MAX: Final = 18  # So that a position fits a BIGINT.


class Place(Struct, frozen=True):
    """Where somebody has read to: the position of the last event, and its id; 0 and none before the first."""

    position: int = 0
    event_id: str = ""


BEGINNING: Final = Place()


def write_place(place: Place) -> str:
    """Make the cursor of what comes after *place*."""
    return write_cursor(f"{place.position}.{place.event_id}")


def read_place(cursor: str | None) -> Place:
    """Read a cursor back; without one, the place before the first event.

    Raises:
        ProblemError: validation_failed for what `write_place` did not make.
    """
    read = read_cursor(cursor)
    if read is None:
        return BEGINNING
    position, _, event_id = read.partition(".")
    if len(position) <= _DIGITS_MAX and position.isdecimal():
        place = Place(int(position), event_id)
        if write_place(place) == cursor and bool(place.position) is bool(event_id):
            return place
    raise refused()


def of_another_history() -> ProblemError:
    """Make the problem of a cursor that leads on from an event which does not have that position."""
    why = "leads on from an event that is not here: an older state of the hub was restored; begin without a cursor"
    return ProblemError(
        "validation_failed",
        "the cursor is of another history",
        errors=[FieldError("cursor", f"{why}, and skip known ids")],
    )
