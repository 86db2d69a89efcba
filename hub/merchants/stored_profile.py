"""Profiles as they are stored: what can be read of one is shown, and what cannot be is named."""

from typing import Any

import msgspec

from hub.merchants.profile import Profile


def read_profile(stored: str) -> tuple[Profile, list[str]]:
    """Read what can be read, and name the fields that cannot be: they stand at their defaults."""
    fields = stored_fields(stored)
    if fields is None:
        return Profile(), list(Profile.__struct_fields__)
    unreadable = [name for name in Profile.__struct_fields__ if name in fields and not _fits({name: fields[name]})]
    rest = {name: value for name, value in fields.items() if name not in unreadable}
    if not _fits(rest):  # Each is right by itself, and they contradict each other.
        return Profile(), [name for name in Profile.__struct_fields__ if name in fields]
    return msgspec.convert(rest, Profile), unreadable


def stored_fields(stored: str) -> dict[str, Any] | None:
    """Read what was stored as it is; None where it is no JSON object."""
    try:
        return msgspec.json.decode(stored, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _fits(fields: dict[str, Any]) -> bool:
    try:
        msgspec.convert(fields, Profile)
    except msgspec.ValidationError:
        return False
    return True
