"""Who may ask for what, and how a refusal goes over the wire."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from hub.sandbox.adyen import replies
from hub.sandbox.adyen.errors import UNAUTHORIZED, WRONG_ACCOUNT, WireError
from hub.sandbox.faults import Answer

WITH_REFERENCE = frozenset({403, 422})
"""The refusals that come with a reference of Adyen's own."""


def told(work: Callable[[], Answer], request: web.Request | None = None) -> Answer:
    """Answer what is wrong as Adyen words it; with *request*, its credentials first."""
    try:
        if request is not None:
            _admit_key(request.headers.get("x-api-key", ""))
        return work()
    except WireError as error:
        psp = replies.new_psp() if error.problem.status in WITH_REFERENCE else ""
        return error.problem.answer(psp)


def admit_account(account: object) -> None:
    """
    Let an account of the company in; one whose name begins with Forbidden is not this key's.

    Raises:
        WireError: when it is none.

    """
    if not isinstance(account, str) or not account or account.startswith("Forbidden"):
        raise WireError(WRONG_ACCOUNT)


def body_or_nothing(raw: bytes) -> dict[str, object]:
    """Read a body for faults and the log, however wrong it is."""
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _admit_key(key: str) -> None:
    if not key or key.startswith("invalid"):
        raise WireError(UNAUTHORIZED)
