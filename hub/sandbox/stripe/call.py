"""One request at work: whose it is, what it says, and the objects it reads and writes."""

import secrets
from collections.abc import Sequence

from hub.sandbox.book import Body, Entry, Kind
from hub.sandbox.processor import Sandbox
from hub.sandbox.stripe import objects
from hub.sandbox.stripe.errors import MissingError
from hub.sandbox.stripe.form import Form

TAG = "hub_operation"
NOUNS = {
    "payment_intent": ("payment_intent", "intent"),
    "setup_intent": ("setupintent", "intent"),
    "payment_method": ("PaymentMethod", "payment_method"),
    "customer": ("customer", "customer"),
    "charge": ("charge", "charge"),
    "refund": ("refund", "refund"),
    "dispute": ("dispute", "dispute"),
    "event": ("event", "event"),
    "file": ("file upload", "file"),
    "payout": ("payout", "payout"),
    "balance_transaction": ("balance transaction", "id"),
    "reporting.report_run": ("report run", "report_run"),
    "file_content": ("file upload", "file"),
}
"""How an error names each kind, and the parameter it blames."""


class Call:
    """A request, or whatever else moves things for an account: the dashboard, the clock, the payer's browser."""

    def __init__(self, sandbox: Sandbox, account: str, form: Form | None = None, key: str = "") -> None:
        """Take *account*'s side; *form* is what was sent, *key* the idempotency key."""
        self.sandbox = sandbox
        self.book = sandbox.book
        self.account = account
        self.form = {} if form is None else form
        self.key = key
        self.request_id = f"req_{secrets.token_hex(7)}"
        # What no request of the merchant's caused is told of as of itself.
        self.cause = (None, None) if form is None else (self.request_id, key or None)

    def now(self) -> int:
        """Return Stripe's time in whole seconds."""
        return int(self.sandbox.clock.now())

    def find(self, kind: str, id: str, *, param: str = "", in_path: bool = True) -> Body:
        """
        Return the account's object.

        Raises:
            MissingError: when the account has none of that id.

        """
        found = self.book.get(kind, self.account, id)
        if found is None:
            noun, blamed = NOUNS[kind]
            raise MissingError(noun, id, param=param or blamed, in_path=in_path)
        return found

    def save(self, body: Body, *, parent: str | None = None) -> None:
        """Store an object under its own `object` and `id`."""
        self.book.put(body["object"], self.account, body, parent=parent)

    def money(self, kind: Kind, intent: Body, amount_minor: int, own_tag: str = "") -> None:
        """Record money that moved for a PaymentIntent."""
        tag = str(intent["_tag"])
        self.book.enter(
            Entry(
                account=self.account,
                payment=intent["id"],
                tag=tag,
                own_tag="" if own_tag == tag else own_tag,
                kind=kind,
                amount_minor=amount_minor,
                currency=str(intent["currency"]).upper(),
                at=self.sandbox.clock.now(),
            )
        )

    def tell(self, *types: str, of: Body, before: Body | None = None) -> None:
        """Record events about an object as it is now, and queue their deliveries."""
        for type in types:
            self._tell(type, of, before)

    def _tell(self, type: str, of: Body, before: Body | None) -> None:
        settings = self.sandbox.settings(self.account)
        version = str(settings.get("api_version") or objects.API_VERSION)
        event = objects.event(type, objects.public(of), before, now=self.now(), cause=self.cause, version=version)
        self.save(event)
        wanted: Sequence[str] = settings.get("webhook_events") or ("*",)
        if "*" in wanted or type in wanted:
            self.sandbox.deliveries.send(self.account, type, objects.encode(event), event=event["id"])
