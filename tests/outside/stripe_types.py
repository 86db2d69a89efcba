"""Whether a value is what a parameter type of Stripe's SDK allows; the types are Stripe's own reading of its API."""

import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any
from urllib.parse import parse_qsl

from typing_extensions import is_typeddict

SCALARS = {int: re.compile(r"-?\d+"), bool: re.compile(r"true|false"), float: re.compile(r"-?\d+(\.\d+)?")}
ELSEWHERE = {"StripeContext": str, "Mapping": Mapping}
"""Names that the SDK imports for type checkers only; they stand in options, never in a parameter."""

Form = dict[str, Any]


def nested(encoded: str) -> Form:
    """Read `a[b][0]=c` as {"a": {"b": {"0": "c"}}}."""
    form: Form = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        *outer, last = re.findall(r"[^\[\]]+", name)
        inner = form
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return form


@cache
def hints(described: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(described, localns=ELSEWHERE)


def declared(described: type) -> dict[str, bool]:
    """Name the fields of one of the SDK's objects, and whether each may be missing or null."""
    fields: dict[str, bool] = {}
    for level in reversed(described.__mro__):
        for name, wanted in getattr(level, "__annotations__", {}).items():
            fields[name] = "Optional" in str(wanted)
    return fields


def objections(wanted: Any, value: Any, where: str = "") -> Iterator[str]:
    """Say what of *value* the type *wanted* does not allow."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if is_typeddict(wanted):
        yield from _fields(wanted, value, where)
    elif origin in {typing.Union, UnionType}:
        found = [list(objections(option, value, where)) for option in arguments if option is not NoneType]
        if all(found):
            yield from min(found, key=len)
    elif origin in {list, dict} and isinstance(value, dict):
        for key, inner in value.items():
            yield from objections(arguments[-1], inner, f"{where}[{key}]")
    elif not _allows(wanted, value):
        yield f"{where} is {value!r}, not {wanted}"


def _allows(wanted: Any, value: Any) -> bool:
    if typing.get_origin(wanted) is typing.Literal:
        return value in typing.get_args(wanted)
    if wanted in SCALARS:
        return isinstance(value, str) and SCALARS[wanted].fullmatch(value) is not None
    return wanted is Any or (wanted is str and isinstance(value, str))


def _fields(wanted: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {value!r}, not an object"
        return
    known = hints(wanted)
    for name in wanted.__required_keys__ - value.keys():
        yield f"{where}.{name} is missing"
    for name, inner in value.items():
        if name in known:
            yield from objections(known[name], inner, f"{where}.{name}")
        else:
            yield f"{where}.{name} is not a parameter"
