"""Attempts and declines by whom they concern, in buckets of five minutes: how they are named and summed. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

from routing.facts import DECLINES, SUBJECTS, VELOCITY, WINDOWS_H, Facts

BUCKET_S: Final = 300
HOUR_S: Final = 3_600
KEPT_S: Final = max(WINDOWS_H.values()) * HOUR_S + BUCKET_S
KINDS: Final = {VELOCITY: "a", DECLINES: "d"}
"""How the fields that count a family of facts begin."""

Subjects = Mapping[str, str]
"""Whom an attempt concerns: what is meant (such as `customer`) to its key, which tells nobody who it is."""


def subjects_of(facts: Facts, payment_method: str | None) -> Subjects:
    """Say whom an attempt concerns; what the payment does not tell is left out."""
    device = facts.risk.get("device_id")
    told = {"payment_method": payment_method, "customer": facts.customer, "device": device}
    mode = "live" if facts.livemode else "test"
    return {of: _key(mode, of, str(told[of])) for of in SUBJECTS if told[of] is not None}


def bucket(at: datetime, back_s: int = 0) -> int:
    """Number the bucket of the instant *back_s* before *at*."""
    return (int(at.timestamp()) - back_s) // BUCKET_S


def field(family: str, at: datetime) -> str:
    """Name the field that counts what happened *at* an instant."""
    return f"{KINDS[family]}{bucket(at)}"


def totals(fields: Mapping[str, int], of: str, at: datetime) -> dict[str, int]:
    """Sum one subject's *fields* to the facts about it."""
    found = {}
    for family, kind in KINDS.items():
        for window, hours in WINDOWS_H.items():
            first = bucket(at, hours * HOUR_S)
            found[f"{family}{of}.{window}"] = sum(
                count for name, count in fields.items() if name[0] == kind and int(name[1:]) >= first
            )
    return found


def kept(fields: Iterable[str], at: datetime) -> set[str]:
    """Say which of *fields* still count."""
    first = bucket(at, KEPT_S)
    return {name for name in fields if int(name[1:]) >= first}


def _key(mode: str, of: str, text: str) -> str:
    return f"hub:counted:{mode}:{of}:{sha256(text.encode()).hexdigest()[:32]}"
