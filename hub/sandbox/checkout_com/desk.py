"""One request at work: reads and writes the book, enters money, queues webhooks. Called in a transaction."""

import hashlib
from typing import Any

import msgspec

from hub.sandbox.book import Entry, Kind
from hub.sandbox.checkout_com import notices, replies
from hub.sandbox.checkout_com.cards import WELL_KNOWN, Instrument
from hub.sandbox.checkout_com.records import ACTION, PAYMENT, Action, Payment
from hub.sandbox.processor import Sandbox

Json = dict[str, Any]


class Desk:
    """What the services of this folder share."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.book = sandbox.book

    @property
    def url(self) -> str:
        """Where Checkout.com is."""
        return self.sandbox.url

    def now(self) -> float:
        """Return Checkout.com's time."""
        return self.sandbox.clock.now()

    def payment(self, id: str) -> Payment | None:
        """Find a payment by its id, or by the id of its 3D Secure session."""
        if id.startswith("sid_"):
            kept = self.book.kept("sid").get(id)
            return None if kept is None else self.payment(msgspec.json.decode(kept, type=str))
        found = self.book.get(PAYMENT, self.book.account_of(PAYMENT, id) or "", id)
        return None if found is None else msgspec.convert(found, Payment)

    def by_reference(self, business: str, reference: str) -> list[Payment]:
        """Find a business's payments that carry the reference, newest first."""
        found = self.book.children(PAYMENT, f"{business}/{reference}")
        return [msgspec.convert(body, Payment) for body in found]

    def save(self, payment: Payment) -> None:
        """Keep a payment as it now is."""
        parent = f"{payment.business}/{payment.reference}"
        self.book.put(PAYMENT, payment.account, msgspec.to_builtins(payment), parent=parent)
        if payment.sid:
            self.book.keep("sid", payment.sid, payment.id)

    def action(self, payment: Payment, id: str) -> Action | None:
        """Find an action of a payment."""
        found = self.book.get(ACTION, payment.account, id)
        return None if found is None else msgspec.convert(found, Action)

    def actions(self, payment: Payment) -> list[Action]:
        """List what was done to a payment, newest first."""
        return [msgspec.convert(body, Action) for body in self.book.children(ACTION, payment.id)]

    def record(self, payment: Payment, done: Action) -> None:
        """Keep an action as it now is."""
        self.book.put(ACTION, payment.account, msgspec.to_builtins(done), parent=payment.id)

    def enter(self, payment: Payment, kind: Kind, amount_minor: int, own_tag: str = "", *, reference: str = "") -> None:
        """Enter money that moved, by the action or dispute *reference*."""
        self.book.enter(Entry(
            account=payment.account, payment=payment.id, tag=payment.reference, own_tag=own_tag, kind=kind,
            amount_minor=amount_minor, currency=payment.currency, at=self.now(), reference=reference,
        ))  # fmt: skip

    def tell(self, payment: Payment, done: Action, type: str = "") -> None:
        """Queue the webhook about an action."""
        self.send(payment, notices.event(self.url, payment, done, self.now(), type))

    def send(self, payment: Payment, told: Json) -> None:
        """Queue a webhook."""
        self.sandbox.deliveries.send(payment.account, told["type"], notices.encoded(told))

    def instrument(self, id: str) -> Instrument | None:
        """Find a stored card that has not been deleted."""
        found = self.book.get("instrument", "business", id)
        kept = WELL_KNOWN.get(id) if found is None else msgspec.convert(found, Instrument)
        return None if kept is None or kept.deleted else kept

    def store(self, instrument: Instrument) -> None:
        """Keep a stored card as it now is."""
        self.book.put("instrument", "business", msgspec.to_builtins(instrument))

    def source(self, payment: Payment) -> Json:
        """Write what a payment was paid with."""
        return replies.card(self.instrument(payment.instrument), payment.number, fingerprint(payment.number))


def fingerprint(number: str) -> str:
    """Name a card without its number, always alike."""
    return hashlib.sha256(number.encode()).hexdigest().upper()
