"""API keys in use: making, checking and revoking them."""

import hashlib
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from hub.access import store
from hub.access.rules import Caller, Grant, Role
from hub.database import Database
from hub.errors import ProblemError
from hub.ids import new_id

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_SECRET_LETTERS: Final = 32  # Of five bits each.
_FORM: Final = re.compile(r"Bearer (hub_(?:test|live)_[0-9a-z]{32})\Z", re.IGNORECASE)
_HINT_LETTERS: Final = 13
_CACHED_MAX: Final = 10_000


class Keys:
    """Tells who is asking; a key that was seen is believed for `cache_ms` before it is read again."""

    def __init__(
        self, database: Database, *, cache_ms: int = 5_000, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._cache_seconds = cache_ms / 1000
        self._monotonic = monotonic
        self._cached: dict[str, tuple[float, Caller]] = {}

    async def authenticate(self, header: str | None) -> Caller:
        """Read an Authorization header.

        Raises:
            ProblemError: unauthorized, the same for every reason, so that nobody learns which keys exist.
        """
        form = _FORM.match((header or "").rstrip(" \t"))  # Not every server leaves out what blanks follow a header.
        if form is None:
            raise ProblemError("unauthorized", "send an API key in full: Authorization: Bearer hub_…")
        hashed = hash_of(form.group(1))
        until, caller = self._cached.get(hashed, (0.0, None))
        if caller is None or self._monotonic() >= until:
            caller = await self._read(hashed)
        if caller.expires_at is not None and caller.expires_at <= datetime.now(UTC):
            raise ProblemError("unauthorized", "the API key is unknown, revoked or expired")
        return caller

    def forget(self, key_id: str) -> None:
        """Read a key anew at its next use, because it was revoked here."""
        self._cached = {hashed: kept for hashed, kept in self._cached.items() if kept[1].key_id != key_id}

    async def _read(self, hashed: str) -> Caller:
        rows = await self._database.fetch(store.BY_HASH, {"hash": hashed})
        if not rows:
            self._cached.pop(hashed, None)
            raise ProblemError("unauthorized", "the API key is unknown, revoked or expired")
        caller = store.to_caller(rows[0])
        if len(self._cached) >= _CACHED_MAX:
            self._cached.clear()
        self._cached[hashed] = (self._monotonic() + self._cache_seconds, caller)
        return caller


def hash_of(secret: str) -> str:
    """Hash a key as it is stored.

    One round of SHA-256 is enough: slow hashes protect passwords that people chose, and nobody guesses 160 random bits.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret(*, livemode: bool) -> str:
    """Make a key: `hub_test_` or `hub_live_` and 160 random bits."""
    letters = "".join(_LETTERS[byte & 31] for byte in os.urandom(_SECRET_LETTERS))
    return f"hub_{'live' if livemode else 'test'}_{letters}"


async def make_key(
    database: Database,
    grant: Grant,
    *,
    name: str,
    role: Role | None,
    livemode: bool,
    by: Caller | None,
    at: datetime,
    request_id: str | None = None,
) -> tuple[str, str]:
    """Store a new key and give its id and its secret, which is shown this once."""
    secret, key_id = new_secret(livemode=livemode), new_id("key_")
    row = {
        "id": key_id,
        "livemode": livemode,
        "hash": hash_of(secret),
        "hint": secret[:_HINT_LETTERS],
        "name": name,
        "principal": grant.principal,
        "role": role,
        "scopes": _json(sorted(grant.scopes)),
        "merchant_accounts": None if grant.merchant_accounts is None else _json(sorted(grant.merchant_accounts)),
        "refund_max": None if grant.refund_max is None else _json(grant.refund_max),
        "created_at": at,
        "expires_at": grant.expires_at,
        "revoked_at": None,
    }
    details = {"name": name, "principal": grant.principal, "role": role, "scopes": sorted(grant.scopes)}
    told = store.audit_row(by, "api_key.created", key_id, details, livemode=livemode, at=at, request_id=request_id)
    async with database.transaction() as connection:
        await store.add_key(connection, row)
        await connection.execute(store.AUDIT, told)
    return key_id, secret


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
