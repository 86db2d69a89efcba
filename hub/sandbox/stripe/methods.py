"""PaymentMethods and Customers: a card belongs to one account, and to one charge unless a customer keeps it."""

from copy import deepcopy
from hashlib import sha256

import msgspec
from msgspec import Struct

from hub.sandbox.book import Body
from hub.sandbox.processor import RefusedError, Sandbox
from hub.sandbox.stripe import cards, form, objects
from hub.sandbox.stripe.call import Call
from hub.sandbox.stripe.cards import Card
from hub.sandbox.stripe.errors import CardError, InvalidError, MissingError
from hub.sandbox.stripe.form import Form

USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a"
    " connected account without Customer attachment, or was detached from a Customer. It may not be used again. To"
    " use a PaymentMethod multiple times, you must attach it to a Customer first."
)
CUSTOMER_TEXTS = ("name", "email", "phone", "description")
CUSTOMER = frozenset({*CUSTOMER_TEXTS, "metadata", "expand", "address", "payment_method", "shipping"})
METHOD = frozenset({"type", "card", "billing_details", "metadata", "expand", "allow_redisplay"})


def find(call: Call, id: str, *, in_path: bool = False) -> Body:
    """Return a PaymentMethod; each mention of a `pm_card_…` alias makes a new one, as at Stripe."""
    card = cards.BY_ALIAS.get(id)
    if card is None:
        return call.find("payment_method", id, in_path=in_path)
    return _make(call, card)


def named(call: Call, asked: Form) -> Body | None:
    """Return the PaymentMethod that `payment_method` names or `payment_method_data` describes."""
    id, data = form.text(asked, "payment_method"), form.group(asked, "payment_method_data")
    if id is not None:
        return find(call, id)
    return _from_data(call, data) if data else None


def check_usable(method: Body, customer: str | None) -> None:
    """
    Check that a PaymentMethod may be charged for *customer*.

    Raises:
        InvalidError: when it is used up, or another customer's.

    """
    if method["_used"]:
        raise InvalidError(USED_UP)
    owner = method["customer"]
    if owner is not None and owner != customer:
        raise InvalidError(
            f"The payment method you provided ({method['id']}) belongs to the customer {owner}. Please include"
            " the Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )


def create(call: Call) -> Body:
    """Make a PaymentMethod out of a test token."""
    form.known(call.form, METHOD)
    made = _from_data(call, call.form)
    made["metadata"] = form.metadata(call.form, {})
    call.save(made)
    return made


def attach(call: Call, id: str) -> Body:
    """Attach a PaymentMethod to a customer, which checks the card with its bank."""
    form.known(call.form, {"customer", "expand"})
    customer = call.find("customer", form.required(call.form, "customer"), in_path=False)
    method = find(call, id, in_path=True)
    if method["_used"]:
        raise InvalidError(USED_UP)
    if method["customer"] not in {None, customer["id"]}:
        raise InvalidError("The payment method you provided has already been attached to a customer.")
    verify(method)
    method["customer"] = customer["id"]
    call.save(method, parent=customer["id"])
    call.tell("payment_method.attached", of=method)
    return method


def detach(call: Call, id: str) -> Body:
    """Detach a PaymentMethod, which uses it up."""
    form.known(call.form, {"expand"})
    method = call.find("payment_method", id)
    if method["customer"] is None:
        raise InvalidError("The payment method you provided is not attached to a customer so detachment is impossible.")
    return let_go(call, method)


def let_go(call: Call, method: Body) -> Body:
    """Take a PaymentMethod from its customer, for good."""
    before = {"customer": method["customer"]}
    method.update(customer=None, _used=True)
    call.book.put("payment_method", call.account, method, parent="")
    call.tell("payment_method.detached", of=method, before=before)
    return method


def renew(call: Call, method: Body, changed: Body) -> Body:
    """Let a card's bank say what has changed on it; another number has another fingerprint."""
    before = deepcopy(method)
    method["card"].update(changed)
    if method["card"]["last4"] != before["card"]["last4"]:
        method["card"]["fingerprint"] = sha256(f"{method['_card']} {method['card']['last4']}".encode()).hexdigest()[:16]
    call.save(method)
    call.tell("payment_method.automatically_updated", of=method, before=objects.previous(before, method))
    return method


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /_control/tokens/{id}: a kept card that behaves from now on as a test card, empty: as its own."""

    behaves_like: str = ""


def put_behaviour(sandbox: Sandbox, id: str, raw: bytes) -> Body:
    """
    Change what a PaymentMethod does from now on, as a card does that is lost or emptied after it was kept.

    Raises:
        RefusedError: when there is no such PaymentMethod or test card.

    """
    wanted = msgspec.json.decode(raw, type=Behaviour)
    account = sandbox.book.account_of("payment_method", id)
    if account is None:
        raise RefusedError(f"no PaymentMethod {id}")
    if wanted.behaves_like and wanted.behaves_like not in cards.BY_NAME:
        raise RefusedError("behaves_like: not one of the test cards")
    call = Call(sandbox, account)
    method = call.find("payment_method", id)
    method["_behaves_like"] = wanted.behaves_like
    call.save(method)
    return {"id": id, "behaves_like": wanted.behaves_like}


def verify(method: Body) -> None:
    """
    Ask the bank about a card without charging it.

    Raises:
        CardError: when the card is one of those that cannot be kept.

    """
    card = cards.card_of(method)
    if card.attachable or card.decline is None:
        return
    raise CardError(
        card.decline.message,
        code=card.decline.code,
        decline_code=card.decline.decline_code,
        advice_code=card.decline.advice_code,
        network_decline_code=card.decline.network_decline_code,
    )


def set_up(call: Call, method: Body, customer: str | None) -> None:
    """Keep a PaymentMethod for later charges without the payer."""
    method["_set_up"] = True
    if customer is None:
        method["_used"] = True
    else:
        method["customer"] = customer
    call.save(method, parent=customer)


def create_customer(call: Call) -> Body:
    """Make a customer."""
    form.known(call.form, CUSTOMER)
    made = objects.customer(call.now())
    _set_customer(call, made)
    call.tell("customer.created", of=made)
    id = form.text(call.form, "payment_method")
    if id is not None:
        method = find(call, id)
        verify(method)
        method["customer"] = made["id"]
        call.save(method, parent=made["id"])
    return made


def update_customer(call: Call, id: str) -> Body:
    """Change a customer."""
    form.known(call.form, CUSTOMER - {"payment_method"})
    customer = call.find("customer", id)
    _set_customer(call, customer)
    return customer


def _set_customer(call: Call, customer: Body) -> None:
    customer.update({name: form.text(call.form, name) for name in CUSTOMER_TEXTS if name in call.form})
    customer["metadata"] = form.metadata(call.form, customer["metadata"])
    customer["address"] = form.group(call.form, "address") or customer["address"]
    call.save(customer)


def _from_data(call: Call, data: Form) -> Body:
    kind, card = form.required(data, "type"), form.group(data, "card")
    if kind != "card":
        raise InvalidError("This sandbox has cards only.", param="type")
    if "number" in card:
        raise InvalidError(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. Use a test token.",
            param="card[number]",
        )
    token = form.required(card, "token")
    found = cards.BY_TOKEN.get(token)
    if found is None:
        raise MissingError("token", token, param="card[token]", in_path=False)
    made = _make(call, found)
    made["billing_details"].update(form.group(data, "billing_details"))
    call.save(made)
    return made


def _make(call: Call, card: Card) -> Body:
    made = objects.payment_method(card, call.now())
    call.save(made)
    return made
