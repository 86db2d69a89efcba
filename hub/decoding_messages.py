"""The decoder's findings, in words for people who write requests; values are never repeated.

Source: the messages of msgspec 0.22, such as "Expected `int`, got `str` - at `$.fees[0].fixed_minor`". A message that
is not known is passed on as it is: those come from our own Structs.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from hub.declared_values import values_at
from hub.field_errors import FieldError
from hub.pan import find_card_number

NAME_MAX: Final = 64
NAMED_MAX: Final = 20
"""Where a field takes more values than that, such as currencies, they are not all named."""
_WHERE: Final = re.compile(r" - at (?:(`key`) in )?`\$([^`]*)`\Z")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_FORM: Final = re.compile(r"Expected `str(?: \| null)?` matching regex .(.*).\Z", re.DOTALL)
_GOT: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_BOUND: Final = re.compile(r"Expected `(?:int|float)(?: \| null)?` (>=|<=|>|<) ([-0-9.]+)")
_LENGTH: Final = re.compile(r"Expected `(str|array|object|bytes)(?: \| null)?` of length (>=|<=|==) ([0-9]+)")
_OWN: Final = re.compile(r"([a-z][a-z0-9_.\[\]]*): (.+)", re.DOTALL)
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
    "datetime": "a time",
}
_RECEIVED: Final = {
    **_KINDS,
    "float": "a number with a fraction or an exponent",
    "bool": "true or false, which is no such value",
}
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly"}
_UNITS: Final = {"str": "characters", "bytes": "bytes", "array": "entries", "object": "entries"}
_NO_SUCH_VALUE: Final = ("Invalid enum value", "Invalid value")
_FIXED: Final = (
    ("Invalid enum value", "is not one of the values this field takes, spelt exactly so (codes are upper case)"),
    ("Invalid value", "is not one of the values this field takes"),
    ("Expected `datetime` with a timezone", "must be a time with its offset, such as 2026-11-21T09:00:00Z"),
    ("Invalid RFC3339 encoded datetime", "must be a time such as 2026-11-21T09:00:00Z"),
    ("Number out of range", "is a number out of range"),
    ("Integer value out of range", "is a number out of range"),
)


def field_error(told: str, declared: Any = None) -> FieldError:  # noqa: ANN401 - any type that is decoded into
    """Translate one message of the decoder; *declared* is what it decoded into."""
    where = _WHERE.search(told)
    path = _readable(where.group(2)) if where else ""
    message = told[: where.start()] if where else told
    if message.startswith(_NO_SUCH_VALUE) and declared is not None and not (where and where.group(1)):
        return FieldError(
            path or "(body)", _one_of(values_at(declared, where.group(2) if where else "")) or _say(message)
        )
    if where and where.group(1):
        return FieldError(path, f"has a key that {_say(message)}")
    for missing_or_unknown, words in ((_MISSING, "is required"), (_UNKNOWN, "is not a field of this request")):
        if found := missing_or_unknown.match(message):
            return FieldError(_inside(path, _shortened(found.group(1))), words)
    if not message.startswith(("Expected", "Invalid")) and (own := _OWN.fullmatch(message)):
        return FieldError(_inside(path, own.group(1)), own.group(2))
    return FieldError(path or "(body)", _say(message))


def parameter_message(told: str, declared: Any) -> str:  # noqa: ANN401 - any type that a handler declares
    """Translate what the decoder says of a parameter of the address, where everything is text; None: not declared."""
    if told.startswith(_NO_SUCH_VALUE) and declared is not None:
        return _one_of(values_at(declared, "") or values_at(declared, "[]")) or _say(told)
    if found := _GOT.match(told):
        return f"must be {_wanted(found.group(1).removesuffix(' | null'))}"
    said = _say(told)
    return said if said != told else "is missing or not a value this parameter takes"


def _one_of(values: Sequence[str]) -> str | None:
    return f"must be one of {', '.join(values)}" if 0 < len(values) <= NAMED_MAX else None


def _wanted(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | "))


def _say(message: str) -> str:
    for beginning, words in _FIXED:
        if message.startswith(beginning):
            return words
    if found := _FORM.match(message):
        return f"does not have the form this field takes{_shown(found.group(1))}"
    if found := _BOUND.match(message):
        return f"must be {_BOUNDS[found.group(1)]} {found.group(2)}"
    if found := _LENGTH.match(message):
        return f"must have {_BOUNDS[found.group(2)]} {found.group(3)} {_UNITS[found.group(1)]}"
    if found := _GOT.match(message):
        return f"must be {_wanted(found.group(1))}, not {_RECEIVED.get(found.group(2), found.group(2))}"
    if found := re.match(r"Expected `([^`]*)`\Z", message):
        return f"must be {_KINDS.get(found.group(1), found.group(1))}"
    return message


def _shown(pattern: str) -> str:
    """Show a pattern of ours, which the decoder's message repeats; one that looks ahead would puzzle more than tell."""
    return "" if "(?" in pattern else ": " + pattern.replace(r"\\Z", "$")


def _readable(path: str) -> str:
    """Turn `.fees[0].x` into `fees[0].x`, and `.metadata[...]` into `metadata.*`."""
    return path.replace("[...]", ".*").removeprefix(".")


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shortened(name: str) -> str:
    if find_card_number(name) is not None:
        return "(a key)"
    return name if len(name) <= NAME_MAX else name[:NAME_MAX] + "…"
