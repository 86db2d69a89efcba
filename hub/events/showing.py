"""An event as everybody sees it: in lists, by itself, and delivered."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping


class EventShown(Struct, frozen=True, kw_only=True):
    """Something that happened; `data` is the object as the API showed it then."""

    id: str
    type: str
    position: int
    created_at: datetime
    data: dict[str, Any]


def shown(row: RowMapping) -> EventShown:
    """Read a row of `events` that has its position."""
    return EventShown(
        id=row["id"],
        type=row["type"],
        position=row["position"],
        created_at=row["created_at"],
        data=msgspec.json.decode(row["data"]),
    )
