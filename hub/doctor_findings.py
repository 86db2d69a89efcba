"""What a look of `hub doctor` comes to."""

from datetime import datetime

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """What one look found; `mend` says what to do where something is wrong."""

    check: str
    ok: bool
    told: str
    mend: str | None = None


def good(check: str, told: str, mend: str | None = None) -> Finding:
    """Say that nothing is wrong; *mend* is what may be looked at nevertheless."""
    return Finding(check=check, ok=True, told=told, mend=mend)


def wrong(check: str, told: str, mend: str) -> Finding:
    """Say what is wrong."""
    return Finding(check=check, ok=False, told=told, mend=mend)


def instant(at: datetime) -> str:
    """Write an instant as a finding says it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
