"""Callers who must not get what they ask for: each request of a scene is tried by them before its owner sends it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from msgspec import Struct

from hub.access.rules import ROLES, Role
from tests.hub.house import LIMITS, TRUSTS_NOBODY, House

OTHER_MODE: Final = "a key of the other mode"
OTHER_ACCOUNT: Final = "a key for another merchant account"
_ID: Final = re.compile(r"\b[a-z]{2,3}_[0-9a-z]{26}\b")


class Crowd(Struct, frozen=True):
    """Strangers by what they are: the headers that each sends."""

    nobody: dict[str, dict[str, str]]
    roles: dict[Role, dict[str, str]]
    other_mode: dict[str, str]
    other_account: dict[str, str]
    own: set[str]
    """The ids of what the one for another account may know: the account, the key, and what was made with it."""

    def of(self, scope: str) -> dict[str, tuple[dict[str, str], int]]:
        """Everybody who is refused at the door, and with which status."""
        nobody = {name: (headers, 401) for name, headers in self.nobody.items()}
        lacking = {f"the role {role}": (self.roles[role], 403) for role in Role if scope not in ROLES[role]}
        return nobody | lacking


async def crowd(home: House, account: str) -> Crowd:
    """Make the strangers' keys; *account* is one that nothing else happens at."""
    revoked = await home.caller(Role.ADMIN)
    listed = (await home.hub.client.get("/v1/api_keys", params={"limit": 1})).json()["data"]
    gone = await home.hub.client.delete(f"/v1/api_keys/{listed[0]['id']}")
    assert gone.status_code == 204, gone.text
    ended = datetime.now(UTC) - timedelta(seconds=1)
    elsewhere = await home.caller(Role.ADMIN, merchant_accounts=frozenset({account}))
    keys = (await home.hub.client.get("/v1/api_keys", headers=elsewhere)).text
    return Crowd(
        nobody={
            "no key": {},
            "a key that nobody made": {"Authorization": "Bearer hub_test_" + "0" * 32},
            "a revoked key": revoked,
            "an expired key": await home.caller(Role.ADMIN, expires_at=ended),
        },
        roles={role: await home.caller(role) for role in Role},
        other_mode=await home.caller(Role.ADMIN, livemode=True),
        other_account=elsewhere,
        own={account, *_ID.findall(keys)},
    )


class Tried(Struct, frozen=True):
    """What a stranger was answered."""

    who: str
    wanted: int | None
    answer: httpx.Response


@asynccontextmanager
async def trying(home: House, route: tuple[str, str], strangers: Crowd, door: "Asked") -> AsyncIterator[list[Tried]]:
    """Have strangers send every request to *route* first, with their keys and all else as it is."""
    method, path = route
    address = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
    tried: list[Tried] = []
    async with httpx.AsyncClient(timeout=40, limits=LIMITS, verify=TRUSTS_NOBODY) as client:

        async def first(request: httpx.Request) -> None:
            if request.method != method or not address.fullmatch(request.url.path):
                return
            content = await request.aread()
            for who, (headers, wanted) in door.tried_by(strangers).items():
                kept = {name: value for name, value in request.headers.items() if name not in {"authorization", "host"}}
                sent = client.build_request(method, request.url, headers=kept | headers, content=content)
                tried.append(Tried(who, wanted, await client.send(sent)))

        home.hub.client.event_hooks["request"].append(first)
        try:
            yield tried
        finally:
            home.hub.client.event_hooks["request"].remove(first)


class Asked(Struct, frozen=True):
    """Which strangers try a route, and what each is to be answered; None: anything that shows nothing."""

    scope: str
    other_mode: int | None
    other_account: int | None
    reached_by_any_account: bool = False

    def tried_by(self, strangers: Crowd) -> dict[str, tuple[dict[str, str], int | None]]:
        """Everybody who tries."""
        everybody: dict[str, tuple[dict[str, str], int | None]] = {**strangers.of(self.scope)}
        everybody[OTHER_MODE] = (strangers.other_mode, self.other_mode)
        if not self.reached_by_any_account:
            everybody[OTHER_ACCOUNT] = (strangers.other_account, self.other_account)
        return everybody


def shown(tried: Tried, owner: httpx.Response, strangers: Crowd) -> set[str]:
    """The ids that a stranger learned: those that the owner is shown, without those that the stranger sent or made.

    By which ruleset a payment would be routed is said to whoever may charge.
    """
    sent = set(_ID.findall(f"{owner.request.url} {owner.request.read().decode('utf-8', 'replace')}"))
    told = {one for one in _ID.findall(tried.answer.text) if not one.startswith("rs_")}
    if tried.answer.is_success and tried.answer.request.method == "POST":
        strangers.own.update(told)
    return told & set(_ID.findall(owner.text)) - sent - strangers.own
