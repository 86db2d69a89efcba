"""What only a sandbox answers: faults, money, the dashboard, webhooks, the clock."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.sandbox.book import Body
from hub.sandbox.deliveries import Mode
from hub.sandbox.faults import Fault
from hub.sandbox.processor import Order, RefusedError

if TYPE_CHECKING:
    from hub.sandbox.processor import Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KINDS = ("authorized", "captured", "refunded", "voided", "disputed")
LISTED_MAX = 1000


class Advance(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the clock jumps; never back."""

    advance_s: float


class Redeliver(Struct, frozen=True, forbid_unknown_fields=True):
    """Which delivery goes out once more: that of an `event`, or the one with that `seq` in the list of webhooks."""

    event: str | None = None
    seq: int | None = None


class Flush(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait at most."""

    timeout_s: float = 10.0


def routes(sandbox: "Sandbox") -> list[web.RouteDef]:
    """Return the control's endpoints."""
    desk = _Desk(sandbox)
    return [
        web.get("/_control/health", _told(desk.health)),
        web.get("/_control/faults", _told(desk.faults)),
        web.post("/_control/faults", _told(desk.add_fault)),
        web.delete("/_control/faults", _told(desk.clear_faults)),
        web.get("/_control/money", _told(desk.money)),
        web.get("/_control/requests", _told(desk.requests)),
        web.post("/_control/dashboard", _told(desk.dashboard)),
        web.get("/_control/webhooks", _told(desk.webhooks)),
        web.post("/_control/webhooks", _told(desk.set_webhooks)),
        web.post("/_control/webhooks/redeliver", _told(desk.redeliver)),
        web.post("/_control/webhooks/flush", _told(desk.flush)),
        web.post("/_control/clock", _told(desk.clock)),
        web.put("/_control/accounts/{account}", _told(desk.set_account)),
        web.get("/_control/accounts/{account}", _told(desk.account)),
    ]


def _told(handle: Callable[[web.Request], Awaitable[Body]]) -> Handler:
    """Answer in JSON; what the caller got wrong as 400 or 409 with a sentence."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            status, body = 200, await handle(request)
        except msgspec.DecodeError as error:
            status, body = 400, {"error": str(error)}
        except RefusedError as error:
            status, body = 409, {"error": str(error)}
        return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")

    return handler


class _Desk:
    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    async def health(self, _: web.Request) -> Body:
        return {"status": "ok", "processor": self.sandbox.processor.name, "now": self.sandbox.clock.now()}

    async def faults(self, _: web.Request) -> Body:
        return {"data": [msgspec.to_builtins(fault) for fault in self.sandbox.faults.waiting()]}

    async def add_fault(self, request: web.Request) -> Body:
        fault = msgspec.json.decode(await request.read(), type=Fault)
        self.sandbox.faults.add(fault)
        return {"added": msgspec.to_builtins(fault)}

    async def clear_faults(self, _: web.Request) -> Body:
        self.sandbox.faults.clear()
        return {"data": []}

    async def money(self, request: web.Request) -> Body:
        tag = request.query.get("tag")
        return _totals(self.sandbox) if tag is None else _of_tag(self.sandbox, tag)

    async def requests(self, request: web.Request) -> Body:
        tag = request.query.get("tag")
        return {"data": [seen for seen in self.sandbox.requests if tag in {None, seen["tag"], seen["payment_tag"]}]}

    async def dashboard(self, request: web.Request) -> Body:
        order = msgspec.json.decode(await request.read(), type=Order)
        known = self.sandbox.processor.orders
        if order.do not in known:
            raise RefusedError(f"do: one of {', '.join(known)}")
        with self.sandbox.book.transaction():
            made = self.sandbox.processor.dashboard(self.sandbox, order)
        self.sandbox.deliveries.wake()
        return made

    async def webhooks(self, _: web.Request) -> Body:
        deliveries = self.sandbox.deliveries
        mode = msgspec.to_builtins(deliveries.mode)
        return {**mode, "counts": deliveries.counts(), "data": deliveries.listed(LISTED_MAX)}

    async def set_webhooks(self, request: web.Request) -> Body:
        mode = msgspec.json.decode(await request.read(), type=Mode)
        known = self.sandbox.processor.forgeries
        if not set(mode.forgeries) <= set(known):
            raise RefusedError(f"forgeries: of {', '.join(known)}")
        self.sandbox.deliveries.set_mode(mode)
        told: Body = msgspec.to_builtins(mode)
        return told

    async def redeliver(self, request: web.Request) -> Body:
        asked = msgspec.json.decode(await request.read(), type=Redeliver)
        if not self.sandbox.deliveries.redeliver(asked.event, asked.seq):
            raise RefusedError(f"no delivery of the event {asked.event} or with the seq {asked.seq}")
        self.sandbox.deliveries.wake()
        return {"queued": msgspec.to_builtins(asked)}

    async def flush(self, request: web.Request) -> Body:
        asked = msgspec.json.decode(await request.read() or b"{}", type=Flush)
        return await self.sandbox.deliveries.flush(asked.timeout_s)

    async def clock(self, request: web.Request) -> Body:
        asked = msgspec.json.decode(await request.read(), type=Advance)
        if asked.advance_s < 0:
            msg = "advance_s is negative: the clock only goes forward"
            raise RefusedError(msg)
        self.sandbox.clock.advance(asked.advance_s)
        self.sandbox.deliveries.wake()
        return {"now": self.sandbox.clock.now()}

    async def set_account(self, request: web.Request) -> Body:
        settings = msgspec.json.decode(await request.read(), type=Body)
        self.sandbox.deliveries.set_account(request.match_info["account"], settings)
        return {"account": request.match_info["account"], "set": sorted(settings)}

    async def account(self, request: web.Request) -> Body:
        return self.sandbox.settings(request.match_info["account"])


def _of_tag(sandbox: "Sandbox", tag: str) -> Body:
    """Sum what moved under *tag*, whether it names the payment or one capture or refund of it."""
    sql = "SELECT kind, sum(amount_minor) FROM money WHERE tag = ?1 OR own_tag = ?1 GROUP BY kind"
    sums = dict(sandbox.book.sql.execute(sql, (tag,)))
    distinct = (
        "SELECT count(DISTINCT payment) FROM money"
        " WHERE (tag = ?1 OR own_tag = ?1) AND kind IN ('authorized', 'captured')"
    )
    (charges,) = sandbox.book.sql.execute(distinct, (tag,)).fetchone()
    return {**dict.fromkeys(KINDS, 0), **sums, "charges": charges}


def _totals(sandbox: "Sandbox") -> Body:
    accounts: dict[str, dict[str, dict[str, int]]] = {}
    empty = dict.fromkeys((*KINDS, "charges"), 0)
    sums = "SELECT account, currency, kind, sum(amount_minor) FROM money GROUP BY account, currency, kind"
    for account, currency, kind, amount_minor in sandbox.book.sql.execute(sums):
        accounts.setdefault(account, {}).setdefault(currency, dict(empty))[kind] = amount_minor
    distinct = (
        "SELECT account, currency, count(DISTINCT payment) FROM money"
        " WHERE kind IN ('authorized', 'captured') GROUP BY account, currency"
    )
    for account, currency, charges in sandbox.book.sql.execute(distinct):
        accounts[account][currency]["charges"] = charges
    return {"accounts": accounts}
