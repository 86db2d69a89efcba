"""The load: so many charges at a time, each with a key and a reference of its own, in a process of its own.

Reads a `Slice` a line from standard input and writes a `Measured` a line to standard output.
"""

import asyncio
import hmac
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import count
from typing import Final, cast

import msgspec
import uvloop
from msgspec import Struct

from benchmarks.wire import Messages

IDLE_S: Final = 3.0
"""How long a connection may rest and be used again; servers close theirs after some seconds, uvicorn after five."""
_FAILED: Final = 300
RAMP_S: Final = 0.1
"""How long a slice runs before it counts: its first answers come one whole charge after its first requests."""


class Slice(Struct, frozen=True, kw_only=True):
    """A stretch of load: `at_once` requests at a time, for `seconds` or until `requests` were sent.

    `body` is JSON without its last brace: the reference is added to it. With `secret` it is a whole webhook of Stripe's
    with words in it, `EVENT`, `INTENT` and `TAG`, that each request replaces: by an id of its own, and by the next of
    `told`, which are PaymentIntents and our tags.
    """

    port: int
    path: str
    headers: Mapping[str, str]
    body: str
    at_once: int
    seconds: float
    requests: int | None = None
    secret: str = ""
    told: Sequence[tuple[str, str]] = ()


class Measured(Struct, frozen=True, kw_only=True):
    """What came back: all answers by status, and the latencies, in ms, of those that came in the counted time."""

    statuses: Mapping[int, int]
    sample: str
    latencies_ms: list[float]
    counted_s: float

    @property
    def answers(self) -> int:
        """How many answers of any kind."""
        return sum(self.statuses.values())


class Lane(asyncio.Protocol):
    """One connection with one request at a time on it."""

    def __init__(self, course: "Course") -> None:
        self._course = course
        self._messages = Messages()
        self._sent_at = 0.0
        self.open = True
        self.idle = asyncio.Event()
        self.idle.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first `send`."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _failure: Exception | None) -> None:
        """Note it: between slices a server may close, in a slice it may not."""
        self.open = False
        if not self.idle.is_set():
            self._course.broken += 1
            self.idle.set()

    @property
    def usable(self) -> bool:
        """Whether the server surely still listens on it."""
        return self.open and time.perf_counter() - self._sent_at < IDLE_S

    def take(self, course: "Course") -> None:
        """Run in a slice."""
        self._course = course
        self.idle.clear()

    def send(self) -> None:
        """Send the next request, or rest."""
        request = self._course.request()
        if request is None:
            self.idle.set()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Note an answer and go on."""
        for message in self._messages.feed(data):
            self._course.note(self._sent_at, message.first, message.body)
            self.send()


class Course:
    """One slice as it runs."""

    def __init__(self, wanted: Slice, run: str, numbers: "count[int]") -> None:
        lines = (f"POST {wanted.path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json")
        given = (f"{name}: {value}" for name, value in wanted.headers.items())
        self._head = "\r\n".join((*lines, *given)).encode()
        self._body = wanted.body.encode()
        self._secret = wanted.secret.encode()
        self._told = iter(wanted.told)
        self._run, self._numbers = run, numbers
        self._left = wanted.requests
        self._began_at = time.perf_counter() + (0.0 if wanted.requests else RAMP_S)
        self._ends_at = self._began_at + wanted.seconds
        self._statuses: Counter[int] = Counter()
        self._latencies: list[float] = []
        self._sample = ""
        self.broken = 0

    def request(self) -> bytes | None:
        """Write the next request; None when the slice is over."""
        if time.perf_counter() >= self._ends_at or self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        if self._secret:
            return self._webhook(next(self._numbers))
        name = b"%b-%d" % (self._run.encode(), next(self._numbers))
        body = b'%b,"reference":"%b"}' % (self._body, name)
        return b"%b\r\nIdempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, name, len(body), body)

    def _webhook(self, number: int) -> bytes:
        """Write an event as Stripe sends it, signed."""
        intent, tag = next(self._told, (f"pi_{number}", f"att_{number}"))
        body = self._body.replace(b"EVENT", b"evt_%b%d" % (self._run.encode(), number))
        body = body.replace(b"INTENT", intent.encode()).replace(b"TAG", tag.encode())
        at = b"%d" % time.time()
        signature = hmac.new(self._secret, at + b"." + body, sha256).hexdigest().encode()
        head = b"%b\r\nStripe-Signature: t=%b,v1=%b" % (self._head, at, signature)
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)

    def note(self, sent_at: float, first: bytes, body: bytes) -> None:
        """Count an answer."""
        now = time.perf_counter()
        status = int(first[9:12])
        self._statuses[status] += 1
        if status >= _FAILED or not self._sample:
            self._sample = body[:600].decode(errors="replace")
        if self._began_at <= now < self._ends_at:
            self._latencies.append((now - sent_at) * 1000)

    def measured(self) -> Measured:
        """Sum up; a lost connection counts as an answer of status 0."""
        if self.broken:
            self._statuses[0] = self.broken
        counted_s = min(time.perf_counter(), self._ends_at) - self._began_at
        return Measured(statuses=self._statuses, sample=self._sample, latencies_ms=self._latencies, counted_s=counted_s)


class Loader:
    """Keeps its connections from one slice to the next."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._numbers = count(1)
        self._lanes: dict[int, list[Lane]] = {}

    async def drive(self, wanted: Slice) -> Measured:
        """Run one slice and wait for its last answer."""
        course = Course(wanted, self._run, self._numbers)
        lanes = await self._open(wanted, course)
        for lane in lanes:
            lane.send()
        for lane in lanes:
            await lane.idle.wait()
        return course.measured()

    async def _open(self, wanted: Slice, course: Course) -> list[Lane]:
        lanes = [lane for lane in self._lanes.get(wanted.port, []) if lane.usable]
        loop = asyncio.get_running_loop()
        while len(lanes) < wanted.at_once:
            lanes.append((await loop.create_connection(lambda: Lane(course), "127.0.0.1", wanted.port))[1])
        self._lanes[wanted.port] = lanes
        chosen = lanes[: wanted.at_once]
        for lane in chosen:
            lane.take(course)
        return chosen


async def main() -> None:
    """Serve slices until standard input ends."""
    loop = asyncio.get_running_loop()
    loader = Loader(sys.argv[1])
    decode = msgspec.json.Decoder(Slice).decode
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        measured = await loader.drive(decode(line))
        sys.stdout.buffer.write(msgspec.json.encode(measured) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
