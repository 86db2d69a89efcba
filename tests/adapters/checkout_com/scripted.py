"""A real HTTP server that answers as a test tells it to, in order, and keeps what it was sent."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from aiohttp import web
from msgspec import Struct


class Sent(Struct, frozen=True):
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    query: Mapping[str, str] = {}

    @property
    def body(self) -> dict[str, Any]:
        return msgspec.json.decode(self.raw, type=dict[str, Any])

    @property
    def key(self) -> str:
        return self.headers["cko-idempotency-key"]


class Answer(Struct, frozen=True):
    body: object = {}
    status: int = 200
    headers: Mapping[str, str] = {}


class ScriptedCheckoutCom:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.script: deque[Answer] = deque()
        self.base_url = ""

    def will_answer(self, *answers: Answer) -> None:
        self.script.extend(answers)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.sent.append(Sent(request.method, request.path, headers, await request.read(), dict(request.query)))
        answer = self.script.popleft() if self.script else Answer(status=599)
        raw = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
        return web.Response(status=answer.status, body=raw, headers=dict(answer.headers))


def paid(status: str = "Authorized", **facts: object) -> Answer:
    approved = status not in {"Declined", "Pending", "Canceled", "Expired"}
    return Answer({"id": "pay_1", "status": status, "approved": approved, **facts}, status=201)


def challenged(**facts: object) -> Answer:
    links = {"redirect": {"href": "https://bank.example/3ds"}}
    return Answer({"id": "pay_1", "status": "Pending", "_links": links, **facts}, status=202)


def accepted(**facts: object) -> Answer:
    return Answer({"action_id": "act_1", **facts}, status=202)


def listed(*payments: Answer) -> Answer:
    return Answer({"limit": 100, "skip": 0, "total_count": len(payments), "data": [one.body for one in payments]})


def acted(*actions: dict[str, object]) -> Answer:
    opened = {"id": "act_0", "type": "Authorization", "approved": True, "response_code": "10000"}
    return Answer([*actions, opened])


def refused(*codes: str, status: int = 422) -> Answer:
    body = {"request_id": "0HL80RJLS76I7", "error_type": "request_invalid", "error_codes": list(codes)}
    return Answer(body, status=status)
