"""A real HTTP server that answers as a test tells it to, in order, and keeps what it was sent."""

from collections import deque
from collections.abc import Mapping
from typing import Self

import msgspec
from aiohttp import web
from msgspec import Struct


class Sent(Struct, frozen=True):
    path: str
    headers: Mapping[str, str]
    raw: bytes
    query: Mapping[str, str] = {}

    @property
    def body(self) -> dict[str, object]:
        return msgspec.json.decode(self.raw, type=dict[str, object])

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


class Answer(Struct, frozen=True):
    body: object = {}
    status: int = 200
    headers: Mapping[str, str] = {}


class HangUp(Struct, frozen=True):
    pass


HANG_UP = HangUp()


class ScriptedAdyen:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.script: deque[Answer | HangUp] = deque()
        self.base_url = ""

    def will_answer(self, *answers: Answer | HangUp) -> None:
        self.script.extend(answers)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.sent.append(Sent(request.path, headers, await request.read(), dict(request.query)))
        answer = self.script.popleft() if self.script else Answer(status=599)
        if isinstance(answer, HangUp):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        raw = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
        return web.Response(status=answer.status, body=raw, headers=dict(answer.headers))


def paid(result: str = "Authorised", **facts: object) -> Answer:
    return Answer({"resultCode": result, "pspReference": "PSP1", **facts})


def received(psp: str = "MOD1", **facts: object) -> Answer:
    return Answer({"status": "received", "pspReference": psp, "merchantAccount": "Shop", **facts}, status=201)


def refused(status: int, code: str, **facts: object) -> Answer:
    body = {"status": status, "errorCode": code, "message": "No.", "errorType": "validation"}
    return Answer({**body, **facts}, status=status)
