"""Lists and expansion: what GET answers."""

from collections.abc import Callable, Iterator
from typing import Any

from hub.sandbox.book import Body
from hub.sandbox.stripe import form, objects
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.errors import InvalidError, MissingError
from hub.sandbox.stripe.form import Form

LIMIT_DEFAULT = 10
LIMIT_MAX = 100
EXPAND_DEPTH_MAX = 4
KINDS = {
    "ch": "charge", "cus": "customer", "du": "dispute", "file": "file", "pi": "payment_intent",
    "pm": "payment_method", "po": "payout", "re": "refund", "seti": "setup_intent", "txn": "balance_transaction",
}  # fmt: skip
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}
CURSORS = ("starting_after", "ending_before")
PAGING = frozenset({"limit", "created", "expand", *CURSORS})


def page(
    call: Call,
    kind: str,
    path: str,
    filters: tuple[str, ...] = (),
    *,
    also: frozenset[str] = frozenset(),
    fits: Callable[[Body], bool] = lambda _: True,
    parent: str | None = None,
) -> Body:
    """
    List an account's objects of a kind, newest first; just written ones are there at once.

    *filters* are parameters that a field has to equal, *also* those that *fits* and *parent* are made of.
    """
    form.known(call.form, PAGING | also | set(filters))
    limit = form.integer(call.form, "limit")
    limit = LIMIT_DEFAULT if limit is None else limit
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidError(f"Invalid limit: {limit} is not from 1 to 100.", param="limit")
    after, before = _cursors(call, kind)
    wanted = {name: form.text(call.form, name) for name in filters if name in call.form}
    in_time, oldest = _created_fits(call.form), _oldest(call.form)
    data: list[Body] = []
    for body in _candidates(call, kind, wanted, after, before, parent):
        if before is None and body["created"] < oldest:
            break
        if all(body.get(name) == value for name, value in wanted.items()) and in_time(body["created"]) and fits(body):
            data.append(body)
        if len(data) > limit:
            break
    shown = data[:limit] if before is None else data[:limit][::-1]
    return {"object": "list", "data": shown, "has_more": len(data) > limit, "url": path}


def _cursors(call: Call, kind: str) -> tuple[str | None, str | None]:
    after, before = (form.text(call.form, name) for name in CURSORS)
    if after is not None and before is not None:
        message = f"You may only specify one of these parameters: {', '.join(CURSORS)}."
        raise InvalidError(message, code="parameters_exclusive", param=CURSORS[0])
    for name, id in zip(CURSORS, (after, before), strict=True):
        if id is not None and call.book.get(kind, call.account, id) is None:
            raise MissingError(kind, id, param=name, in_path=False)
    return after, before


def _candidates(
    call: Call, kind: str, wanted: dict[str, str | None], after: str | None, before: str | None, parent: str | None
) -> Iterator[Body]:
    """Go by the PaymentIntent where one is asked for, since an account may have many refunds."""
    if before is not None:
        return call.book.since(kind, call.account, before, parent=parent)
    intent = wanted.get("payment_intent")
    if intent and after is None and kind in {"refund", "charge"}:
        owned = call.book.account_of("payment_intent", intent) == call.account
        return iter(call.book.children(kind, intent) if owned else [])
    return call.book.newest(kind, call.account, before=after, parent=parent)


def _oldest(asked: Form) -> int:
    """Return the time before which nothing can fit, so that a list need not go through everything there is."""
    given = asked.get("created")
    bounds = given if isinstance(given, dict) else {}
    return max(form.integer(bounds, "gte") or 0, form.integer(bounds, "gt") or 0)


def _created_fits(asked: Form) -> Callable[[int], bool]:
    given = asked.get("created")
    if isinstance(given, str):
        exact = form.integer(asked, "created")
        return lambda created: created == exact
    bounds = form.group(asked, "created")
    form.known(bounds, COMPARE)
    known = {name: form.integer(bounds, name) or 0 for name in bounds}
    return lambda created: all(COMPARE[name](created, bound) for name, bound in known.items())


def expand(call: Call, body: Body) -> Body:
    """
    Replace ids by their objects where `expand` names them.

    Raises:
        InvalidError: when a name has no id to expand.

    """
    shown: Body = objects.public(body)
    for path in form.listed(call.form, "expand"):
        steps = path.split(".")
        if len(steps) > EXPAND_DEPTH_MAX:
            raise InvalidError("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(call, shown, steps, path)
    return shown


def _expand(call: Call, node: Any, steps: list[str], path: str) -> None:  # noqa: ANN401 - any JSON value
    if isinstance(node, list):
        for item in node:
            _expand(call, item, steps, path)
        return
    if not isinstance(node, dict) or steps[0] not in node:
        raise InvalidError(f"This property cannot be expanded ({path}).", param="expand")
    value = node[steps[0]]
    if steps[0] == "refunds" and node.get("object") == "charge":
        node["refunds"] = value = _refunds(call, node)
    elif isinstance(value, str):
        node[steps[0]] = value = _fetch(call, value, path)
    if value is not None and len(steps) > 1:
        _expand(call, value, steps[1:], path)


def _refunds(call: Call, charge: Body) -> Body:
    data = [objects.public(refund) for refund in call.book.children("refund", charge["payment_intent"])]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/charges/{charge['id']}/refunds"}


def _fetch(call: Call, id: str, path: str) -> Body:
    kind = KINDS.get(id.partition("_")[0])
    found = None if kind is None else call.book.get(kind, call.account, id)
    if found is None:
        raise InvalidError(f"This property cannot be expanded ({path}).", param="expand")
    shown: Body = objects.public(objects.aged(found, call.now()) if kind == "balance_transaction" else found)
    return shown
