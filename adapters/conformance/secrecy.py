"""What gets out while an adapter works at its processor: no key, no token, no card data."""

from functools import partial
from typing import Final

from msgspec.structs import replace

from adapters.abilities import DescribesTokens
from adapters.conformance import asking
from adapters.conformance.bench import ended, kept, send
from adapters.conformance.overheard import leaves, overhearing, secrets_of
from adapters.conformance.shop import SECOND, Shop
from adapters.errors import WebhookRejectedError
from normalization.outcome import Operation

FAULTS: Final = ("error_500_after", "malformed", "truncated", "reset_after", "silent_after", "rate_limited")


@SECOND.rule(operation=tuple(Operation))
async def nothing_secret_gets_out_when_all_goes_well(shop: Shop, operation: Operation) -> None:
    """Neither in what is logged nor in what is answered; one-time data holds a card's own facts."""
    with overhearing() as heard:
        request = await shop.ready(operation)
        heard.take(await ended(send(shop.adapter, request)))
        heard.take(await ended(shop.adapter.inquire(request)))
        data = shop.opening(Operation.PURCHASE, data=shop.harness.one_time, operation_id=asking.ANOTHER)
        heard.take(await ended(shop.adapter.authorize(replace(data, token=None))))
        if isinstance(shop.adapter, DescribesTokens):
            heard.take(await ended(shop.adapter.describe(shop.harness.token)))
    heard.lacks(_secrets(shop))


@SECOND.rule()
async def nothing_secret_gets_out_when_it_does_not(shop: Shop) -> None:
    """Refusals, faults, a refused key and webhooks that are not signed."""
    with overhearing() as heard:
        for number, token in enumerate(shop.harness.declines.values()):
            request = shop.opening(Operation.PURCHASE, token, operation_id=f"att_conformance0002{number:04}")
            heard.take(await ended(shop.adapter.authorize(request)))
        for fault in FAULTS:
            await shop.fails(fault)
            data = shop.opening(Operation.PURCHASE, data=shop.harness.one_time, operation_id=f"att_conformance{fault}")
            heard.take(await ended(shop.adapter.authorize(replace(data, token=None))))
        refused = shop.connect(shop.harness.refused_credentials(shop.server.base_url))
        heard.take(await ended(refused.authorize(shop.opening(Operation.PURCHASE))))
        for webhook in await shop.webhooks():
            unsigned = shop.harness.unsigned(webhook)
            heard.take(kept(partial(shop.adapter.open_webhook, unsigned), WebhookRejectedError))
    heard.lacks(_secrets(shop))


def _secrets(shop: Shop) -> list[str]:
    refused = shop.harness.refused_credentials(shop.server.base_url)
    tokens = [shop.harness.token.token, *leaves(shop.harness.one_time)]
    return [*secrets_of(shop.credentials), *secrets_of(refused), *tokens]
