"""Which offset the abbreviation beside a date means; each season of a zone has its own.

Abbreviations are ambiguous in the world; here they mean what they mean where Adyen lets accounts be set to them: BST is
British, CST American and IST Indian. A name such as Europe/Amsterdam is taken too.
Source: https://docs.adyen.com/reporting/time-zone-setting
"""

from collections.abc import Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from normalization.cells import CellError

_MINUTES: Final = {
    "GMT": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180, "MSK": 180,
    "SAST": 120, "GST": 240, "IST": 330, "SGT": 480, "HKT": 480, "MYT": 480, "AWST": 480, "JST": 540, "KST": 540,
    "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780, "BRT": -180, "BRST": -120,
    "AST": -240, "ADT": -180, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600,
}  # fmt: skip

ABBREVIATIONS: Final[Mapping[str, tzinfo]] = MappingProxyType(
    {"UTC": UTC, **{name: timezone(timedelta(minutes=minutes), name) for name, minutes in _MINUTES.items()}}
)
"""The offset of each."""


@lru_cache(maxsize=64)
def zone_of(name: str, column: str) -> tzinfo:
    """Give the zone that *name* means.

    Raises:
        CellError: when it is none that is known: a date would be guessed.
    """
    if name in ABBREVIATIONS:
        return ABBREVIATIONS[name]
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CellError(column, "is no time zone that the hub knows, such as CET or Europe/Amsterdam") from None
