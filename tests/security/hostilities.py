"""Requests as an enemy sends them: what is wrong with each is wrong in its bytes."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from hub.ids import new_id
from tests.security.mutations import NASTY, mutated
from tests.security.wire import Asked

Hostility = Callable[[Asked, Random], Asked]
_VALUES: Final[Sequence[Any]] = (
    None, True, [], {}, "", " ", "\0", "\ud800", "a" * 300, "ma_x", -1, 0, 2**31, 2**63, 2**64, 10**40, 1.5, -0.0,
    1e308,
    "9999-12-31T23:59:59-12:00", "0000-00-00", "2026-02-30", "EUR\n", "eur", "4242 4242 4242 4242", [[[[[]]]]],
    "\u202e",
    {"__proto__": 1}, "' OR 1=1 --", "${jndi:ldap://x}", "{{7*7}}", "<script>", "../../etc/passwd", "%00", "%s%n",
)  # fmt: skip
_QUERIES: Final = (
    b"limit=0", b"limit=-1", b"limit=101", b"limit=9999999999999999999999", b"limit=1.0", b"limit=%31",
    b"limit=\xd9\xa3",
    b"cursor=x", b"cursor=%00", b"cursor=%ff", b"cursor=" + b"A" * 5_000, b"cursor=%ED%A0%80", b"limit=1&limit=2",
    b"&&&=",
    b"created_after=9999-12-31T23:59:59-12:00", b"created_after=0001-01-01T00:00:00%2B14:00",
    b"created_after=2026-11-21",
    b"at=10000-01-01T00:00:00Z", b"from=2026-02-30&to=x", b"from=0001-01-01&to=9999-12-31",
    b"group_by=day,day&group_by=x",
    b"status=captured%0a", b"reference=4242424242424242", b"reference=%F0%9F%92%B8", b"currency=EUR%00",
    b"to=9999-12-31",
    b"ruleset_version=-1", b"ruleset_version=99999999999", b"type=*", b"type=payment.*&object=%", b"overdue=maybe",
    b"x=y",
    b"merchant_account=ma_%25", b"payment=pay_" + b"0" * 26, b"tag=" + b"a" * 9_000, b"code='", b"%=%&%%%",
    b"a[]=1&a[b]=2",
)  # fmt: skip
_NAMES: Final = (
    b"%00", b"%2e%2e%2f%2e%2e", b"..", b"%ff", b"pay_" + b"0" * 26, b"a" * 8_000, b"%F0%9F%92%B8", b"'",
    b"4242424242424242",
    b"%E2%80%AE", b"pay_0%0d%0aX-A:%20b", b";a=b", b"null", b"-1", b"%25s", b"%EF%BC%8F", b"%C0%AE", b"*",
)  # fmt: skip
_KEYS: Final = (b"", b"k" * 256, b"a\tb", b"\xc3\xbc", b"4242424242424242", b" ", b"a, b", b"\x7f", b"k" * 70_000)
_KINDS: Final = (
    b"text/plain", b"", b"application/json; charset=utf-16", b"application/x-www-form-urlencoded",
    b"multipart/form-data",
    b"application/json, text/plain", b"application/json;" * 100, b"text/csv", b"application/xml", b"\xff/\xff",
)  # fmt: skip


def of_values(asked: Asked, random: Random) -> Asked:
    """Put something else where a value stands."""
    told = _told(asked)
    places: list[tuple[Any, Any]] = []
    waiting = [told]
    while waiting:
        one = waiting.pop()
        inner = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for name, value in inner:
            places.append((one, name))
            waiting.append(value)
    if not places:
        return of_bytes(asked, random)
    holder, name = random.choice(places)
    holder[name] = random.choice(_VALUES)
    return _anew(replace(asked, body=json.dumps(told).encode()))


def of_members(asked: Asked, random: Random) -> Asked:
    """Say a member twice, or one that is not known, or leave one out."""
    told = _told(asked)
    if not isinstance(told, dict) or not told:
        return of_bytes(asked, random)
    name = random.choice(list(told))
    match random.randrange(3):
        case 0:
            twice = json.dumps(told)[:-1] + f",{json.dumps(name)}:{json.dumps(random.choice(_VALUES))}}}"
            return _anew(replace(asked, body=twice.encode()))
        case 1:
            told[random.choice(("surprise", "id", "livemode", name.upper(), name + "\0", ""))] = told[name]
        case _:
            del told[name]
    return _anew(replace(asked, body=json.dumps(told).encode()))


def of_bytes(asked: Asked, random: Random) -> Asked:
    """Change bytes of the body wherever."""
    return _anew(replace(asked, body=mutated((asked.body or b"{}",), random)))


def of_queries(asked: Asked, random: Random) -> Asked:
    """Ask for what no address has."""
    more = b"&".join(random.sample(_QUERIES, random.randint(1, 3)))
    mark = b"&" if b"?" in asked.target else b"?"
    return replace(asked, target=asked.target + mark + more)


def of_names(asked: Asked, random: Random) -> Asked:
    """Name something that cannot be one."""
    path, mark, query = asked.target.partition(b"?")
    parts = path.split(b"/")
    parts[random.randrange(2, len(parts)) if len(parts) > 2 else -1] = random.choice(_NAMES)
    return replace(asked, target=b"/".join(parts) + mark + query)


def of_headers(asked: Asked, random: Random) -> Asked:
    """Say headers wrongly, twice, or at length."""
    name, value = random.choice(
        (
            (b"Idempotency-Key", random.choice(_KEYS)),
            (b"Content-Type", random.choice(_KINDS)),
            (b"Accept", random.choice((b"", b"*/*;q=2", b"application/pdf", b"text/csv;q=x", b"," * 3_000))),
            (
                b"Authorization",
                random.choice((b"", b"Bearer", b"Basic Og==", b"Bearer hub_test_\xff", b"Bearer " * 900)),
            ),
            (b"Content-Encoding", random.choice((b"gzip", b"br", b"identity", b"deflate, gzip"))),
            (b"Host", random.choice((b"", b"evil.example", b"a:b:c", b"[::", b"a b"))),
            (b"X-Request-Id", random.choice(NASTY)[:2_000].replace(b"\r", b"").replace(b"\n", b"")),
            (b"X-Forwarded-For", b"127.0.0.1, " * 500),
            (b"Expect", random.choice((b"100-continue", b"200-ok"))),
            (b"Upgrade", b"h2c"),
            (b"Range", b"bytes=0-,-1"),
            (b"Cookie", b"a=" + b"b" * 20_000),
        )
    )
    if random.randrange(2):
        return asked.with_header(name, value)
    return replace(asked, headers=(*asked.headers, (name, value)))


def of_lengths(asked: Asked, random: Random) -> Asked:
    """Say two things about where the body ends."""
    body = asked.body or b"{}"
    inner = b"GET /v1/smuggled HTTP/1.1\r\nHost: hub.test\r\n\r\n"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    ways: Sequence[tuple[tuple[tuple[bytes, bytes], ...], bytes]] = (
        (((b"Content-Length", b"%d" % len(chunks)), (b"Transfer-Encoding", b"chunked")), chunks + inner),
        (((b"Content-Length", b"4"), (b"Transfer-Encoding", b"chunked")), chunks + inner),
        (((b"Transfer-Encoding", b"xchunked"),), chunks),
        (((b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"identity")), chunks),
        (((b"Transfer-Encoding ", b"chunked"),), chunks),
        (((b"Content-Length", b"%d" % len(body)), (b"Content-Length", b"%d" % (len(body) + 5))), body),
        (((b"Content-Length", b"+%d" % len(body)),), body),
        (((b"Content-Length", b"-1"),), body),
        (((b"Content-Length", b"1" * 30),), body),
        (((b"Content-Length", b"0x10"),), body),
        (((b"Transfer-Encoding", b"chunked"),), b"ffffffffffffffff0\r\n" + body),
        (((b"Transfer-Encoding", b"chunked"),), b"5;" + b"x" * 9_000 + b"\r\n" + body[:5] + b"\r\n0\r\n\r\n"),
        (((b"Transfer-Encoding", b"chunked"),), b"zz\r\n" + body),
    )
    headers, sent = random.choice(ways)
    return replace(
        _anew(asked), headers=(*asked.headers, *headers, (b"Connection", b"close")), body=sent, counted=False
    )


def of_methods(asked: Asked, random: Random) -> Asked:
    """Ask in a way that the address does not know."""
    return replace(
        asked,
        method=random.choice((b"PUT", b"HEAD", b"OPTIONS", b"TRACE", b"get", b"CONNECT", b"PROPFIND", b"X" * 300)),
    )


HOSTILITIES: Final[Sequence[Hostility]] = (
    of_values, of_values, of_members, of_bytes, of_queries, of_names, of_headers, of_lengths, of_methods,
)  # fmt: skip


def _told(asked: Asked) -> Any:
    try:
        return json.loads(asked.body)
    except ValueError:
        return None


def _anew(asked: Asked) -> Asked:
    """Take a new Idempotency-Key: what was changed is another request."""
    if any(name.lower() == b"idempotency-key" for name, _ in asked.headers):
        return asked.with_header(b"Idempotency-Key", new_id("key_").encode())
    return asked
