"""Form bodies as Stripe reads them: `metadata[order]=7&expand[0]=latest_charge` is a tree of strings."""

import re
from collections.abc import Container
from urllib.parse import parse_qsl

from hub.sandbox.book import Body
from hub.sandbox.stripe.errors import InvalidError

Form = Body

KEY = re.compile(r"\[([^\[\]]*)\]")
FIELDS_MAX = 1000
METADATA_KEYS_MAX = 50
METADATA_KEY_MAX = 40
METADATA_VALUE_MAX = 500


def parse(raw: str) -> Form:
    """
    Parse a form body or query string.

    Raises:
        InvalidError: when one name is used both for a value and for a group.

    """
    root: Form = {}
    for name, value in parse_qsl(raw, keep_blank_values=True, max_num_fields=FIELDS_MAX):
        head, _, _ = name.partition("[")
        _place(root, [head, *KEY.findall(name[len(head) :])], value)
    return {name: _arrays(node) for name, node in root.items()}


def _place(root: Form, path: list[str], value: str) -> None:
    node = root
    for step in path[:-1]:
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            raise InvalidError("Invalid hash", param=path[0])
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidError("Invalid string", param=path[0])
    node[last] = value


def _arrays(node: object) -> object:
    """Turn a group whose names count 0, 1, 2 … into a list."""
    if not isinstance(node, dict):
        return node
    values = [_arrays(child) for child in node.values()]
    if list(node) == [str(index) for index in range(len(node))]:
        return values
    return dict(zip(node, values, strict=True))


def known(form: Form, names: Container[str]) -> None:
    """Refuse what the endpoint does not take, as Stripe does."""
    for name in form:
        if name not in names:
            raise InvalidError(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def text(form: Form, name: str) -> str | None:
    """Return a string; None where it is absent or empty."""
    value = form.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidError("Invalid string", param=name)
    return value or None


def required(form: Form, name: str) -> str:
    """Return a string that must be there."""
    value = text(form, name)
    if value is None:
        raise InvalidError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return value


def integer(form: Form, name: str) -> int | None:
    """Return a whole number; None where it is absent."""
    value = text(form, name)
    if value is None:
        return None
    if re.fullmatch(r"-?[0-9]{1,18}", value) is None:
        raise InvalidError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def flag(form: Form, name: str) -> bool:
    """Return a boolean; False where it is absent."""
    value = text(form, name)
    if value not in {None, "true", "false"}:
        raise InvalidError(f"Invalid boolean: {value}", param=name)
    return value == "true"


def choice(form: Form, name: str, options: tuple[str, ...]) -> str | None:
    """Return one of *options*; None where it is absent."""
    value = text(form, name)
    if value is not None and value not in options:
        raise InvalidError(f"Invalid {name}: must be one of {', '.join(options)}", param=name)
    return value


def group(form: Form, name: str) -> Form:
    """Return a group of parameters; empty where it is absent."""
    value = form.get(name) or {}
    if not isinstance(value, dict):
        raise InvalidError("Invalid hash", param=name)
    return value


def listed(form: Form, name: str) -> list[str]:
    """Return a list of strings; empty where it is absent."""
    value = form.get(name) or []
    if not isinstance(value, list):
        raise InvalidError("Invalid array", param=name)
    return [str(item) for item in value]


def metadata(form: Form, before: dict[str, str]) -> dict[str, str]:
    """Merge the form's metadata into what was there; an empty value removes its key."""
    given = form.get("metadata") or {}
    pairs = enumerate(given) if isinstance(given, list) else given.items() if isinstance(given, dict) else ()
    merged = {**before, **{str(key): str(value) for key, value in pairs}}
    merged = {key: value for key, value in merged.items() if value}
    if len(merged) > METADATA_KEYS_MAX:
        raise InvalidError("Metadata can have up to 50 keys.", param="metadata")
    for key, value in merged.items():
        if len(key) > METADATA_KEY_MAX:
            raise InvalidError("Metadata keys can be up to 40 characters long.", param="metadata")
        if len(value) > METADATA_VALUE_MAX:
            raise InvalidError("Metadata values can be up to 500 characters long.", param=f"metadata[{key}]")
    return merged
