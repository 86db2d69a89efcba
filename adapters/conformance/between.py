"""Stands between an adapter and its server, hands everything on, and changes words in the answers."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web

from adapters.conformance.stub import listening

HOP_BY_HOP: Final = frozenset({"connection", "content-encoding", "content-length", "host", "transfer-encoding"})
"""Headers that belong to one connection, and what changes with the body."""


class Between:
    """`changes` are made in every answer, whole words only; `changed` counts those that were found."""

    def __init__(self, target: str, http: aiohttp.ClientSession) -> None:
        """Change nothing yet."""
        self.base_url = ""
        self.changes: Mapping[str, str] = {}
        self.changed = 0
        self._target = target
        self._http = http

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Ask the server and answer with its answer, changed."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        body = await request.read()
        async with self._http.request(
            request.method, self._target + request.raw_path, headers=headers, data=body, allow_redirects=False
        ) as answer:
            told = self._change(await answer.read())
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, body=told, headers=kept)

    def _change(self, body: bytes) -> bytes:
        for old, new in self.changes.items():
            body, times = re.subn(rb"(?<!\w)" + re.escape(old.encode()) + rb"(?!\w)", new.encode(), body)
            self.changed += times
        return body


@asynccontextmanager
async def between(target: str, http: aiohttp.ClientSession) -> AsyncIterator[Between]:
    """Stand before the server at *target*."""
    made = Between(target, http)
    async with listening(made.handle) as url:
        made.base_url = url
        yield made
