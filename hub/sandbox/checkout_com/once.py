"""
Idempotency: a key answers again what it answered, but only a success.

What ended in a 4xx or a 5xx is not kept, so that the same key is attempted again, whatever the first request did. A key
is compared with nothing: another body under the same key gets the first body's answer.

Source: https://www.checkout.com/docs/developer-resources/api/idempotency
"""

from collections.abc import Callable
from typing import Final

from hub.sandbox.book import Book, Stored
from hub.sandbox.faults import Answer

HEADER: Final = "Cko-Idempotency-Key"
KEPT_S: Final = 86400.0
_SUCCESS: Final = range(200, 300)


def once(book: Book, business: str, key: str, endpoint: str, now: float, work: Callable[[], Answer]) -> Answer:
    """Do *work* unless *key* has answered with a success within a day."""
    if not key:
        return work()
    scope = f"{business}/{endpoint}"
    stored = book.recall(scope, key)
    if stored is not None and now - stored.at < KEPT_S:
        return Answer(stored.status, stored.body)
    done = work()
    if done.status in _SUCCESS:
        book.remember(scope, key, Stored(b"", done.status, done.body, now))
    return done


def forget(book: Book, key: str) -> None:
    """Forget a key's answer, since the caller was told of a failure."""
    book.sql.execute("DELETE FROM idempotency WHERE key = ?", (key,))
