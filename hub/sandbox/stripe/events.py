"""
Events as they are read afterwards: listed, narrowed, and with what became of their deliveries.

Source: docs.stripe.com/api/events/list, docs.stripe.com/webhooks/process-undelivered-events.
"""

from collections.abc import Callable

from hub.sandbox.book import Body
from hub.sandbox.stripe import form, reading
from hub.sandbox.stripe.call import NOUNS, Call
from hub.sandbox.stripe.errors import InvalidError, MissingError
from hub.sandbox.stripe.form import Form

KEPT_S = 30 * 86_400
TYPES_MAX = 20
FILTERS = frozenset({"type", "types", "delivery_success"})


def page(call: Call, path: str) -> Body:
    """List an account's events of the last thirty days, newest first."""
    undelivered = call.sandbox.deliveries.undelivered(call.account)
    is_of_type, arrived = _of_type(call.form), _arrived(call.form)
    oldest = call.now() - KEPT_S

    def fits(event: Body) -> bool:
        wanted = arrived is None or arrived is (event["id"] not in undelivered)
        return wanted and event["created"] >= oldest and is_of_type(event["type"])

    found = reading.page(call, "event", path, also=FILTERS, fits=fits)
    return {**found, "data": [_shown(event, undelivered) for event in found["data"]]}


def one(call: Call, id: str) -> Body:
    """
    Return an event.

    Raises:
        MissingError: when there is none, or it is older than thirty days.

    """
    event = call.find("event", id)
    if event["created"] < call.now() - KEPT_S:
        raise MissingError(NOUNS["event"][0], id, param=NOUNS["event"][1])
    return _shown(event, call.sandbox.deliveries.undelivered(call.account))


def _shown(event: Body, undelivered: set[str]) -> Body:
    return {**event, "pending_webhooks": int(event["id"] in undelivered)}


def _arrived(asked: Form) -> bool | None:
    return form.flag(asked, "delivery_success") if form.text(asked, "delivery_success") else None


def _of_type(asked: Form) -> Callable[[str], bool]:
    """Return what tells whether a type is asked for; a name that ends in `*` stands for all that begin like it."""
    name, names = form.text(asked, "type"), form.listed(asked, "types")
    if name is not None and names:
        raise InvalidError("You may only specify one of these parameters: type, types.", code="parameters_exclusive")
    if len(names) > TYPES_MAX:
        raise InvalidError(f"types takes up to {TYPES_MAX} names.", param="types")
    wanted = names if name is None else [name]
    exact, openings = frozenset(wanted), tuple(known[:-1] for known in wanted if known.endswith("*"))
    return lambda type: not wanted or type in exact or (bool(openings) and type.startswith(openings))
