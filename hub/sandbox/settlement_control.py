"""`/_control/settlements`: batches are closed, and their reports read, whatever processor it is."""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from hub.sandbox.batches import Batch, Batches
from hub.sandbox.book import Body
from hub.sandbox.closing import Close
from hub.sandbox.processor import RefusedError, Sandbox
from hub.sandbox.terms import TermsError

PATH = "/_control/settlements"


def routes(sandbox: Sandbox) -> Sequence[web.RouteDef]:
    """Return the control's endpoints for settlements."""
    desk = _Desk(sandbox)
    return [
        web.post(PATH, desk.close),
        web.get(PATH, desk.listed),
        web.get(PATH + "/{batch}/report", desk.report),
    ]


def shown(batch: Batch) -> Body:
    """Show a batch; `payout` is its only one, or its first."""
    return {
        "batch": str(batch.id),
        "account": batch.account,
        "closed_at": batch.closed_at,
        "payout": batch.payouts[0].id,
        "payouts": [{"id": paid.id, "currency": paid.currency, "amount": paid.amount_minor} for paid in batch.payouts],
        "lines": batch.lines,
        "told": batch.told,
        "report": f"{PATH}/{batch.id}/report",
    }


class _Desk:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def close(self, request: web.Request) -> web.StreamResponse:
        try:
            order = msgspec.json.decode(await request.read(), type=Close)
            with self.sandbox.book.transaction():
                batch = self.sandbox.processor.close(self.sandbox, order)
        except msgspec.DecodeError as error:
            return _refused(400, error)
        except (RefusedError, TermsError) as error:
            return _refused(409, error)
        self.sandbox.deliveries.wake()
        return web.json_response(shown(batch))

    async def listed(self, request: web.Request) -> web.StreamResponse:
        account = request.query.get("account", "")
        return web.json_response({"data": [shown(batch) for batch in Batches(self.sandbox.book).newest(account)]})

    async def report(self, request: web.Request) -> web.StreamResponse:
        known = self.sandbox.processor.reports
        format = request.query.get("format", known[0])
        id = request.match_info["batch"]
        batch = Batches(self.sandbox.book).find(int(id)) if id.isascii() and id.isdigit() else None
        if batch is None:
            return _refused(404, f"no batch {id}")
        if format not in known:
            return _refused(400, f"format: one of {', '.join(known)}")
        text = self.sandbox.processor.report(self.sandbox, batch, format)
        return web.Response(text=text, content_type="text/csv")


def _refused(status: int, why: object) -> web.StreamResponse:
    return web.json_response({"error": str(why)}, status=status)
