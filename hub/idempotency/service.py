"""One key, one answer: what to say to a request whose key stands already."""

from typing import Final

from msgspec import Struct

from hub import metrics
from hub.database import Database
from hub.errors import ProblemError
from hub.idempotency.store import Key, Stored, find_key

RETRY_AFTER_S: Final = 2


class Reply(Struct, frozen=True, kw_only=True):
    """An answer to send: `location` is where the outcome is read; `replayed`: it was given before."""

    status: int
    body: bytes
    location: str
    replayed: bool = False


async def look_up(database: Database, key: Key, *, livemode: bool) -> Reply | None:
    """Find the answer that *key* was given; None for a new key.

    Raises:
        ProblemError: idempotency_key_reused for another request, idempotency_in_progress while there is no answer.
    """
    stored = await find_key(database, livemode, key.key)
    return None if stored is None else settle(stored, key)


def settle(stored: Stored, key: Key) -> Reply:
    """Answer a request from what stands under its key.

    Raises:
        ProblemError: as `look_up`.
    """
    if stored.fingerprint != key.fingerprint and stored.fingerprint not in key.also:
        raise ProblemError(
            "idempotency_key_reused", "this Idempotency-Key was used for another request; take a new key for a new wish"
        )
    if stored.status is None or stored.answer is None:
        raise ProblemError(
            "idempotency_in_progress",
            "the first request with this Idempotency-Key is still under way; send it again later",
            retry_after=RETRY_AFTER_S,
        )
    metrics.REPLAYS.inc()
    return Reply(status=stored.status, body=stored.answer, location=stored.location, replayed=True)
