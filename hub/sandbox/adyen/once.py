"""
Adyen's idempotency: a key answers with what it answered first.

A key belongs to the company, not to one merchant account, and is compared with nothing: another body under
the same key gets the first body's answer. Under another endpoint it is refused as already processed.
Refused credentials and unreadable bodies use no key up.

Source: https://docs.adyen.com/development-resources/api-idempotency
"""

from collections.abc import Callable
from typing import Final

from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.errors import IN_USE, KEY_TOO_LONG, WireError
from hub.sandbox.adyen.records import COMPANY
from hub.sandbox.book import Stored
from hub.sandbox.faults import Answer

HEADER: Final = "Idempotency-Key"
KEPT_S: Final = 7 * 86400
KEY_MAX: Final = 64
_KEPT_FROM: Final = {200, 201, 422}


def once(desk: Desk, key: str, endpoint: str, work: Callable[[], Answer]) -> Answer:
    """
    Do *work* unless *key* has been answered.

    Raises:
        WireError: when the key is too long, or belongs to another endpoint's request.

    """
    if not key:
        return work()
    if len(key) > KEY_MAX:
        raise WireError(KEY_TOO_LONG)
    stored = desk.book.recall(COMPANY, key)
    if stored is not None and desk.now() - stored.at < KEPT_S:
        if stored.fingerprint != endpoint.encode():
            raise WireError(IN_USE)
        return Answer(stored.status, stored.body, {HEADER: key})
    done = work()
    if done.status not in _KEPT_FROM:
        return done
    desk.book.remember(COMPANY, key, Stored(endpoint.encode(), done.status, done.body, desk.now()))
    return Answer(done.status, done.body, {**done.headers, HEADER: key})
