"""How to get each route to each answer that it documents: by what is wrong anywhere, else by a scene of its own."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from hub.access.rules import Grant
from hub.access.service import make_key
from hub.app import utc_now
from hub.ids import new_id
from tests.hub.house import STRIPE_SECRET, House, Hub

Scene = Callable[[House], Awaitable[httpx.Response]]
Route = tuple[str, str]
TOKEN: Final = {"processor": "stripe", "token": "pm_card_visa"}
BODIES: Final[dict[str, Any]] = {
    "/v1/payment_methods/{method_id}/processor_tokens": TOKEN,
    "/v1/payment_methods/{method_id}/verify": {"currency": "EUR"},
    "/v1/payment_sessions/{session_id}/complete": {"token": "pm_card_visa"},
    "/v1/merchant_accounts/{account_id}": {"status": "paused"},
    "/v1/exceptions/{exception_id}/assign": {"owner": "bea"},
    "/v1/exceptions/{exception_id}/resolve": {"how": "reason", "reason": "found"},
    "/v1/exceptions/{exception_id}/reopen": {"reason": "lost again"},
    "/v1/webhook_deliveries/replay": {"status": "parked"},
    "/v1/webhook_endpoints/{endpoint_id}/redeliver": {"status": "dead"},
}
SCENES: Final[dict[tuple[str, str, int], Scene]] = {}
FORM: Final = "application/x-www-form-urlencoded"
CARD: Final = "4242424242424242"


def scene(method: str, path: str, status: int) -> Callable[[Scene], Scene]:
    """Say which answer the decorated scene leads to."""

    def kept(produce: Scene) -> Scene:
        SCENES[method, path, status] = produce
        return produce

    return kept


def filled(path: str, **ids: str) -> str:
    """Put *ids* into a path template; what is not given names nothing."""
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, ids.get(part.strip("{}"), "nothing_here"))
    return path


async def ask(hub: Hub, route: Route, *, query: str = "", **sent: Any) -> httpx.Response:
    """Send the simplest request that *route* takes, changed by *sent*."""
    method, path = route
    headers = {"Idempotency-Key": new_id("key_")} | sent.pop("headers", {})
    if method in {"POST", "PATCH"} and not {"content", "data"} & set(sent):
        sent["json"] = BODIES.get(path, {})
    return await hub.client.request(method, filled(path) + query, headers=headers, **sent)


async def narrow(home: House) -> dict[str, str]:
    """Headers of a caller whose key opens nothing that these routes show."""
    grant = Grant(principal="ada", scopes=frozenset())
    database = home.hub.parts.database
    _, secret = await make_key(database, grant, name="narrow", role=None, livemode=False, by=None, at=utc_now())
    return {"Authorization": f"Bearer {secret}"}


async def wrong_anywhere(home: House, route: Route, status: int) -> httpx.Response:
    """Get *route* to a status that it shares with all others."""
    match status:
        case 400:
            return await ask(home.hub, route, query="?x=%00")
        case 401:
            return await ask(home.hub, route, headers={"Authorization": "Bearer nobody"})
        case 403:
            return await ask(home.hub, route, headers=await narrow(home))
        case 404:
            return await ask(home.hub, route)
        case 408:
            return await half_sent(home.hub, route[0], filled(route[1]))
        case 413:
            return await ask(home.hub, route, content=b" " * 300_000, headers={"Content-Type": "application/json"})
        case 415:
            return await ask(home.hub, route, content=b"{}", headers={"Content-Type": "text/plain"})
        case 422:
            return await ask(home.hub, route, query=f"?card={CARD}")
        case _:
            raise LookupError(f"no scene leads {route} to {status}")


async def half_sent(
    hub: Hub, method: str, path: str, *, kind: str = "application/json", announced: int = 100
) -> httpx.Response:
    """Announce a hundred bytes or more, send ten, and read what comes."""
    at = urlsplit(hub.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    kind = FORM if path.startswith("/return") else kind
    head = [
        f"{method} {path} HTTP/1.1", f"Host: {at.netloc}", "Connection: close",
        f"Authorization: {hub.client.headers['authorization']}", f"Content-Type: {kind}",
        "Idempotency-Key: half", f"Content-Length: {announced}", "", '{"amount":',
    ]  # fmt: skip
    writer.write("\r\n".join(head).encode())
    async with asyncio.timeout(5):
        raw = await reader.read()
    writer.close()
    start, _, content = raw.partition(b"\r\n\r\n")
    status, *headers = start.decode().split("\r\n")
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in headers)]
    request = httpx.Request(method, hub.url + path)
    answer = httpx.Response(int(status.split(maxsplit=2)[1]), headers=pairs, content=content, request=request)
    answer.elapsed = timedelta(0)  # Nobody measured, and the schema's check wants to know.
    return answer


def signed(content: bytes) -> dict[str, str]:
    """Headers that prove a webhook to be Stripe's."""
    at = int(time.time())
    proof = hmac.new(STRIPE_SECRET.encode(), f"{at}.".encode() + content, sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={proof}", "Content-Type": "application/json"}


def webhook_body() -> bytes:
    intent = {"id": "pi_nobodys", "object": "payment_intent"}
    event = {"id": new_id("evt_"), "object": "event", "type": "payment_intent.created", "livemode": False}
    return msgspec.json.encode(event | {"api_version": "2026-10-28.endive", "created": 1, "data": {"object": intent}})


async def webhook(hub: Hub, account: str) -> httpx.Response:
    """Send a genuine webhook about a payment of nobody's."""
    content = webhook_body()
    return await hub.client.post(f"/webhooks/{account}", content=content, headers=signed(content))


async def charged(home: House, **changes: Any) -> httpx.Response:
    pinned = {"payment_method": home.payment_method, "merchant_account": home.accounts["stripe-eu"]}
    return await home.hub.charge(**pinned | changes)


async def payment(home: House, **changes: Any) -> str:
    """The id of a new payment."""
    return str((await charged(home, **changes)).json()["id"])


async def waiting(home: House, processor: str = "stripe") -> dict[str, Any]:
    """A payment that waits for its payer; at Adyen by a form."""
    tokens = {"stripe": "pm_card_threeDSecure2Required", "adyen": "stored_3ds_post"}
    method = await home.method(**{processor: tokens[processor]})
    account = home.accounts[f"{processor}-eu"]
    made = await charged(
        home, payment_method=method, merchant_account=account, return_url="https://shop.example/thanks"
    )
    told: dict[str, Any] = made.json()
    assert told["status"] == "requires_action", told
    return told


async def way_back(home: House) -> str:
    """The address that the payer of a waiting payment comes back to, without the hub's."""
    told = await waiting(home, "adyen")
    return str(told["next_action"]["url"]).removeprefix(home.hub.url).replace("/redirect/", "/return/")
