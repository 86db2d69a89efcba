"""No card number in what a processor says in words: it is masked before anything of it is kept, told or answered."""

from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hub import metrics
from hub.pan import DIGITS_MIN, mask
from normalization.outcome import Declined, Report, Reversed, Verification

_WORDS: Final = ("avs", "cvc", "raw_status", "reason")
_DECLINE_WORDS: Final = ("processor_code", "network_code", "network_advice_code", "processor_advice", "network")
Said = TypeVar("Said", Report, Verification)
T = TypeVar("T", bound=Struct)


def masked(said: Said) -> Said:
    """Keep no card number in what is free text; the processor's references are no such thing."""
    said = _in(said, _WORDS)
    if not isinstance(said.outcome, Declined | Reversed):
        return said
    decline = _in(said.outcome.decline, _DECLINE_WORDS)
    return said if decline is said.outcome.decline else replace(said, outcome=replace(said.outcome, decline=decline))


def _in(told: T, names: tuple[str, ...]) -> T:
    texts = {name: text for name in names if (text := getattr(told, name, None)) and len(text) >= DIGITS_MIN}
    found = {name: shown for name, text in texts.items() if (shown := _counted(text)) != text}
    return replace(told, **found) if found else told


def _counted(text: str) -> str:
    shown, count = mask(text)
    if count:
        metrics.MASKED.inc(count)
    return shown
