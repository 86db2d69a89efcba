"""What of stored values tells who somebody is, and what is left of them without it; pure."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

ERASED: Final = b'{"erased":true}'
"""What is left of a message of which nothing has to stay."""
MARK: Final = ERASED[:-1]
"""How everything begins that a person was taken out of: only into such a value can an append-only row be changed."""
_EMPTIED: Final[Mapping[str, Any]] = {
    "metadata": {}, "tags": {}, "risk": {}, "fields": {}, "url": "", "continuation": "",
}  # fmt: skip
_FORGOTTEN: Final = frozenset({
    "bin", "last4", "exp_month", "exp_year", "fingerprint", "token", "stored", "customer_reference",
    "network_transaction_id", "return_url", "description",
})  # fmt: skip
"""Left without a value: what they hold is the caller's own words, or known of one card only."""
_NEEDLE_LETTERS_MIN: Final = 6
"""Shorter words stand in too many places that are somebody else's."""


def is_erased(stored: bytes) -> bool:
    """Whether a person was taken out of a stored value before."""
    return stored.startswith(MARK)


def without_person(stored: bytes, *, also: Collection[str] = ()) -> bytes:
    """Take out of a JSON object of ours what tells who somebody is, and mark it; *also* names fields at its top.

    What a struct of ours needs to be read stays, with another value.
    """
    told = msgspec.json.decode(stored)
    if not isinstance(told, dict):
        return ERASED
    left = {name: None if name in also else value for name, value in _cleaned(told).items()}
    return msgspec.json.encode({"erased": True, **left})


def needles(person: Mapping[str, Any], references: Collection[str]) -> list[str]:
    """Choose by which words a person is looked for in messages that name none of our payments.

    *person* is what was kept of a customer, *references* what processors call the person and the cards.
    """
    told = [person.get("email"), person.get("name"), person.get("reference"), *references]
    return sorted({word for word in told if word and len(word) >= _NEEDLE_LETTERS_MIN})


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON value
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _cleaned_field(name, one) for name, one in value.items()}


def _cleaned_field(name: str, value: Any) -> Any:  # noqa: ANN401 - as above
    if name in _EMPTIED:
        return _EMPTIED[name] if value else value
    return None if name in _FORGOTTEN else _cleaned(value)
