"""Adyen, as the sandbox's core asks for it."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from hub.sandbox.adyen import (
    browser,
    dashboard,
    dispute_endpoints,
    endpoints,
    forgeries,
    jobs,
    notices,
    replies,
    report_endpoints,
    settling,
    token_notices,
)
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.errors import BROKEN, IN_USE, RATE_LIMITED, TRANSIENT
from hub.sandbox.batches import Batch
from hub.sandbox.book import Body
from hub.sandbox.closing import Close
from hub.sandbox.deliveries import Signed
from hub.sandbox.faults import Act, Answer
from hub.sandbox.processor import Order, Sandbox

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
_EVERY_8_HOURS: Final = (8 * _HOUR_S,) * 88
"""Until thirty days are over."""


class Adyen:
    """The pretend Adyen; everything it remembers is in the book."""

    name: str = "adyen"
    orders: tuple[str, ...] = dashboard.ORDERS
    reports: tuple[str, ...] = settling.REPORTS
    forgeries: tuple[str, ...] = forgeries.NAMES
    # Source: https://docs.adyen.com/development-resources/webhooks/troubleshoot
    retry_delays_s: tuple[float, ...] = (
        9.0, 18.0, 27.0, 2 * _MINUTE_S, 5 * _MINUTE_S, 10 * _MINUTE_S, 15 * _MINUTE_S, 30 * _MINUTE_S,
        _HOUR_S, 2 * _HOUR_S, 4 * _HOUR_S, *_EVERY_8_HOURS,
    )  # fmt: skip
    webhook_timeout_s: float = 10.0

    def credentials(self, account: str, url: str) -> Body:
        """Return the merchant account, a key that opens every one of them, and an HMAC key in hexadecimal digits."""
        key = hashlib.sha256(account.encode()).hexdigest()
        return {
            "base_url": url,
            "api_key": "pretend",
            "client_key": "test_pretend",
            "merchant_account": account,
            "webhook_secret": key,
            "report_user": report_endpoints.USER,
            "report_password": report_endpoints.password(account),
        }

    def routes(self, sandbox: Sandbox) -> Sequence[web.RouteDef]:
        """Return the APIs, Checkout's under the test URL's path and the live one's, the bank's pages, the tokens."""
        desk = Desk(sandbox)
        return [
            *endpoints.routes(desk),
            *dispute_endpoints.routes(desk),
            *report_endpoints.routes(desk),
            *browser.routes(desk),
        ]

    def sign(self, body: bytes, settings: Body, at: float, *, forged: str = "") -> Signed:  # noqa: ARG002 - not timed
        """
        Sign with the account's `webhook_secret`: every item, or a token's webhook as a whole; for forgeries see there.

        What has no secret goes out unsigned.
        """
        key, headers = str(settings.get("webhook_secret", "")), {"Content-Type": "application/json; charset=utf-8"}
        if token_notices.is_one(body):
            body, more = _signed_token(body, key, forged)
            headers |= more
        elif key:
            body = forgeries.forged(body, key, forged) if forged else notices.signed(body, key)
        user = settings.get("webhook_user")
        if user:
            pair = f"{user}:{settings.get('webhook_password', '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return Signed(headers, body)

    def rate_limited(self) -> Answer:
        """Return Adyen's "too many requests"."""
        return RATE_LIMITED.answer(headers=TRANSIENT)

    def server_error(self) -> Answer:
        """Return Adyen's 500."""
        return BROKEN.answer(replies.new_psp(), TRANSIENT)

    def key_in_use(self) -> Answer:
        """Return 422 and 704; Adyen documents 409 beside it, but not in its OpenAPI."""
        return IN_USE.answer(headers=TRANSIENT)

    def failed_after(self, sandbox: Sandbox, act: Act, answer: Answer) -> None:
        """Remember nothing: the key keeps what was done, and answers with it when it is sent again."""

    def dashboard(self, sandbox: Sandbox, order: Order) -> Body:
        """Carry out an order from the Customer Area."""
        return dashboard.ordered(Desk(sandbox), order)

    def close(self, sandbox: Sandbox, order: Close) -> Batch:
        """Close the payable batch of a merchant account, and tell that its report is there."""
        return settling.close(Desk(sandbox), order)

    def report(self, sandbox: Sandbox, batch: Batch, kind: str) -> str:
        """Write the settlement details or the payment accounting of a batch."""
        return settling.report(Desk(sandbox), batch, kind)

    def due(self, sandbox: Sandbox, job: Body) -> None:
        """Do what was put off: a delayed capture, an announced failure, a batch, the end of a dispute's time."""
        jobs.do(Desk(sandbox), job)


def _signed_token(body: bytes, key: str, forged: str) -> tuple[bytes, dict[str, str]]:
    if not key:
        return body, {}
    return forgeries.forged_token(body, key, forged) if forged else (body, token_notices.headers(body, key))


PROCESSOR: Final = Adyen()
