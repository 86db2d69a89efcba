"""Checkout.com, as the sandbox's core asks for it."""

import hashlib
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from hub.sandbox.batches import Batch
from hub.sandbox.book import Body
from hub.sandbox.checkout_com import actions, browser, dashboard, endpoints, notices, payments, settling
from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.errors import BROKEN, CONFLICT, RATE_LIMITED
from hub.sandbox.checkout_com.once import forget
from hub.sandbox.closing import Close
from hub.sandbox.deliveries import Signed
from hub.sandbox.faults import Act, Answer
from hub.sandbox.processor import Order, Sandbox

_MINUTE_S: Final = 60.0
_KEY_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


class CheckoutCom:
    """The pretend Checkout.com; everything it remembers is in the book."""

    name: str = "checkout_com"
    orders: tuple[str, ...] = ("refund", "capture", "cancel", "dispute")
    reports: tuple[str, ...] = settling.REPORTS
    forgeries: tuple[str, ...] = ("signature",)
    # It wants a 2xx within ten seconds and tries again; how often is not in the pages that were at hand.
    # Source: https://www.checkout.com/docs/reporting-and-insights/webhooks
    retry_delays_s: tuple[float, ...] = tuple(minutes * _MINUTE_S for minutes in (5, 10, 15, 30, 60, 240, 720, 1440))
    webhook_timeout_s: float = 10.0

    def credentials(self, account: str, url: str) -> Body:
        """Return a business of its own for each channel: a secret key, a public key, a signature key."""
        digest = hashlib.sha256(account.encode()).digest()
        key = "".join(_KEY_LETTERS[byte % 32] for byte in digest)[:27]
        return {
            "base_url": url,
            "secret_key": f"sk_sbox_{key}",
            "public_key": f"pk_sbox_{key}",
            "processing_channel_id": account,
            "webhook_secret": digest.hex(),
        }

    def routes(self, sandbox: Sandbox) -> Sequence[web.RouteDef]:
        """Return the API, the bank's page, the stored cards."""
        desk = Desk(sandbox)
        return [*endpoints.routes(desk), *browser.routes(desk)]

    def sign(self, body: bytes, settings: Body, at: float, *, forged: str = "") -> Signed:  # noqa: ARG002 - not timed
        """Sign a delivery with the account's `webhook_secret`; a forged one with another key."""
        key = "forged" if forged else str(settings.get("webhook_secret", ""))
        headers = {"Content-Type": "application/json; charset=utf-8", notices.HEADER: notices.signature(body, key)}
        return Signed(headers, body)

    def rate_limited(self) -> Answer:
        """Return Checkout.com's 429."""
        return RATE_LIMITED.answer()

    def server_error(self) -> Answer:
        """Return Checkout.com's 500."""
        return BROKEN.answer()

    def key_in_use(self) -> Answer:
        """Return 409: another request with this key is being processed."""
        return CONFLICT.answer()

    def failed_after(self, sandbox: Sandbox, act: Act, answer: Answer) -> None:  # noqa: ARG002 - a 500 is a 500
        """Forget the key: what was answered with an error is attempted again when it is sent again."""
        if act.key:
            forget(sandbox.book, act.key)

    def dashboard(self, sandbox: Sandbox, order: Order) -> Body:
        """Carry out an order from the Dashboard."""
        return dashboard.ordered(Desk(sandbox), order)

    def close(self, sandbox: Sandbox, order: Close) -> Batch:
        """Settle what a processing channel has to settle; nothing tells of it, the report is fetched by hand."""
        return settling.close(Desk(sandbox), order)

    def report(self, sandbox: Sandbox, batch: Batch, kind: str) -> str:  # noqa: ARG002 - there is one kind
        """Write the financial actions of a batch's payouts."""
        return settling.written(Desk(sandbox), batch)

    def due(self, sandbox: Sandbox, job: Body) -> None:
        """Do what was put off: an action that was accepted, a challenge that nobody answered."""
        desk = Desk(sandbox)
        payment = desk.payment(job["payment"])
        if payment is None:
            return
        if job["do"] == "abandon":
            payments.abandon(desk, payment)
            return
        waiting = desk.action(payment, job["action"])
        if waiting is not None and waiting.approved is None:
            actions.finish(desk, payment, waiting)


PROCESSOR: Final = CheckoutCom()
