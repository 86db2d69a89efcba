"""The order to erase a person, given in the transaction that forgets the customer."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.erasure import store
from hub.erasure.rules import needles
from hub.ids import new_id
from hub.sealing import Sealer

IDENTITY: Final = "erasures/{}/needles"


async def order(
    connection: AsyncConnection,
    sealer: Sealer,
    customer: Mapping[Any, Any],
    references: Collection[str],
    at: datetime,
) -> None:
    """Have everything gone through that is kept about *customer*, a row as it was before it was forgotten.

    *references* are what processors call the person and the cards.
    """
    erasure_id = new_id("era_")
    words = needles(msgspec.json.decode(customer["person"] or "{}"), references)
    row = {
        "id": erasure_id,
        "livemode": customer["livemode"],
        "customer": customer["id"],
        "needles": sealer.seal(msgspec.json.encode(words), IDENTITY.format(erasure_id)),
        "passes": 0,
        "tries": 0,
        "created_at": at,
    }
    await store.order(connection, row)


def words_of(sealer: Sealer, erasure_id: str, sealed: bytes | None) -> list[str]:
    """Open by which words messages are searched."""
    if sealed is None:
        return []
    return msgspec.json.decode(sealer.open(sealed, IDENTITY.format(erasure_id)), type=list[str])
