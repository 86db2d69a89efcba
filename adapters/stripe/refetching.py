"""Objects as they stand now, and the events that Stripe could not deliver.

Source: https://docs.stripe.com/webhooks#event-ordering, https://docs.stripe.com/webhooks/process-undelivered-events.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from adapters.contract import Delivery, Told
from adapters.errors import OutcomeUnknownError, WebhookRejectedError
from adapters.stripe import disputes, notices, setups, standing
from adapters.stripe.client import PROCESSOR, Client, decode
from adapters.stripe.deliveries import CARDS, DISPUTES, PAYMENTS, REFUNDS, SETUPS, refunded
from adapters.stripe.webhook import delivery_of
from adapters.stripe.wire import Dispute, EventList, PaymentIntent, PaymentMethod, Reference, Refund, SetupIntent

EXPANDED: Final = MappingProxyType[str, list[str]](
    {PAYMENTS: ["latest_charge"], REFUNDS: [], DISPUTES: ["payment_intent"], CARDS: [], SETUPS: []}
)
"""What each kind of object is to come with: a payment with its card, a dispute with our tag."""

PAGE: Final = 100
PAGES_MAX: Final = 1_000
"""A hundred thousand events; Stripe lists those of 30 days."""


async def fetch(client: Client, name: str, *, livemode: bool) -> Sequence[Told]:
    """Ask for the object that *name* names and translate it as it stands.

    Raises:
        NotSentError: when Stripe was not asked.
        ConfigurationError: when our key may not read it.
        OutcomeUnknownError: when it cannot be had, or not be read.
    """
    kind, _, reference = name.partition("/")
    if kind not in EXPANDED or not reference:
        raise OutcomeUnknownError(PROCESSOR, f"nothing that can be fetched: {name[:40]}")
    expand = EXPANDED[kind]
    body = await client.read(f"/v1/{kind}/{quote(reference, safe='')}", {"expand": expand} if expand else {})
    if decode(body, Reference).id != reference:
        raise OutcomeUnknownError(PROCESSOR, "asked about one object and told of another")
    return _translated(kind, body, livemode=livemode)


def _translated(kind: str, body: bytes, *, livemode: bool) -> Sequence[Told]:
    if kind == PAYMENTS:
        return standing.payment(decode(body, PaymentIntent))
    if kind == REFUNDS:
        return refunded([decode(body, Refund)], livemode=livemode)
    if kind == DISPUTES:
        return [disputes.report(decode(body, Dispute))]
    if kind == SETUPS:
        return setups.news(decode(body, SetupIntent))
    method = decode(body, PaymentMethod)
    return notices.card_update(method, livemode=livemode, retired=method.customer is None)


async def undelivered(
    client: Client, since: datetime, *, livemode: bool, delivered_too: bool = False
) -> AsyncIterator[list[Delivery]]:
    """List the events since then that some endpoint has not taken, this one or another, the newest first.

    With *delivered_too* those that all have taken are among them.

    Raises:
        AdapterError: when a page cannot be had; what came before is good.
    """
    parameters: dict[str, object] = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
    if not delivered_too:
        parameters["delivery_success"] = False
    for _ in range(PAGES_MAX):
        page = decode(await client.read("/v1/events", parameters), EventList)
        if page.data:
            yield [delivery for body in page.data for delivery in _ours(bytes(body), livemode=livemode)]
        if not page.has_more or not page.data:
            return
        parameters = {**parameters, "starting_after": decode(page.data[-1], Reference).id}
    raise OutcomeUnknownError(PROCESSOR, f"more than {PAGE * PAGES_MAX} events; ask for less at once")


def _ours(body: bytes, *, livemode: bool) -> list[Delivery]:
    """Leave out what the account's own webhook would have refused."""
    try:
        return [delivery_of(body, livemode=livemode)]
    except WebhookRejectedError:
        return []
