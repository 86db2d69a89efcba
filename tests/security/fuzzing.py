"""A hundred thousand requests that nobody would send on purpose, to a hub on a real PostgreSQL: `make fuzz`.

Each request that the OpenAPI document allows, made up by schemathesis, is sent as it is, in other spellings, which have
to be read alike, and with something wrong in its bytes. No answer may be a 5xx, and three in ten have to be a success.
"""

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import requests
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec import Struct, field
from msgspec.structs import replace
from schemathesis import Case

from hub.migrations import bring_up
from tests.canaries import leaked, none_in_database
from tests.hub.banking.test_banking_api import hand_in
from tests.hub.exceptions.cabinet import opened
from tests.hub.house import QUICK, House, house
from tests.hub.payments.scenes import signed, webhook_body
from tests.hub.pretending import FORKS
from tests.hub.settlement.reports import charge, written
from tests.hub.test_openapi import Fuzzed, furnished, led_inside
from tests.security.hostilities import HOSTILITIES
from tests.security.spellings import SPELLINGS
from tests.security.wire import Answer, Asked, Wire
from tests.servers import Postgres

REQUESTS: Final = 100_000
MINUTES_MAX: Final = 120.0
SUCCEEDS_MIN: Final = 0.3
SENDERS: Final = 2
SPELT: Final = 3
HOSTILE: Final = 1
SELDOM: Final = frozenset(
    {
        "POST /v1/merchant_accounts", "POST /v1/routing/backtests", "POST /v1/webhook_endpoints",
        "POST /v1/routing/rulesets", "POST /v1/webhook_endpoints/{endpoint_id}/redeliver",
        "POST /v1/webhook_deliveries/replay", "POST /v1/events/{event_id}/redeliver", "GET /v1/ledger/balances",
        "PATCH /v1/merchant_accounts/{account_id}", "GET /v1/ledger/accounts", "GET /v1/reconciliation",
        "GET /v1/merchant_accounts/{account_id}/statements/{month}",
    }
)  # fmt: skip
"""What makes every request after it slower, or is slow itself: sent a tenth as often."""
MISREAD: Final = frozenset({400, 404, 415, 422})
"""What a request that succeeds as it is may not be answered in another spelling."""
ROUND: Final = 40
"""How many requests are made up before somebody looks at the time."""
KEPT_MAX: Final = 20
_OF_SENDING: Final = frozenset({"timeout", "verify", "allow_redirects"})
_DROPPED: Final = frozenset({"user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"})


class Where(Struct, frozen=True, kw_only=True):
    """What a sender has to know, as it is handed from process to process."""

    url: str
    api_key: str
    document: dict[str, Any]
    names: dict[str, list[str]]
    payment_method: str
    seed: int
    ends_at: float
    """When to send no more, by the wall's clock, which all processes share."""


class Found(Struct):
    """What came of the requests to one route, or of all."""

    sent: int = 0
    succeeded: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[str, bytes]] = field(default_factory=list)
    """Why each is a fault, and the request."""

    def add(self, answer: Answer) -> None:
        """Count one."""
        self.sent += 1
        self.succeeded += 200 <= answer.status < 400
        self.statuses[str(answer.status)] += 1

    def merge(self, other: "Found") -> None:
        """Count those of another."""
        self.sent += other.sent
        self.succeeded += other.succeeded
        self.statuses.update(other.statuses)
        self.broken += other.broken[: KEPT_MAX - len(self.broken)]


