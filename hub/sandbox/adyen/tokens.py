"""What becomes of stored cards, and the webhooks that tell of it where an account has them switched on."""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.adyen import replies, token_notices
from hub.sandbox.adyen.cards import Token
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.token_notices import Event
from hub.sandbox.processor import Order, RefusedError

Json = dict[str, Any]

SETTING: Final = "token_webhooks"
ORDERS: Final = ("token_update", "token_disable")
_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])/(20[0-9]{2})")


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """
    The `options` of both orders: `expiry` (MM/YYYY) is the new one.

    The webhook goes to `merchant_account`, or to every account that has it switched on. `shopper_reference` says whose
    card it is where the card is anybody's.
    """

    expiry: str = ""
    merchant_account: str = ""
    shopper_reference: str = ""


def ordered(desk: Desk, order: Order) -> Json:
    """
    Let a card be renewed, as a network tells it, or disabled; `processor_reference` is the token.

    Raises:
        RefusedError: when there is no such token, or the options do not suffice.

    """
    try:
        asked = msgspec.convert(order.options, Options)
    except msgspec.ValidationError as error:
        raise RefusedError(f"options: {error}") from None
    token = desk.token(order.processor_reference)
    if token is None:
        raise RefusedError(f"processor_reference: no stored card {order.processor_reference}")
    shopper = asked.shopper_reference or token.shopper_reference
    if not shopper:
        raise RefusedError("options.shopper_reference: the card is anybody's, say whose is meant")
    after, event = _after(token, order.do, asked)
    desk.store(after)
    on = [account for account, settings in desk.sandbox.deliveries.settings.items() if settings.get(SETTING)]
    accounts = [asked.merchant_account] if asked.merchant_account else on
    for account in accounts:
        tell(desk, after, event, account, shopper)
    return {"id": after.id, "event": f"{token_notices.KIND}{event}", "expiry": "/".join(after.expiry), "told": accounts}


def tell(desk: Desk, token: Token, event: Event, account: str, shopper: str) -> None:
    """Tell an account, if it wants to hear."""
    if desk.settings(account).get(SETTING):
        body = token_notices.told(token, event, account, shopper, replies.new_psp(), desk.now())
        desk.sandbox.deliveries.send(account, f"{token_notices.KIND}{event}", body)


def _after(token: Token, do: str, asked: Options) -> tuple[Token, Event]:
    if do == "token_disable":
        return replace(token, deleted=True), "disabled"
    found = _EXPIRY.fullmatch(asked.expiry)
    if found is None:
        raise RefusedError("options.expiry: the new one, as MM/YYYY")
    return replace(token, expiry=(found[1], found[2])), "updated"
