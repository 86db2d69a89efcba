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
_KEY_ID_MAX: Final = 255
HEAD_BYTES_MAX: Final = 2 + _KEY_ID_MAX + _NONCE + _WRAPPED


class SealBrokenError(Exception):
    """A sealed value does not open: another row's, altered, or sealed with a key that is not in the settings."""


class Sealer:
    """Seals and opens with *keys* (id to 32 bytes); the first seals, all of them open."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._active = next(iter(keys))
        self._hmac_keys = [
            HKDF(SHA256(), 32, salt=None, info=b"payment-hub fingerprint").derive(key) for key in keys.values()
        ]

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

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys' ids; the first is the one that seals."""
        return tuple(self._keys)

    def needs_rewrap(self, sealed: bytes) -> bool:
        """Whether *sealed*, or how it begins, is wrapped by another key than the first."""
        return key_id_of(sealed) != self._active

    def rewrap(self, sealed: bytes, identity: str) -> bytes:
        """Wrap the data key of *sealed* with the first key; the secret itself is not opened.

        The first `head_bytes` of a value are enough, and give the same of the new one: what follows them stays.

        Raises:
            SealBrokenError: as `open`.
        """
        data_key, rest = self._unwrap(sealed, identity)
        return self._wrap(data_key, identity) + rest

    def hmacs(self, data: bytes) -> list[str]:
        """Fingerprint data that must not be kept itself: hexadecimal, by each key.

        Keep the first, and take any for equal, so that a key may be put before the others or after them at any time.
        """
        return [hmac.new(key, data, hashlib.sha256).hexdigest() for key in self._hmac_keys]

    def _wrap(self, data_key: bytes, identity: str) -> bytes:
        nonce = os.urandom(_NONCE)
        wrapped = self._keys[self._active].encrypt(nonce, data_key, b"key of " + identity.encode())
        return sealed_by(self._active) + nonce + wrapped

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


def sealed_by(key_id: str) -> bytes:
    """How every value begins that is sealed by a key."""
    return bytes([_FORMAT, len(key_id)]) + key_id.encode()


def key_id_of(sealed: bytes) -> str:
    """Name the key that *sealed*, or how it begins, is sealed by.

    Raises:
        SealBrokenError: where it is no sealed value.
    """
    return _key_id(sealed)[0]


def head_bytes(sealed: bytes) -> int:
    """Count the bytes at the beginning of *sealed* that another key changes; `HEAD_BYTES_MAX` at most.

    Raises:
        SealBrokenError: where it is no sealed value.
    """
    return _key_id(sealed)[1] + _NONCE + _WRAPPED


def _key_id(sealed: bytes) -> tuple[str, int]:
    if len(sealed) < 2 or sealed[0] != _FORMAT:  # noqa: PLR2004 - format and length
        raise SealBrokenError("not a sealed value")
    end = 2 + sealed[1]
    return sealed[2:end].decode("ascii", "replace"), end
