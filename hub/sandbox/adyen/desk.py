"""One request at work: reads and writes the book, enters money, queues webhooks. Called in a transaction."""

from typing import Any

import msgspec

from hub.sandbox.adyen import notices
from hub.sandbox.adyen.cards import WELL_KNOWN, Token
from hub.sandbox.adyen.records import COMPANY, DISPUTE, PAYMENT, Dispute, Payment, Ticket
from hub.sandbox.book import Entry, Kind
from hub.sandbox.processor import Sandbox

BATCH_WAIT_S = 0.3
ANYBODY = "*"
"""The owner of a stored card that every shopper may use."""


class Desk:
    """What the services of this folder share."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.book = sandbox.book

    def now(self) -> float:
        """Return Adyen's time."""
        return self.sandbox.clock.now()

    def settings(self, account: str) -> dict[str, Any]:
        """Return what was set for an account."""
        return self.sandbox.settings(account)

    def payment(self, account: str, psp: str) -> Payment | None:
        """Find a payment of an account."""
        found = self.book.get(PAYMENT, account, psp)
        return None if found is None else msgspec.convert(found, Payment)

    def any_payment(self, psp: str) -> Payment | None:
        """Find a payment of whatever account."""
        return self.payment(self.book.account_of(PAYMENT, psp) or "", psp)

    def by_reference(self, account: str, reference: str) -> list[Payment]:
        """Find the payments that carry the merchant's reference."""
        return [msgspec.convert(found, Payment) for found in self.book.children(PAYMENT, f"{account}/{reference}")]

    def save(self, payment: Payment) -> None:
        """Keep a payment as it now is."""
        parent = f"{payment.account}/{payment.reference}"
        self.book.put(PAYMENT, payment.account, msgspec.to_builtins(payment), parent=parent)

    def dispute(self, account: str, psp: str) -> Dispute | None:
        """Find a dispute of an account."""
        found = self.book.get(DISPUTE, account, psp)
        return None if found is None else msgspec.convert(found, Dispute)

    def any_dispute(self, psp: str) -> Dispute | None:
        """Find a dispute of whatever account by its own reference, or the newest of the payment with that one."""
        dispute = self.dispute(self.book.account_of(DISPUTE, psp) or "", psp)
        of_payment = [] if dispute else self.book.children(DISPUTE, psp)
        return msgspec.convert(of_payment[0], Dispute) if of_payment else dispute

    def keep(self, dispute: Dispute) -> None:
        """Keep a dispute as it now is."""
        self.book.put(DISPUTE, dispute.account, msgspec.to_builtins(dispute), parent=dispute.payment)

    def ticket(self, id: str) -> Ticket | None:
        """Find a step of a challenge."""
        found = self.book.get("ticket", self.book.account_of("ticket", id) or "", id) if id else None
        return None if found is None else msgspec.convert(found, Ticket)

    def issue(self, ticket: Ticket) -> None:
        """Keep a step of a challenge."""
        self.book.put("ticket", ticket.account, msgspec.to_builtins(ticket))

    def token(self, id: str) -> Token | None:
        """Find a stored card that has not been deleted."""
        found = self.book.get("token", COMPANY, id)
        token = WELL_KNOWN.get(id) if found is None else msgspec.convert(found, Token)
        return None if token is None or token.deleted else token

    def tokens_of(self, shopper_reference: str) -> list[Token]:
        """List the stored cards a shopper may use: their own, newest first, then those that are anybody's."""
        kept = [
            msgspec.convert(body, Token)
            for owner in (shopper_reference, ANYBODY)
            for body in self.book.children("token", owner)
        ]
        changed = {token.id for token in kept}
        found = [*kept, *(token for id, token in WELL_KNOWN.items() if id not in changed)]
        return [token for token in found if not token.deleted]

    def store(self, token: Token) -> None:
        """Keep a stored card."""
        self.book.put("token", COMPANY, msgspec.to_builtins(token), parent=token.shopper_reference or ANYBODY)

    def enter(
        self, payment: Payment, kind: Kind, amount_minor: int, own_tag: str = "", *, psp: str = "", word: str = ""
    ) -> None:
        """Enter that money moved, by the modification or dispute *psp*; negative where an earlier one was undone."""
        if amount_minor:
            entry = Entry(
                account=payment.account,
                payment=payment.id,
                tag=payment.reference,
                own_tag=own_tag,
                kind=kind,
                amount_minor=amount_minor,
                currency=payment.currency,
                at=self.now(),
                reference=psp,
                word=word,
            )
            self.book.enter(entry)

    def notify(self, account: str, item: notices.Item) -> None:
        """Tell the merchant, in a delivery of its own unless the account wants several items in one."""
        if int(self.settings(account).get("batch", 1)) == 1:
            self.sandbox.deliveries.send(account, item["eventCode"], notices.envelope([item]))
            return
        waiting = self._waiting(account)
        self.book.keep("batch", account, [*waiting, item])
        if not waiting:
            self.sandbox.later(BATCH_WAIT_S, {"do": "batch", "account": account})
        elif len(waiting) + 1 >= int(self.settings(account)["batch"]):
            self.send_batch(account)

    def send_batch(self, account: str) -> None:
        """Send the items that wait for company."""
        waiting = self._waiting(account)
        if waiting:
            label = "+".join(item["eventCode"] for item in waiting)
            self.sandbox.deliveries.send(account, label, notices.envelope(waiting))
            self.book.keep("batch", account, None)

    def _waiting(self, account: str) -> list[notices.Item]:
        kept = self.book.kept("batch").get(account)
        return [] if kept is None else msgspec.json.decode(kept, type=list[notices.Item])
