"""Stored cards, and what Adyen's own client-side library asks for before it can take one."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.adyen import replies, tokens
from hub.sandbox.adyen.cards import BY_NUMBER, Token
from hub.sandbox.adyen.decide import amount_of
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.errors import NO_REFERENCE, NO_RETURN_URL, NO_TOKEN, WireError
from hub.sandbox.adyen.wire import PaymentMethodsRequest, SessionRequest
from hub.sandbox.processor import RefusedError

Json = dict[str, Any]

SESSION_S = 3600
MODELS = ["CardOnFile", "Subscription", "UnscheduledCardOnFile"]


class TokenOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """
    PUT /_control/tokens/{id}: a stored card as a test wants it; `outcome`: see refusals.py.

    Without a `card` it is one that is there, which keeps its card and its shopper and goes bad, or good again.
    """

    card: str = ""
    shopper_reference: str | None = None
    outcome: str = ""


def put_token(desk: Desk, id: str, raw: bytes) -> Json:
    """
    Make or change a stored card.

    Raises:
        RefusedError: when the card is no test card, or there is none to change.

    """
    order = msgspec.json.decode(raw, type=TokenOrder)
    if not order.card:
        return _changed(desk, id, order.outcome)
    if order.card not in BY_NUMBER:
        raise RefusedError("card: not one of the test cards")
    token = Token(id=id, card=order.card, shopper_reference=order.shopper_reference, outcome=order.outcome)
    desk.store(token)
    return {"id": id, "shopper_reference": order.shopper_reference, "outcome": order.outcome}


def _changed(desk: Desk, id: str, outcome: str) -> Json:
    token = desk.token(id)
    if token is None:
        raise RefusedError(f"no stored card {id}; name the card to make one")
    desk.store(replace(token, outcome=outcome))
    return {"id": id, "shopper_reference": token.shopper_reference, "outcome": outcome}


def listed(desk: Desk, merchant_account: str, shopper_reference: str) -> tuple[int, Json]:
    """GET /storedPaymentMethods."""
    found = [
        _common(token) | {"shopperReference": shopper_reference, "cardBin": token.card[:6]}
        for token in desk.tokens_of(shopper_reference)
    ]
    body = {
        "merchantAccount": merchant_account,
        "shopperReference": shopper_reference,
        "storedPaymentMethods": found,
    }
    return HTTPStatus.OK, body


def deleted(desk: Desk, account: str, id: str, shopper_reference: str) -> tuple[int, Json]:
    """DELETE /storedPaymentMethods/{id}."""
    token = desk.token(id)
    if token is None or token.shopper_reference not in {None, shopper_reference}:
        raise WireError(NO_TOKEN)
    desk.store(replace(token, deleted=True))
    tokens.tell(desk, token, "disabled", account, shopper_reference)
    return HTTPStatus.NO_CONTENT, {}


def methods(desk: Desk, request: PaymentMethodsRequest) -> tuple[int, Json]:
    """POST /paymentMethods."""
    offered: Json = {"paymentMethods": [{"brands": ["visa", "mc", "amex"], "name": "Cards", "type": "scheme"}]}
    found = desk.tokens_of(request.shopper_reference) if request.shopper_reference else []
    if found:
        offered["storedPaymentMethods"] = [
            _common(token) | {"supportedShopperInteractions": ["Ecommerce", "ContAuth"]} for token in found
        ]
    return HTTPStatus.OK, offered


def session(desk: Desk, request: SessionRequest) -> tuple[int, Json]:
    """POST /sessions."""
    amount = amount_of(request.amount, zero=True)
    if not request.reference:
        raise WireError(NO_REFERENCE)
    if not request.return_url:
        raise WireError(NO_RETURN_URL)
    expires_at = datetime.fromtimestamp(desk.now() + SESSION_S, UTC).isoformat(timespec="seconds")
    body = {
        "amount": {"currency": amount.currency, "value": amount.value},
        "expiresAt": expires_at,
        "id": f"CS{replies.new_psp()}",
        "merchantAccount": request.merchant_account,
        "mode": "embedded",
        "reference": request.reference,
        "returnUrl": request.return_url,
        "sessionData": replies.new_psp(),
    }
    return HTTPStatus.CREATED, body


def _common(token: Token) -> Json:
    card = BY_NUMBER[token.card]
    month, year = token.expiry
    return {
        "brand": card.brand,
        "expiryMonth": month,
        "expiryYear": year[2:],
        "holderName": token.holder_name,
        "id": token.id,
        "lastFour": card.last4,
        "name": card.brand.upper(),
        "supportedRecurringProcessingModels": list(MODELS),
        "type": "scheme",
    }
