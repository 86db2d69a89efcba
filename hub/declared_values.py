"""Which values a declared type takes at one place of a document, so that a refusal can name them. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import inspect

_STEP: Final = re.compile(r"\.([^.\[]+)|\[[^\]]*\]")


def values_at(declared: Any, path: str) -> Sequence[str]:  # noqa: ANN401 - any type a handler declares
    """List the texts that *declared* takes at *path*, such as `.fees[0].kind`."""
    found = [inspect.type_info(declared)]
    for step in _STEP.finditer(path):
        found = [inner for type_ in found for inner in _inside(type_, step.group(1))]
    return list(dict.fromkeys(value for type_ in found for value in _values(type_)))


def _inside(type_: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    for one in _each(type_):
        if isinstance(one, inspect.StructType) and name is not None:
            yield from (field.type for field in one.fields if field.encode_name == name)
            if one.tag_field == name:
                yield inspect.LiteralType((one.tag,))
        elif isinstance(one, inspect.DictType):
            yield one.value_type
        elif isinstance(one, (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)):
            yield one.item_type


def _values(type_: inspect.Type) -> Iterator[str]:
    for one in _each(type_):
        values: Sequence[Any] = ()
        if isinstance(one, inspect.EnumType):
            values = [member.value for member in one.cls]
        elif isinstance(one, inspect.LiteralType):
            values = one.values
        yield from (str(value) for value in values)


def _each(type_: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(type_, inspect.Metadata):
        yield from _each(type_.type)
    elif isinstance(type_, inspect.UnionType):
        for one in type_.types:
            yield from _each(one)
    else:
        yield type_