class Sender:
    """Sends requests one after the other, and judges what comes back."""

    def __init__(self, where: Where) -> None:
        document = schemathesis.openapi.from_dict(where.document)
        self.fuzzed = Fuzzed(where.url, where.api_key, document, where.names, where.payment_method)
        self._wire = Wire(where.url)
        self._ends_at = where.ends_at
        self._random = Random(where.seed)  # noqa: S311 - which request is spelt how

    def try_on(self, method: str, path: str, cases: int) -> Found:
        """Send *cases* made-up requests to one route, each in several ways, while there is time."""
        found = Found()
        for sent in range(0, cases, ROUND):
            if time.time() < self._ends_at:
                self._round(method, path, min(ROUND, cases - sent), found)
        return found

    def _round(self, method: str, path: str, cases: int, found: Found) -> None:
        operation = self.fuzzed.document[path][method]

        @seed(self._random.randrange(2**32))
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), deep=st.data())
        def one(case: Case[Any], deep: st.DataObject) -> None:
            led_inside(case, self.fuzzed, deep)
            self._name(case)
            asked = asked_by(case)
            genuine = GENUINE.get(f"{method} {path}")
            self.send_all(genuine(asked, self._random) if genuine and self._random.randrange(2) else asked, found)

        one()

    def _name(self, case: Case[Any]) -> None:
        """Name what is there, nineteen times in twenty; what is deleted must stay for the others."""
        for name, known in self.fuzzed.names.items():
            for said in (case.path_parameters or {}, case.query or {}):
                if name in said and case.method != "DELETE" and self._random.randrange(20):
                    said[name] = self._random.choice(known)

    def send_all(self, plain: Asked, found: Found) -> None:
        """Send a request as it is, in other spellings, and with something wrong."""
        answer = self._send(plain, found)
        for spelling in self._random.sample(SPELLINGS, SPELT):
            spelt = spelling(plain, self._random)
            other = self._send(spelt, found)
            if 200 <= answer.status < 400 and other.status in MISREAD:
                found.broken.append((f"{answer.status}, but {other.status} as {spelling.__name__}", spelt.written()))
        for _ in range(HOSTILE):
            self._send(self._random.choice(HOSTILITIES)(plain, self._random), found)

    def _send(self, asked: Asked, found: Found) -> Answer:
        raw = asked.written()
        half = self._random.randrange(200) == 0
        answer = self._wire.ask(raw[: -len(asked.body) // 2 or None] if half else raw, asked.method, half=half)
        found.add(answer)
        if answer.status >= 500:
            found.broken.append((f"{answer.status}: {answer.body[:300].decode('utf-8', 'replace')}", raw))
        if leaks := leaked(answer.body) if answer.status >= 400 else []:
            found.broken.append((f"{answer.status} repeats {', '.join(leaks)}", raw))
        return answer


def signed_webhook(asked: Asked, _random: Random) -> Asked:
    """Bear a proof that it is Stripe's."""
    body = webhook_body()
    return replace(asked, body=body, headers=[(n.encode(), v.encode()) for n, v in signed(body).items()])


def real_report(asked: Asked, random: Random) -> Asked:
    """Bring a report of a few charges."""
    body = written([charge(f"{random.randrange(10**9)}") for _ in range(random.randint(1, 5))])
    return replace(asked, body=body).with_header(b"Content-Type", b"text/csv")


def real_statement(asked: Asked, random: Random) -> Asked:
    """Bring a bank statement of one entry."""
    body = f"date,amount,reference,currency,id\n2026-11-12,1.00,rent,EUR,b{random.randrange(10**9)}\n".encode()
    return replace(asked, body=body).with_header(b"Content-Type", b"text/csv")


GENUINE: Final[dict[str, Callable[[Asked, Random], Asked]]] = {
    "POST /webhooks/{merchant_account}": signed_webhook,
    "POST /v1/settlements": real_report,
    "POST /v1/bank_statements": real_statement,
}
"""Bodies that no document describes: every second request to these routes has one."""


def asked_by(case: Case[Any]) -> Asked:
    """Write a made-up request as bytes."""
    told = case.as_transport_kwargs(base_url="http://hub.test")
    made = requests.Request(
        **{name: told[name] for name in told if name not in {"timeout", "verify", "allow_redirects"}}
    )
    ready = made.prepare()
    body = ready.body or b""
    headers = [(_bytes(name), _bytes(value)) for name, value in ready.headers.items() if name.lower() not in _DROPPED]
    return Asked(
        method=str(ready.method).encode(),
        target=ready.path_url.encode(),
        headers=[one for one in headers if b"\n" not in one[1] and b"\r" not in one[1]],
        body=body if isinstance(body, bytes) else str(body).encode(),
    )


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def operations(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Every documented method and path."""
    return [(method.upper(), path) for path, listed in document["paths"].items() for method in listed]


def shares(document: dict[str, Any], wanted: int) -> Iterator[tuple[str, str, int]]:
    """Say how many cases each route gets, so that *wanted* requests are sent in all."""
    routes = operations(document)
    weights = {route: 0.1 if " ".join(route) in SELDOM else 1.0 for route in routes}
    each = wanted / (1 + SPELT + HOSTILE) / sum(weights.values())
    for route in routes:
        yield *route, max(1, round(each * weights[route] * 1.1))


async def outfit(made: House, ends_at: float) -> Where:
    """Make many of everything that can be named."""
    names = await furnished(made)
    await made.hub.client.patch(f"/v1/webhook_endpoints/{names['endpoint_id'][0]}", json={"events": ["payout.*"]})
    pinned = {"payment_method": made.payment_method, "merchant_account": made.accounts["stripe-eu"]}
    for at in range(60):
        paid = await made.hub.charge(capture="manual" if at % 2 else "automatic", **pinned)
        names["payment_id"].append(paid.json()["id"])
    names["exception_id"] = [await opened(made) for _ in range(20)]
    names["statement_id"] = [(await hand_in(made, "2026-11-12,1.00,rent")).json()["id"]]
    tried = {"ruleset": names["ruleset_id"][0], "from": "2026-01-01T00:00:00Z"}
    names["backtest_id"] = [(await made.hub.post("/v1/routing/backtests", tried)).json()["id"]]
    published: list[dict[str, Any]] = []
    for _ in range(100):
        published = (await made.hub.get("/v1/events", limit=50)).json()["data"]
        if len(published) == 50:
            break
        await asyncio.sleep(0.1)
    names |= {"event_id": [one["id"] for one in published], "month": ["2026-10", "2026-11"]}
    served = (await made.hub.client.get("/schema/openapi.json")).json()
    key = made.hub.client.headers["authorization"]
    return Where(
        url=made.hub.url,
        api_key=key,
        document=served,
        names=names,
        payment_method=made.payment_method,
        seed=0,
        ends_at=ends_at,
    )


def send_share(where: Where, share: list[tuple[str, str, int]], telling: Connection) -> None:
    """Be one sender: tell what came of each route as soon as it is known."""
    sender = Sender(where)
    for method, path, cases in share:
        telling.send((f"{method} {path}", sender.try_on(method, path, cases)))
    telling.send(None)


async def sent_by_all(where: Where, wanted: int) -> dict[str, Found]:
    """Have several processes send, and gather what came of it."""
    found: dict[str, Found] = {}
    routes = list(shares(where.document, wanted))
    Random(wanted).shuffle(routes)  # noqa: S311 - so that no sender has the dear ones alone
    began = time.monotonic()

    async def one(number: int) -> None:
        told, telling = FORKS.Pipe(duplex=False)
        share = routes[number::SENDERS]
        process = FORKS.Process(target=send_share, args=(replace(where, seed=number), share, telling), daemon=True)
        process.start()
        telling.close()
        while (said := await asyncio.to_thread(told.recv)) is not None:
            route, came = said
            found.setdefault(route, Found()).merge(came)
            sent = sum(one.sent for one in found.values())
            print(f"{sent:>9,} requests, {time.monotonic() - began:5.0f} s, {route}", flush=True)
        await asyncio.to_thread(process.join)

    await asyncio.gather(*(one(number) for number in range(SENDERS)))
    return found


async def fuzz(wanted: int, minutes: float, folder: Path) -> dict[str, Found]:
    """Run a hub, send *wanted* requests to it in so many minutes at most, and search what it kept and said."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # It tells of each request that is none.
    log = folder / "hub.log"
    server = Postgres()
    try:
        with log.open("w") as file:
            structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
            url = await server.fresh_database()
            await bring_up(url)
            settled = replace(QUICK, rate_limit_per_minute=10_000_000, body_read_ms=2_000)
            async with house(url, folder, settings=settled) as made:
                found = await sent_by_all(await outfit(made, time.time() + 60 * minutes), wanted)
        await none_in_database(url)
    finally:
        server.stop()
    said = log.read_bytes()
    if leaks := leaked(said):
        found.setdefault("the log", Found()).broken.append((f"repeats {', '.join(leaks)}", b""))
    return found


def report(found: dict[str, Found]) -> bool:
    """Print what came of it; true when every bar was met."""
    whole = Found()
    for route, one in sorted(found.items()):
        whole.merge(one)
        told = " ".join(f"{status}:{count}" for status, count in sorted(one.statuses.items()))
        print(f"{one.sent:>7,} {one.succeeded / max(1, one.sent):>5.0%} {route:<62} {told}")
    share = whole.succeeded / max(1, whole.sent)
    failed = sum(count for status, count in whole.statuses.items() if status >= "500")
    never = sorted(route for route, one in found.items() if one.sent and not one.succeeded)
    print(f"\n{whole.sent:,} requests, {share:.1%} succeeded, {failed} were a 5xx; never: {', '.join(never) or 'none'}")
    print(" ".join(f"{status}:{count:,}" for status, count in sorted(whole.statuses.items())))
    for why, raw in whole.broken:
        print(f"\nFAULT {why}\n{raw[:1_500]!r}")
    return share >= SUCCEEDS_MIN and not failed and not whole.broken


def main() -> None:
    """Send as many requests as the command line says, or as its minutes allow."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else MINUTES_MAX
    with TemporaryDirectory(prefix="hub-fuzz-") as folder:
        found = asyncio.run(fuzz(wanted, minutes, Path(folder)))
    sys.exit(0 if report(found) and sum(one.sent for one in found.values()) >= wanted else 1)


if __name__ == "__main__":
    main()
