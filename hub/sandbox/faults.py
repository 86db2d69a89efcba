"""
The ways a processor fails, on demand, and the one door through which every answer leaves.

A fault "after" fails the answer only: what was asked has been done and is in the book.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.sandbox.book import Book

if TYPE_CHECKING:
    from hub.sandbox.processor import Sandbox

FaultName = Literal[
    "silent_before",
    "silent_after",
    "reset_before",
    "reset_after",
    "error_500_before",
    "error_500_after",
    "rate_limited",
    "malformed",
    "truncated",
    "delay",
    "delay_before",
]
Operation = Literal["authorize", "purchase", "capture", "void", "refund", "complete", "inquire", "other"]

POLL_S = 0.05
TRUNCATED_BY = 64
BROKEN_JSON = b'{"id": "br'
LINGER_NONE = struct.pack("ii", 1, 0)


class Act(Struct, frozen=True, kw_only=True):
    """What a request is, in the words faults are matched by."""

    operation: Operation
    account: str
    tag: str = ""  # The caller's reference of this operation; empty where it sent none.
    payment_tag: str = ""  # The caller's reference of the payment it works on, where that is another.
    key: str = ""  # The idempotency key; empty where it sent none.


class Answer(Struct, frozen=True):
    """What goes back over the wire."""

    status: int
    body: bytes
    headers: dict[str, str] = {}
    content_type: str = "application/json"


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a fault meets; an absent field means any."""

    operation: Operation | None = None
    reference: str | None = None
    account: str | None = None


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One fault that waits for its request.

    `delay` acts and then waits `delay_ms` before it answers, so that webhooks overtake the answer;
    `delay_before` waits first, and acts even if the caller has hung up. The idempotency key counts as at work
    in both.
    """

    fault: FaultName
    match: Match = Match()
    count: int | None = 1  # None: until removed.
    delay_ms: int = 1000

    def meets(self, act: Act) -> bool:
        """Tell whether *act* is what this fault waits for."""
        wanted = self.match
        return (
            wanted.operation in {None, act.operation}
            and wanted.reference in {None, act.tag, act.payment_tag}
            and wanted.account in {None, act.account}
        )


class Faults:
    """The faults that wait; the oldest that fits is taken."""

    def __init__(self, book: Book) -> None:
        """Take up the faults the book remembers."""
        self._book = book
        kept = book.kept("fault")
        self._waiting = {name: msgspec.json.decode(raw, type=Fault) for name, raw in kept.items()}
        self._last = max((int(name) for name in self._waiting), default=0)

    def add(self, fault: Fault) -> None:
        """Let *fault* wait for its requests."""
        self._last += 1
        self._set(f"{self._last:09d}", fault)

    def clear(self) -> None:
        """Remove every fault."""
        for name in list(self._waiting):
            self._set(name, None)

    def waiting(self) -> list[Fault]:
        """List the faults that still wait."""
        return list(self._waiting.values())

    def take(self, act: Act) -> Fault | None:
        """Return the fault that *act* meets, counting it down."""
        for name, fault in self._waiting.items():
            if fault.meets(act):
                self._count_down(name, fault)
                return fault
        return None

    def _count_down(self, name: str, fault: Fault) -> None:
        if fault.count is None:
            return
        left = msgspec.structs.replace(fault, count=fault.count - 1) if fault.count > 1 else None
        self._set(name, left)

    def _set(self, name: str, fault: Fault | None) -> None:
        self._book.keep("fault", name, fault)
        if fault is None:
            del self._waiting[name]
        else:
            self._waiting[name] = fault


async def answer(
    sandbox: "Sandbox", request: web.Request, act: Act, carry_out: Callable[[], Answer]
) -> web.StreamResponse:
    """
    Carry out a request in one transaction and answer it, as well as the faults that wait allow.

    *carry_out* is synchronous, so that no two requests are ever half done at once.
    """
    _log(sandbox, request, act)
    held = (act.account, act.key)
    if act.key and held in sandbox.keys_at_work:
        return _response(sandbox.processor.key_in_use())
    if act.key:
        sandbox.keys_at_work.add(held)
    try:
        return await _with_faults(sandbox, request, act, carry_out)
    finally:
        sandbox.keys_at_work.discard(held)


async def _with_faults(
    sandbox: "Sandbox", request: web.Request, act: Act, carry_out: Callable[[], Answer]
) -> web.StreamResponse:
    fault = sandbox.faults.take(act)
    early = None if fault is None else await _before(sandbox, request, fault)
    if early is not None:
        return early
    with sandbox.book.transaction():
        done = carry_out()
        if fault is not None and fault.fault == "error_500_after":
            done = sandbox.processor.server_error()
            sandbox.processor.failed_after(sandbox, act, done)
    sandbox.deliveries.wake()
    return _response(done) if fault is None else await _after(sandbox, request, act, fault, done)


async def _before(sandbox: "Sandbox", request: web.Request, fault: Fault) -> web.StreamResponse | None:
    match fault.fault:
        case "silent_before":
            return await _silence(sandbox, request)
        case "reset_before":
            return _reset(request)
        case "error_500_before":
            return _response(sandbox.processor.server_error())
        case "rate_limited":
            return _response(sandbox.processor.rate_limited())
        case "delay_before":
            await asyncio.sleep(fault.delay_ms / 1000)
    return None


async def _after(sandbox: "Sandbox", request: web.Request, act: Act, fault: Fault, done: Answer) -> web.StreamResponse:
    match fault.fault:
        case "silent_after":
            # The work is over, so the key is free: only the answer was lost.
            sandbox.keys_at_work.discard((act.account, act.key))
            return await _silence(sandbox, request)
        case "reset_after":
            return _reset(request)
        case "truncated":
            return _truncate(request, done)
        case "malformed":
            return _response(Answer(200, BROKEN_JSON))
        case "delay":
            await asyncio.sleep(fault.delay_ms / 1000)
    return _response(done)


def _log(sandbox: "Sandbox", request: web.Request, act: Act) -> None:
    sandbox.requests.append({
        "method": request.method, "path": request.path, "operation": act.operation, "account": act.account,
        "tag": act.tag, "payment_tag": act.payment_tag, "idempotency_key": act.key, "at": sandbox.clock.now(),
    })  # fmt: skip


def _response(done: Answer) -> web.Response:
    return web.Response(status=done.status, body=done.body, headers=done.headers, content_type=done.content_type)


async def _silence(sandbox: "Sandbox", request: web.Request) -> web.StreamResponse:
    while not (sandbox.closing.is_set() or request.transport is None or request.transport.is_closing()):
        with suppress(TimeoutError):
            await asyncio.wait_for(sandbox.closing.wait(), POLL_S)
    return _reset(request)


def _reset(request: web.Request) -> web.StreamResponse:
    """Close with RST instead of FIN; what is returned can no longer be written."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        request.transport.abort()
    return web.Response()


def _truncate(request: web.Request, done: Answer) -> web.StreamResponse:
    if isinstance(request.transport, asyncio.Transport):
        promised = len(done.body) + TRUNCATED_BY
        head = f"HTTP/1.1 {done.status} OK\r\nContent-Type: {done.content_type}\r\n"
        request.transport.write(f"{head}Content-Length: {promised}\r\n\r\n".encode() + done.body)
        request.transport.close()
    return web.Response()
