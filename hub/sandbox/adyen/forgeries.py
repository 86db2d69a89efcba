"""
Webhooks that Adyen did not send, each wrong in one way. Pure.

In a batch the last item is the wrong one, except where the name says otherwise; a batch of one gets a second.
"""

import copy
from collections.abc import Callable
from typing import Any, Final

import msgspec

from hub.sandbox.adyen import notices, token_notices

Json = dict[str, Any]

_OTHER_KEY: Final = "00" * 32
_OTHER_ACCOUNT: Final = "AnotherMerchantECOM"


def _with_key(items: list[Json], *, key: str) -> None:
    for item in items:
        _sign(item, key)


def _first(items: list[Json], _: str) -> None:
    _sign(items[0], _OTHER_KEY)


def _second(items: list[Json], _: str) -> None:
    if len(items) == 1:
        items.append(copy.deepcopy(items[0]))
        items[1]["amount"]["value"] += 1
    _sign(items[-1], _OTHER_KEY)


def _changed(items: list[Json], _: str) -> None:
    items[-1]["amount"]["value"] += 1


def _without_signature(items: list[Json], _: str) -> None:
    del items[-1]["additionalData"]["hmacSignature"]


def _without_data(items: list[Json], _: str) -> None:
    del items[-1]["additionalData"]


def _elsewhere(items: list[Json], key: str) -> None:
    items[-1]["merchantAccountCode"] = _OTHER_ACCOUNT
    _sign(items[-1], key)


_OF_ITEMS: Final[dict[str, Callable[[list[Json], str], None]]] = {
    "signature": lambda items, _: _with_key(items, key=_OTHER_KEY),
    "first_item": _first,
    "second_item": _second,
    "changed": _changed,
    "missing_signature": _without_signature,
    "missing_additional_data": _without_data,
    "other_account": _elsewhere,
    "live": lambda _items, _key: None,
}
NAMES: Final[tuple[str, ...]] = tuple(_OF_ITEMS)
"""The first is the usual one. `other_account` and `live` are signed well and are not this account's, or test mode's."""


def forged(body: bytes, key: str, how: str) -> bytes:
    """Make a forgery of a standard webhook."""
    told = msgspec.json.decode(notices.signed(body, key))
    items = [wrapped[notices.WRAPPED] for wrapped in told["notificationItems"]]
    _OF_ITEMS[how](items, key)
    live = "true" if how == "live" else told["live"]
    return notices.envelope(items, live=live)


def forged_token(body: bytes, key: str, how: str) -> tuple[bytes, dict[str, str]]:
    """Make a forgery of a token's webhook, which is signed as a whole, in a header."""
    told = msgspec.json.decode(body)
    if how == "other_account":
        told["data"]["merchantAccount"] = _OTHER_ACCOUNT
    elif how == "live":
        told["environment"] = "live"
    elif how == "changed":
        told["data"]["shopperReference"] = "another"
        return msgspec.json.encode(told), token_notices.headers(body, key)
    elif how in {"missing_signature", "missing_additional_data"}:
        return body, {}
    else:
        key = _OTHER_KEY
    made = msgspec.json.encode(told)
    return made, token_notices.headers(made, key)


def _sign(item: Json, key: str) -> None:
    item["additionalData"]["hmacSignature"] = notices.signature(item, key)
