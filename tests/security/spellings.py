"""The same request in other letters: whoever reads it well answers it the same."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from tests.security.wire import Asked

Spelling = Callable[[Asked, Random], Asked]
_SPACES: Final = (" ", "\n", "\t", " \r\n ")


def _told(asked: Asked) -> Any:
    try:
        return json.loads(asked.body)
    except ValueError:
        return None


def spaced(asked: Asked, random: Random) -> Asked:
    """Put white space wherever JSON allows it."""
    told = _told(asked)
    space = random.choice(_SPACES)
    body = json.dumps(told, indent=random.choice(("\t", 1, 3)), separators=(f"{space},", f":{space}")).encode()
    return asked if told is None else replace(asked, body=space.encode() + body + space.encode())


def turned(asked: Asked, _random: Random) -> Asked:
    """Write an object's members the other way around."""

    def other(told: Any) -> Any:
        if isinstance(told, dict):
            return {name: other(told[name]) for name in reversed(told)}
        return [other(one) for one in told] if isinstance(told, list) else told

    told = _told(asked)
    return asked if told is None else replace(asked, body=json.dumps(other(told)).encode())


def escaped(asked: Asked, _random: Random) -> Asked:
    """Write every letter as its number, in keys too."""

    def number(text: str) -> str:
        units = text.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2))

    def write(told: Any) -> str:
        if isinstance(told, str):
            return f'"{number(told)}"'
        if isinstance(told, dict):
            return "{" + ",".join(f"{write(name)}:{write(one)}" for name, one in told.items()) + "}"
        if isinstance(told, list):
            return "[" + ",".join(map(write, told)) + "]"
        return json.dumps(told)

    told = _told(asked)
    return asked if told is None else replace(asked, body=write(told).encode())


def chunked(asked: Asked, random: Random) -> Asked:
    """Send a body in pieces of any size instead of saying how long it is."""
    if not asked.body:
        return asked
    pieces, at = [], 0
    while at < len(asked.body):
        to = at + random.choice((1, 3, 100, 10_000))
        piece = asked.body[at:to]
        pieces.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        at = to
    headers = (*asked.headers, (b"Transfer-Encoding", b"chunked"))
    return replace(asked, headers=headers, body=b"".join([*pieces, b"0\r\n\r\n"]), counted=False)


def shouted(asked: Asked, random: Random) -> Asked:
    """Write headers' names in capitals, in another order, with blanks around what they say."""
    headers = [(name.upper(), b"  " + value + b" \t") for name, value in asked.headers]
    random.shuffle(headers)
    return replace(asked, headers=headers)


def talkative(asked: Asked, random: Random) -> Asked:
    """Add headers that mean nothing here."""
    more = [(b"X-Whatever-%d" % at, random.randbytes(20).hex().encode()) for at in range(random.randint(1, 30))]
    return replace(asked, headers=(*asked.headers, *more, (b"Accept-Language", b"tlh, *;q=0.1")))


def encoded(asked: Asked, _random: Random) -> Asked:
    """Write the letters of an address by their numbers, though they need it not."""
    path, mark, query = asked.target.partition(b"?")
    parts = [b"".join(b"%%%02X" % letter for letter in part) if len(part) > 8 else part for part in path.split(b"/")]
    return replace(asked, target=b"/".join(parts) + mark + query)


SPELLINGS: Final[Sequence[Spelling]] = (spaced, turned, escaped, chunked, shouted, talkative, encoded)
