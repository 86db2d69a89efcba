"""Rows of the outbox, as every domain writes them in the commit of its change."""

from datetime import datetime
from typing import Any

from hub.ids import new_id


def event_row(type_: str, object_id: str, data: bytes, *, livemode: bool, at: datetime) -> dict[str, Any]:
    """Make the row of an event that has no position yet; *data* is the object as the API shows it, as JSON."""
    return {
        "id": new_id("evt_"),
        "livemode": livemode,
        "type": type_,
        "object_id": object_id,
        "data": data,
        "position": None,
        "created_at": at,
    }
