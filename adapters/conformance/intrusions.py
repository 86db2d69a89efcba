"""Webhooks that nobody can have signed, as whoever finds the address may send them."""

from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from adapters.conformance.bench import FIRST, Bench, kept
from adapters.conformance.verdict import expect
from adapters.contract import Webhook
from adapters.errors import WebhookRejectedError

BODIES: Final[dict[str, bytes]] = {
    "empty": b"",
    "html": b"<html>",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "number": b"1e999",
    "deep": b"[" * 100_000,
    "no_utf8": b'{"id": "\xff"}',
    "surrogate": b'{"id": "\\ud800"}',
    "form": b"id=1&type=payment",
}
HEADERS: Final[dict[str, dict[str, str]]] = {
    "none": {},
    "empty": dict.fromkeys(("authorization", "signature"), ""),
    "not_ascii": {"authorization": "Basic \u00e9\udcff", "content-type": "\u00e9"},
}


@FIRST.rule(headers=tuple(HEADERS), body=tuple(BODIES))
async def what_is_no_webhook_is_rejected(bench: Bench, headers: str, body: str) -> None:
    """It is answered 401 and leaves no trace; a crash would be one."""
    told = Webhook(headers=HEADERS[headers], body=BODIES[body], received_at=datetime.now(UTC))
    seen = kept(lambda: bench.adapter.open_webhook(told), WebhookRejectedError)
    expect(isinstance(seen, WebhookRejectedError), "it is rejected", seen)


@FIRST.rule(body=tuple(BODIES))
async def without_a_secret_nothing_is_believed(bench: Bench, body: str) -> None:
    """An account without a webhook secret has no webhooks: what cannot be verified is not taken."""
    bare = replace(bench.credentials, webhook_secret=None, webhook_secret_previous=None)
    told = Webhook(headers={}, body=BODIES[body], received_at=datetime.now(UTC))
    seen = kept(lambda: bench.connect(bare).open_webhook(told), WebhookRejectedError)
    expect(isinstance(seen, WebhookRejectedError), "it is rejected", seen)
