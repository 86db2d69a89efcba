"""One-time tokens of the client-side library, and stored cards."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.checkout_com import replies
from hub.sandbox.checkout_com.cards import APPROVED, BY_NUMBER, Instrument
from hub.sandbox.checkout_com.desk import Desk, fingerprint
from hub.sandbox.checkout_com.errors import NOT_FOUND, WireError, invalid
from hub.sandbox.checkout_com.records import new_id
from hub.sandbox.checkout_com.wire import InstrumentRequest, TokenRequest
from hub.sandbox.processor import RefusedError

Json = dict[str, Any]

LIVES_S: Final = 15 * 60.0


class Token(Struct, frozen=True):
    """A card as the browser handed it in: good for one use within a quarter of an hour; `at` None is always."""

    card: str
    at: float | None = None
    used: bool = False
    enrolled: bool = True


WELL_KNOWN: Final = {"tok_visa": Token("4242424242424242", enrolled=False)}
"""Tokens that are there from the start, each good for one use."""


class InstrumentOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /_control/tokens/{id}: a stored card as a test wants it."""

    card: str
    outcome: str = ""
    enrolled: bool = False
    action_outcome: str = APPROVED
    customer: str = ""


def put(desk: Desk, id: str, raw: bytes) -> Json:
    """
    Make or change a stored card.

    Raises:
        RefusedError: when the card is no test card.

    """
    order = msgspec.json.decode(raw, type=InstrumentOrder)
    if order.card not in BY_NUMBER:
        raise RefusedError("card: not one of the test cards")
    desk.store(Instrument(id=id, **msgspec.structs.asdict(order)))
    return {"id": id, "outcome": order.outcome}


def make(desk: Desk, request: TokenRequest) -> tuple[int, Json]:
    """POST /tokens."""
    if request.type != "card":
        raise invalid("token_type_invalid")
    if request.number not in BY_NUMBER:
        raise invalid("card_number_invalid")
    id = new_id("tok")
    desk.book.keep("token", id, Token(request.number, desk.now()))
    shown = replies.card(None, request.number, fingerprint(request.number))
    shown |= {"type": "card", "token": id, "expires_on": replies.date(desk.now() + LIVES_S)}
    del shown["id"], shown["fingerprint"]
    return HTTPStatus.CREATED, shown


def spend(desk: Desk, id: str) -> Token:
    """
    Use a token up.

    Raises:
        WireError: when there is no such token, or it is used or too old.

    """
    kept = desk.book.kept("token").get(id)
    token = WELL_KNOWN.get(id) if kept is None else msgspec.json.decode(kept, type=Token)
    if token is None:
        raise invalid("token_invalid" if id else "token_required")
    if token.used:
        raise invalid("token_used")
    if token.at is not None and desk.now() - token.at > LIVES_S:
        raise invalid("token_expired")
    desk.book.keep("token", id, replace(token, used=True))
    return token


def create(desk: Desk, request: InstrumentRequest) -> tuple[int, Json]:
    """POST /instruments."""
    if request.type != "token":
        raise invalid("source_token_type_invalid")
    token = spend(desk, request.token)
    customer = request.customer.id or new_id("cus")
    instrument = Instrument(id=new_id("src"), card=token.card, enrolled=token.enrolled, customer=customer)
    desk.store(instrument)
    return HTTPStatus.CREATED, _shown(instrument)


def read(desk: Desk, id: str) -> tuple[int, Json]:
    """GET /instruments/{id}."""
    return HTTPStatus.OK, _shown(_found(desk, id))


def delete(desk: Desk, id: str) -> tuple[int, Json]:
    """DELETE /instruments/{id}."""
    desk.store(replace(_found(desk, id), deleted=True))
    return HTTPStatus.NO_CONTENT, {}


def _found(desk: Desk, id: str) -> Instrument:
    instrument = desk.instrument(id)
    if instrument is None:
        raise WireError(NOT_FOUND)
    return instrument


def _shown(instrument: Instrument) -> Json:
    shown = replies.card(instrument, instrument.card, fingerprint(instrument.card))
    return shown | ({"customer": {"id": instrument.customer}} if instrument.customer else {})
