"""Everything a measurement needs, each in a process of its own: PostgreSQL, the processor, the load, floor and hub."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import asyncpg
import msgspec
from msgspec import Struct

from benchmarks.load import Measured, Slice
from benchmarks.processor import Counts
from tests.processes import Server, accepts
from tests.servers import ROOMY, Postgres, Valkey

DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")
MEMORY: Final = ("shared_buffers", "wal_buffers", "max_wal_size")
CHARGE: Final = '{"amount":4999,"currency":"EUR","country":"DE","metadata":{"order":"bench"},"payment_method":"%s"'
WEBHOOK_SECRET: Final = "whsec_bench"  # noqa: S105 - of a processor that is made up
PREFIX: Final = "abcdefghjk"
_READY_SECONDS: Final = 60


class Target(Struct, frozen=True, kw_only=True):
    """Something that charges; `pids` are its own processes, `account` and `settings` the hub's."""

    name: str
    port: int
    path: str
    headers: Mapping[str, str]
    body: str
    pids: tuple[int, ...]
    account: str = ""
    settings: Mapping[str, str] = {}

    def slice(self, at_once: int, seconds: float, requests: int | None = None) -> Slice:
        """Ask for load on it."""
        return Slice(
            port=self.port,
            path=self.path,
            headers=self.headers,
            body=self.body,
            at_once=at_once,
            seconds=seconds,
            requests=requests,
        )


