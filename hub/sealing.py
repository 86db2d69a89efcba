"""Secrets at rest: sealed with a key of their own, which is wrapped by a key from the settings.

A sealed value is one byte of format, the wrapping key's id with its length, a nonce and the wrapped data key, a nonce
and the sealed bytes. Both seals are AES-256-GCM and bind the row's identity, so that a value copied to another row does
not open. Changing the wrapping key rewraps 32 bytes and leaves the secret sealed.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORMAT: Final = 1
_NONCE: Final = 12
_WRAPPED: Final = 32 + 16  # A data key and its authentication tag.


class SealBrokenError(Exception):
    """A sealed value does not open: another row's, altered, or sealed with a key that is not in the settings."""


class Sealer:
    """Seals and opens with *keys* (id to 32 bytes); the first seals, all of them open."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = next(iter(keys))
        # From the oldest key, so that putting a new one first leaves standing fingerprints as they are.
        oldest = list(keys.values())[-1]
        self._hmac_key = HKDF(SHA256(), 32, salt=None, info=b"payment-hub fingerprint").derive(oldest)

    def __repr__(self) -> str:
        return f"Sealer({', '.join(self._keys)})"

    def seal(self, plain: bytes, identity: str) -> bytes:
        """Seal *plain* for the row called *identity* (table, id and column)."""
        data_key = AESGCM.generate_key(256)
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(data_key).encrypt(nonce, plain, identity.encode())
        return self._wrap(data_key, identity) + nonce + sealed

    def open(self, sealed: bytes, identity: str) -> bytes:
        """Open what `seal` made for the same *identity*.

        Raises:
            SealBrokenError: when it is another row's, was altered, or its key is not in the settings.
        """
        data_key, rest = self._unwrap(sealed, identity)
        try:
            return AESGCM(data_key).decrypt(rest[:_NONCE], rest[_NONCE:], identity.encode())
        except (InvalidTag, ValueError) as broken:
            raise SealBrokenError(f"{identity}: the seal is broken") from broken

    def needs_rewrap(self, sealed: bytes) -> bool:
        """Whether *sealed* is wrapped by another key than the first."""
        return _key_id(sealed)[0] != self._active

    def rewrap(self, sealed: bytes, identity: str) -> bytes:
        """Wrap the data key of *sealed* with the first key; the secret itself is not opened.

        Raises:
            SealBrokenError: as `open`.
        """
        data_key, rest = self._unwrap(sealed, identity)
        return self._wrap(data_key, identity) + rest

    def hmac(self, data: bytes) -> str:
        """Fingerprint data that must not be kept itself: hexadecimal, equal for equal data on every process."""
        return hmac.new(self._hmac_key, data, hashlib.sha256).hexdigest()

    def _wrap(self, data_key: bytes, identity: str) -> bytes:
        key_id = self._active.encode()
        nonce = os.urandom(_NONCE)
        wrapped = self._keys[self._active].encrypt(nonce, data_key, b"key of " + identity.encode())
        return bytes([_FORMAT, len(key_id)]) + key_id + nonce + wrapped

    def _unwrap(self, sealed: bytes, identity: str) -> tuple[bytes, bytes]:
        key_id, at = _key_id(sealed)
        key = self._keys.get(key_id)
        if key is None:
            raise SealBrokenError(f"{identity}: sealed with the key {key_id!r}, which HUB_KEYS does not hold")
        nonce, wrapped = sealed[at : at + _NONCE], sealed[at + _NONCE : at + _NONCE + _WRAPPED]
        try:
            data_key = key.decrypt(nonce, wrapped, b"key of " + identity.encode())
        except (InvalidTag, ValueError) as broken:
            raise SealBrokenError(f"{identity}: the seal is broken") from broken
        return data_key, sealed[at + _NONCE + _WRAPPED :]


def _key_id(sealed: bytes) -> tuple[str, int]:
    if len(sealed) < 2 or sealed[0] != _FORMAT:  # noqa: PLR2004 - format and length
        raise SealBrokenError("not a sealed value")
    end = 2 + sealed[1]
    return sealed[2:end].decode("ascii", "replace"), end
