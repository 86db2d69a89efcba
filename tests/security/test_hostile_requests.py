"""Requests whose bytes are wrong get no 5xx, and those in another spelling are read alike; `make fuzz` sends more."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from hub.access.rules import Role
from hub.ids import new_id
from tests.canaries import leaked
from tests.hub.house import QUICK, make_api_key, serving
from tests.security.hostilities import HOSTILITIES
from tests.security.spellings import SPELLINGS
from tests.security.wire import Answer, Asked, Wire, answers

EACH = 30
USE = {"strategy": "priority", "accounts": ["ma_nothing"]}
BODIES: dict[bytes, Any] = {
    b"POST /v1/customers": {"email": "ada@shop.example"},
    b"POST /v1/payment_methods": {"type": "card", "processor_tokens": [{"processor": "stripe", "token": "pm_1"}]},
    b"POST /v1/payments": {"amount": 1, "currency": "EUR", "reference": "r", "payment_method": "pm_nothing"},
    b"POST /v1/routing/rulesets/check": {"name": "main", "rules": [], "otherwise": USE},
    b"POST /v1/routing/simulate": {"amount": 4999, "currency": "EUR", "metadata": {"order": "1"}},
    b"POST /v1/api_keys": {"name": "till", "principal": "ada", "scopes": ["payments:read"]},
    b"GET /v1/payments?limit=3&status=captured": None,
    b"GET /v1/events?limit=3": None,
    b"GET /v1/reconciliation?from=2026-01-01&to=2026-02-01": None,
    b"GET /v1/ledger/balances?at=2026-01-01T00:00:00Z": None,
    b"GET /v1/exceptions?overdue=true": None,
    b"DELETE /v1/payment_methods/pm_nothing_here": None,
    b"POST /v1/bank_statements": b"date,amount,reference,currency,id\n2026-11-12,1.00,rent,EUR,b1\n",
    b"POST /webhooks/ma_nothing": {"notificationItems": []},
}


@pytest.fixture
async def served(sqlite_url: str) -> AsyncIterator[tuple[str, str]]:
    """A hub's URL and an admin's key."""
    key = await make_api_key(sqlite_url, Role.ADMIN)
    async with serving(replace(QUICK, database_url=sqlite_url, body_read_ms=500), key, with_worker=False) as hub:
        yield hub.url, key


def plain(key: str) -> Iterator[Asked]:
    for route, told in BODIES.items():
        method, _, target = route.partition(b" ")
        kind = b"text/csv" if isinstance(told, bytes) else b"application/json"
        headers = [(b"Authorization", f"Bearer {key}".encode()), (b"Idempotency-Key", new_id("key_").encode())]
        body = told if isinstance(told, bytes) else json.dumps(told).encode() if told else b""
        yield Asked(method=method, target=target, body=body, headers=[*headers, (b"Content-Type", kind)])


@pytest.mark.fault_case(id="API-09")
async def test_nothing_that_is_wrong_in_a_request_breaks_the_hub(served: tuple[str, str]) -> None:
    url, key = served

    def send() -> dict[bytes, Answer]:
        random, wire = Random(20261122), Wire(url)  # noqa: S311 - which bytes are wrong
        asked = [random.choice(HOSTILITIES)(one, random).written() for one in plain(key) for _ in range(EACH)]
        told = {raw: wire.ask(raw, raw.partition(b" ")[0]) for raw in asked}
        wire.close()
        return told

    told = await asyncio.to_thread(send)

    refused = {raw: one for raw, one in told.items() if one.status >= 400}
    assert {raw: one for raw, one in refused.items() if one.status >= 500 or leaked(one.body)} == {}
    assert {one.status for one in told.values()} >= {200, 400, 401, 404, 405, 422}


async def test_a_request_in_another_spelling_is_answered_alike(served: tuple[str, str]) -> None:
    url, key = served

    def send() -> dict[tuple[bytes, str], tuple[int, int]]:
        random, wire, told = Random(7), Wire(url), {}  # noqa: S311 - which spelling of many
        for asked in plain(key):
            first = wire.ask(asked.written(), asked.method).status
            for spelling in SPELLINGS:
                other = wire.ask(spelling(asked, random).written(), asked.method).status
                told[asked.target, spelling.__name__] = first, other
        wire.close()
        return told

    told = await asyncio.to_thread(send)

    assert {which: both for which, both in told.items() if both[0] != both[1] and both != (201, 200)} == {}


INNER = b"GET /health/live HTTP/1.1\r\nHost: hub.test\r\n\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
TWO_ENDS = {
    "a length, and chunks that end before it": (b"Content-Length: %d\r\nTransfer-Encoding: chunked", CHUNKS + INNER),
    "chunks, and a length that ends before them": (b"Transfer-Encoding: chunked\r\nContent-Length: 4", CHUNKS + INNER),
    "chunks that are none": (b"Transfer-Encoding: xchunked", CHUNKS + INNER),
    "chunks that are something else at last": (b"Transfer-Encoding: chunked, identity", CHUNKS + INNER),
    "a blank before the colon": (b"Transfer-Encoding : chunked", CHUNKS + INNER),
    "two lengths": (b"Content-Length: 2\r\nContent-Length: 40", b"{}" + INNER),
    "a length with a sign": (b"Content-Length: +2", b"{}" + INNER),
    "a header that goes on in the next line": (b"Transfer-Encoding:\r\n chunked", CHUNKS + INNER),
    "a line that ends with a line feed alone": (
        b"X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 4",
        CHUNKS + INNER,
    ),
}


@pytest.mark.fault_case(id="API-14")
@pytest.mark.parametrize("way", TWO_ENDS)
async def test_no_second_request_is_read_out_of_a_body(served: tuple[str, str], way: str) -> None:
    url, key = served
    said, body = TWO_ENDS[way]
    head = b"POST /v1/customers HTTP/1.1\r\nHost: hub.test\r\nAuthorization: Bearer %s\r\n" % key.encode()
    length = said % len(body) if b"%d" in said else said

    came = await asyncio.to_thread(answers, url, head + length + b"\r\n\r\n" + body)

    assert len(came) <= 1
    assert set(came) <= {400, 408, 415}
