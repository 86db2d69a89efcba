"""The Adyen adapter, broken on purpose as Adyen's own library is: it looks at the first item of a batch only."""

from msgspec.structs import replace

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Delivery, Webhook
from hub.sandbox.adyen.notices import signed
from tests.adapters.adyen.harness import HMAC_KEY, items, with_items


class BelievesTheSecondItem(AdyenAdapter):
    def open_webhook(self, webhook: Webhook) -> list[Delivery]:
        first, *others = items(webhook)
        opened = super().open_webhook(with_items(webhook, [first]))
        if not others:
            return opened
        rest = with_items(webhook, others)
        return opened + super().open_webhook(replace(rest, body=signed(rest.body, HMAC_KEY)))