class Load:
    """The load generator's process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.load", _word()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def drive(self, wanted: Slice) -> Measured:
        """Run one slice."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Measured)

    @property
    def pid(self) -> int:
        """Of its one process."""
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Stage:
    """What stands ready; made by `stage`."""

    def __init__(self, folder: Path, postgres: Postgres, processor: Server, load: Load, ends: ExitStack) -> None:
        self.folder = folder
        self.postgres = postgres
        self.load = load
        self._processor = processor
        self._ends = ends

    @property
    def processor_url(self) -> str:
        """Where the processor listens."""
        return f"http://127.0.0.1:{self._processor.port}"

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processor, the load and this process; PostgreSQL's come and go."""
        return (self._processor.pid, self.load.pid, os.getpid())

    def counts(self) -> Counts:
        """Ask the processor what it charged."""
        with urlopen(f"{self.processor_url}/counts") as answer:  # noqa: S310 - our own server
            return msgspec.json.decode(answer.read(), type=Counts)

    def null(self) -> Target:
        """Give a server that does nothing, to measure the load generator itself."""
        return Target(
            name="null",
            port=self._processor.port,
            path="/null",
            headers={},
            body=CHARGE % "pm_card_visa",
            pids=(self._processor.pid,),
        )

    def floor(self) -> Target:
        """Start the hand-written floor."""
        database = asyncio.run(self.postgres.fresh_database())
        server = self.start(
            "floor", lambda port: _python("benchmarks.floor", str(port), database, self.processor_url), accepts
        )
        return Target(
            name="floor",
            port=server.port,
            path="/v1/payments",
            headers={},
            body=CHARGE % "pm_card_visa",
            pids=(server.pid,),
        )

    def webhook_floor(self) -> Target:
        """Start the hand-written floor of taking webhooks."""
        database = asyncio.run(self.postgres.fresh_database())
        server = self.start(
            "webhook floor", lambda port: _python("benchmarks.webhook_floor", str(port), database), accepts
        )
        return Target(name="floor", port=server.port, path="/webhooks", headers={}, body="", pids=(server.pid,))

    def hub(
        self,
        *,
        with_valkey: bool = False,
        forgetful: bool = False,
        serving: tuple[str, ...] = ("hub.cli", "serve"),
        with_worker: bool = True,
    ) -> Target:
        """Start the hub as in production: migrated, one process that serves and one that works, seeded over its API.

        *forgetful*: it remembers no payment method, as if each were charged for the first time. *serving* is the
        module, with its arguments, that serves.
        """
        settings = {
            "HUB_DATABASE_URL": asyncio.run(self.postgres.fresh_database()),
            "HUB_KEYS": f"bench:{b64encode(secrets.token_bytes(32)).decode()}",
            "HUB_RATE_LIMIT_PER_MINUTE": "100000000",
        }
        if forgetful:
            settings["HUB_PAYMENT_METHODS_REMEMBERED_MAX"] = "0"
        if with_valkey:
            valkey = Valkey()
            self._ends.callback(valkey.stop)
            settings["HUB_REDIS_URL"] = valkey.url
        self._hub(settings, "migrate")
        key = self._hub(
            settings, "keys", "create", "--name=bench", "--principal=bench", "--role=admin", "--mode=test"
        ).strip()
        server = self.start(
            "hub", lambda port: _environment({**settings, "HUB_PORT": str(port)}, _python(*serving)), _answers
        )
        working = (self.worker(settings),) if with_worker else ()
        headers = {"Authorization": f"Bearer {key}"}
        account, method = self._seed(f"http://127.0.0.1:{server.port}", headers)
        return Target(
            name="hub",
            port=server.port,
            path="/v1/payments",
            headers=headers,
            body=CHARGE % method,
            pids=(server.pid, *working),
            account=account,
            settings=settings,
        )

    def worker(self, settings: Mapping[str, str]) -> int:
        """Start a worker of the hub and give its process id."""
        started = self.start("worker", lambda _: _environment(settings, _python("hub.cli", "worker")), lambda _: True)
        return started.pid

    def command(self, settings: Mapping[str, str], *words: str) -> tuple[str, ...]:
        """Write what runs `hub` with *words* in a process of its own."""
        return _environment(settings, _python("hub.cli", *words))

    def method(self, hub: Target, token: str) -> str:
        """Make a payment method of *hub* and give its id."""
        made = post(f"http://127.0.0.1:{hub.port}/v1/payment_methods", hub.headers, {
            "type": "card", "processor_tokens": [{"processor": "stripe", "token": token}],
            "card": {"brand": "visa", "last4": "4242", "country": "DE", "funding": "credit"},
        })  # fmt: skip
        return str(made["id"])

    def _seed(self, url: str, headers: Mapping[str, str]) -> tuple[str, str]:
        """Make one merchant account, one rule and one payment method; give the account's and the method's id."""
        account = post(f"{url}/v1/merchant_accounts", headers, {
            "name": "bench", "processor": "stripe", "currencies": ["EUR", "USD"], "region": "EEA",
            "credentials": {
                "api_key": "sk_test_bench", "base_url": self.processor_url, "webhook_secret": WEBHOOK_SECRET,
            },
            "fees": [{"percent_bps": 140, "fixed_minor": 25}], "settlement_currency": "EUR", "settlement_days": 2,
        })["id"]  # fmt: skip
        use = {"strategy": "priority", "accounts": [account]}
        ruleset = post(f"{url}/v1/routing/rulesets", headers, {
            "name": "main",
            "rules": [
                {"name": "risky", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"},
                {"name": "europe", "when": {"fact": "currency", "in": ["EUR", "SEK"]}, "use": use},
            ],
            "otherwise": use,
        })["id"]  # fmt: skip
        post(f"{url}/v1/routing/rulesets/{ruleset}/activate", headers, {"rollout_percent": 100})
        method = post(f"{url}/v1/payment_methods", headers, {
            "type": "card", "processor_tokens": [{"processor": "stripe", "token": "pm_card_visa"}],
            "card": {"brand": "visa", "last4": "4242", "country": "DE", "funding": "credit"},
        })["id"]  # fmt: skip
        return str(account), str(method)

    def _hub(self, settings: Mapping[str, str], *words: str) -> str:
        command = _environment(settings, _python("hub.cli", *words))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"hub {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name: str, command: Callable[[int], tuple[str, ...]], ready: Callable[[int], bool]) -> Server:
        """Start a server in a process of its own, which ends with the stage."""
        server = Server(self.folder / f"{name}.log", command, ready)
        self._ends.callback(server.stop)
        server.start()
        return server


@contextmanager
def stage() -> Iterator[Stage]:
    """Start PostgreSQL, the processor and the load; at the end everything that was started is ended."""
    with ExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres(durable=True, settings=ROOMY)
        ends.callback(postgres.stop)
        processor = Server(folder / "processor.log", lambda port: _python("benchmarks.processor", str(port)), accepts)
        ends.callback(processor.stop)
        processor.start()
        load = Load()
        ends.callback(load.stop)
        yield Stage(folder, postgres, processor, load, ends)


def durability(postgres: Postgres) -> dict[str, str]:
    """Ask the database whether it forgets commits, and how much memory and log it was given.

    Raises:
        SystemExit: when it may forget.
    """

    async def ask() -> dict[str, str]:
        connection = await asyncpg.connect(postgres.url)
        try:
            return {name: await connection.fetchval(f"SHOW {name}") for name in DURABILITY + MEMORY}
        finally:
            await connection.close()

    told = asyncio.run(ask())
    if {told[name] for name in DURABILITY} != {"on"}:
        raise SystemExit(f"the database may forget commits, so its speed says nothing: {told}")
    return told


def _python(module: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *words)


def _environment(settings: Mapping[str, str], command: tuple[str, ...]) -> tuple[str, ...]:
    """Run *command* with these settings and none of the environment's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return ("env", "-i", *(f"{name}={value}" for name, value in {**kept, **settings}.items()), *command)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/live") as answer:
            return bool(answer.status == 200)
    except OSError:
        time.sleep(0.02)
        return False


def post(url: str, headers: Mapping[str, str], body: object) -> dict[str, Any]:
    """Send *body* as JSON and give the answer."""
    told = {**headers, "Content-Type": "application/json", "Idempotency-Key": _word()}
    request = Request(url, msgspec.json.encode(body), told, method="POST")  # noqa: S310 - our own server
    try:
        with urlopen(request) as answer:  # noqa: S310 - our own server
            return cast("dict[str, Any]", msgspec.json.decode(answer.read()))
    except HTTPError as refused:
        raise SystemExit(f"POST {url} answered {refused.code}: {refused.read().decode()}") from refused


def get(url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Read what is at *url*."""
    with urlopen(Request(url, headers=dict(headers))) as answer:  # noqa: S310 - our own server
        return cast("dict[str, Any]", msgspec.json.decode(answer.read()))


def _word() -> str:
    """Make a name of letters only: digits could look like a card number."""
    return "bench-" + "".join(secrets.choice(PREFIX) for _ in range(12))
