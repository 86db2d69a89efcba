"""Stripe as the sandbox's shared parts see it: signatures, retries, the dashboard, and what time brings."""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec
from aiohttp import web

from hub.sandbox.batches import Batch
from hub.sandbox.book import Body
from hub.sandbox.closing import Close
from hub.sandbox.deliveries import Signed
from hub.sandbox.faults import Act, Answer
from hub.sandbox.processor import Order, Sandbox
from hub.sandbox.stripe import (
    challenge,
    charging,
    dashboard,
    disputes,
    endpoints,
    forgery,
    objects,
    refunds,
    report_runs,
    settling,
)
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import ApiError, KeyInUseError, RateLimitError

OVERHEARD_S = 3600


class Stripe:
    """The pretend Stripe."""

    name = "stripe"
    orders = tuple(dashboard.ORDERS)
    reports = settling.REPORTS
    forgeries = ("signature", "body", "timestamp", "missing")
    # "With an exponential back off", for up to three days; the steps themselves are not documented.
    retry_delays_s = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 43200.0, 86400.0, 86400.0)
    webhook_timeout_s = 10.0

    def credentials(self, account: str, url: str) -> Body:
        """Return a test key, which names the account, and a signing secret."""
        secret = f"whsec_{hashlib.sha256(account.encode()).hexdigest()[:32]}"
        return {
            "base_url": url,
            "api_key": f"sk_test_{account}",
            "publishable_key": f"pk_test_{account}",
            "webhook_secret": secret,
        }

    def routes(self, sandbox: Sandbox) -> Sequence[web.RouteDef]:
        """Return the API and the payer's challenge page."""
        return [*endpoints.routes(sandbox), *challenge.routes(sandbox)]

    def sign(self, body: bytes, settings: Body, at: float, *, forged: str = "") -> Signed:
        """
        Sign a delivery with the account's `webhook_secret`.

        A forged `signature` is made with another secret; `body` was changed after it was signed, `timestamp` signed
        an hour ago, as when somebody sends again what was overheard; with `missing` there is none.
        Source: docs.stripe.com/webhooks#verify-manually.
        """
        secret = "whsec_forged" if forged == "signature" else str(settings.get("webhook_secret", ""))
        signed_at = int(at) - (OVERHEARD_S if forged == "timestamp" else 0)
        signature = hmac.new(secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={signed_at},v1={signature}",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        if forged == "missing":
            del headers["Stripe-Signature"]
        return Signed(headers, forgery.altered(body) if forged == "body" else body)

    def rate_limited(self) -> Answer:
        """Return Stripe's 429."""
        message = "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests."
        refused = RateLimitError(message, code="rate_limit").answer()
        return Answer(refused.status, refused.body, {"Stripe-Rate-Limited-Reason": "global-rate"})

    def server_error(self) -> Answer:
        """Return Stripe's 500."""
        return ApiError("An unknown error occurred").answer()

    def key_in_use(self) -> Answer:
        """Return Stripe's 409."""
        message = "There is currently another in-progress request using this Idempotency Key. Please try again later."
        return KeyInUseError(message, code="idempotency_key_in_use").answer()

    def failed_after(self, sandbox: Sandbox, act: Act, answer: Answer) -> None:
        """Keep the 500 under the idempotency key: Stripe answers it again, whatever the request had done."""
        stored = sandbox.book.recall(act.account, act.key) if act.key else None
        if stored is not None:
            failed = msgspec.structs.replace(stored, status=answer.status, body=answer.body)
            sandbox.book.remember(act.account, act.key, failed)

    def dashboard(self, sandbox: Sandbox, order: Order) -> Body:
        """Do what a person does by hand; no idempotency key, no tag, but the events tell."""
        return dashboard.carry_out(sandbox, order)

    def close(self, sandbox: Sandbox, order: Close) -> Batch:
        """Pay out what has become available."""
        return settling.close(sandbox, order)

    def report(self, sandbox: Sandbox, batch: Batch, kind: str) -> str:
        """Write what a batch's payouts were made of, or the payouts."""
        return settling.report(sandbox, batch, kind)

    def due(self, sandbox: Sandbox, job: Body) -> None:
        """Do what time brings: an authorization that expires, a refund that ends, a dispute."""
        call = Call(sandbox, job["account"])
        match job["do"]:
            case "expire":
                intent = call.find("payment_intent", job["id"])
                if intent["status"] == "requires_capture":
                    charging.expire(call, intent)
            case "finish_refund":
                refunds.finish(call, job["id"])
            case "report":
                report_runs.finish(call, job["id"])
            case "dispute":
                disputes.from_card(call, call.find("charge", job["id"]), job["kind"])
            case "fraud_warning":
                _warn(call, call.find("charge", job["id"]))
            case _:
                disputes.due(call, job)


def _warn(call: Call, charge: Body) -> None:
    warning = {
        "id": objects.new_id("issfr"), "object": "radar.early_fraud_warning", "actionable": True,
        "charge": charge["id"], "created": call.now(), "fraud_type": "unauthorized_use_of_card",
        "livemode": False, "payment_intent": charge["payment_intent"],
    }  # fmt: skip
    call.save(warning)
    call.tell("radar.early_fraud_warning.created", of=warning)
