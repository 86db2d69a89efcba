"""What two processors say of one payment, word for word as on the wire, in the order in which it happens."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from adapters.contract import Delivery
from hub.payments.states import OperationState, OperationStatus, Payment, Status
from normalization.money import Currency, Money
from normalization.outcome import Approved, Operation, Outcome, Pending, Report
from tests.hub.payments.making import NO_FUNDS, operation, payment

YES, LATER = Approved(), Pending()
Fields = dict[str, Any]


class Told(Struct, frozen=True, kw_only=True):
    """One word: a message as it was delivered, or the answer to a request of ours, about the operation so called."""

    message: tuple[str, Fields] | None = None
    answer: tuple[str, Outcome] | None = None


class Story(Struct, frozen=True, kw_only=True):
    """What we asked for, and what was then said, by the names `att`, `cap`, `can` and `ref` of our operations.

    `authorized` and `captured` are what stands at the beginning; then the attempt has succeeded.
    """

    processor: str
    asked: tuple[tuple[Operation, int], ...]
    told: tuple[Told, ...]
    authorized: int = 0
    captured: int = 0


NAMES = {Operation.CAPTURE: "cap", Operation.VOID: "can", Operation.REFUND: "ref"}
PURCHASE, AUTHORIZE = (Operation.PURCHASE, 1000), (Operation.AUTHORIZE, 1000)


def answered(name: str, outcome: Outcome) -> Told:
    return Told(answer=(name, outcome))


def stripe(type: str, **fields: Any) -> Told:
    return Told(message=(type, fields))


def adyen(code: str, of: str = "", success: str = "true", minor: int = 1000, **fields: Any) -> Told:
    return Told(message=(code, {"of": of, "success": success, "minor": minor, **fields}))


def intent(type: str, status: str = "succeeded", *, manual: bool = False, **fields: Any) -> Told:
    """A PaymentIntent as it stands; `ours` is our capture of it."""
    received = 1000 if status == "succeeded" else 0
    method = "manual" if manual else "automatic"
    told = {"object": "payment_intent", "status": status, "capture_method": method, "amount_received": received}
    return stripe(f"payment_intent.{type}", **told, **fields)


def refund(type: str, status: str, minor: int = 300, by: str = "hand") -> Told:
    """A refund as it stands, made by us (`ref`) or by hand."""
    return stripe(type, object="refund", status=status, amount=minor, by=by)


STORIES = {
    "stripe: bought, refunded by hand in two parts": Story(
        processor="stripe", asked=(PURCHASE,),
        told=(
            intent("processing", "processing"), answered("att", LATER), answered("att", YES), intent("succeeded"),
            refund("refund.created", "pending"), refund("charge.refund.updated", "succeeded"),
            refund("refund.created", "succeeded", 200, by="other"),
        ),
    ),
    "stripe: refused": Story(
        processor="stripe", asked=(PURCHASE,),
        told=(intent("payment_failed", "requires_payment_method"), answered("att", NO_FUNDS)),
    ),
    "stripe: held, captured by us": Story(
        processor="stripe", asked=(AUTHORIZE, (Operation.CAPTURE, 1000)), authorized=1000,
        told=(
            intent("amount_capturable_updated", "requires_capture", manual=True), answered("cap", YES),
            intent("succeeded", manual=True, ours="cap"),
        ),
    ),
    "stripe: held, captured by hand, refunded by hand": Story(
        processor="stripe", asked=(AUTHORIZE,),
        told=(
            answered("att", YES), intent("amount_capturable_updated", "requires_capture", manual=True),
            intent("succeeded", manual=True), refund("refund.created", "succeeded"),
        ),
    ),
    "stripe: held, expired": Story(
        processor="stripe", asked=(AUTHORIZE,),
        told=(
            answered("att", YES), intent("amount_capturable_updated", "requires_capture", manual=True),
            intent("canceled", "canceled", manual=True, cancellation_reason="automatic",
                   latest_charge={"id": "ch_1", "status": "succeeded"}),
        ),
    ),
    "stripe: our refund fails days later, another was made by hand": Story(
        processor="stripe", asked=(PURCHASE, (Operation.REFUND, 300)), authorized=1000, captured=1000,
        told=(
            intent("succeeded"), answered("ref", LATER), refund("refund.created", "pending", by="ref"),
            refund("refund.updated", "succeeded", by="ref"), refund("refund.failed", "failed", by="ref"),
            refund("refund.created", "succeeded", 200, by="other"),
        ),
    ),
    "adyen: bought, the capture fails days later": Story(
        processor="adyen", asked=(PURCHASE,),
        told=(answered("att", YES), adyen("AUTHORISATION", "att"), adyen("CAPTURE_FAILED", by="other")),
    ),
    "adyen: refused": Story(
        processor="adyen", asked=(PURCHASE,),
        told=(answered("att", NO_FUNDS), adyen("AUTHORISATION", "att", "false", reason="Not enough balance")),
    ),
    "adyen: bought, refunded by us and by hand": Story(
        processor="adyen", asked=(PURCHASE, (Operation.REFUND, 300)), authorized=1000, captured=1000,
        told=(
            adyen("AUTHORISATION", "att"), answered("ref", LATER), adyen("REFUND", "ref", minor=300, by="ref"),
            adyen("REFUND", minor=200, by="other"),
        ),
    ),
    "adyen: our refund fails days later": Story(
        processor="adyen", asked=(PURCHASE, (Operation.REFUND, 300)), authorized=1000, captured=1000,
        told=(
            answered("ref", LATER), adyen("REFUND", "ref", minor=300, by="ref"),
            adyen("REFUND_FAILED", "ref", minor=300, by="ref"), adyen("REFUND", minor=200, by="other"),
        ),
    ),
    "adyen: bought, canceled by hand before it was taken": Story(
        processor="adyen", asked=(AUTHORIZE,),
        told=(answered("att", YES), adyen("CANCELLATION", by="other")),
    ),
    "adyen: bought, refunded by hand, one refused": Story(
        processor="adyen", asked=(PURCHASE,),
        told=(
            answered("att", YES), adyen("AUTHORISATION", "att"), adyen("REFUND", minor=200, by="other"),
            adyen("REFUND", minor=900, by="refused", success="false", reason="Insufficient balance"),
        ),
    ),
}  # fmt: skip
"""The accounts capture by themselves; those of Adyen tell a reservation and a purchase in the same words."""


class Cast(Struct, frozen=True, kw_only=True):
    """A payment of its own that a story is told of; `number` makes its names."""

    story: Story
    number: str
    account: str

    def id_of(self, name: str) -> str:
        """Our id of an operation; the processor's of anything else."""
        return f"{name}_{self.number}" if name in {"att", "cap", "can", "ref"} else f"{name}{self.number}"

    @property
    def reference(self) -> str:
        """The processor's id of the payment."""
        return f"pi_{self.number}" if self.story.processor == "stripe" else f"PSP{self.number}"

    def begun(self) -> tuple[Payment, list[OperationState]]:
        """Give the payment and its operations as they stand before anything was told."""
        story, id_ = self.story, f"pay_{self.number}"
        asked = [self._operation(kind, minor) for kind, minor in story.asked]
        stands = replace(
            payment(capture="automatic" if story.asked[0][0] is Operation.PURCHASE else "manual"),
            id=id_, reference=id_, merchant_account=self.account, processor=story.processor, attempt_id=asked[0].id,
        )  # fmt: skip
        if story.authorized:
            asked[0] = replace(asked[0], status=OperationStatus.APPROVED, processor_reference=self.reference)
            stands = replace(
                stands,
                status=Status.CAPTURED if story.captured else Status.AUTHORIZED,
                authorized_minor=story.authorized,
                captured_minor=story.captured,
                capturing_minor=sum(one.money.minor for one in asked if one.kind is Operation.CAPTURE),
                refunding_minor=sum(one.money.minor for one in asked if one.kind is Operation.REFUND),
                capture_closed=True,
                processor_reference=self.reference,
            )
        return stands, asked

    def _operation(self, kind: Operation, minor: int) -> OperationState:
        return operation(
            kind, minor, id=self.id_of(NAMES.get(kind, "att")), payment_id=f"pay_{self.number}",
            attempt_id=self.id_of("att"), merchant_account=self.account, processor=self.story.processor,
        )  # fmt: skip

    def report(self, name: str, outcome: Outcome) -> Report:
        """What the processor answered to the request called *name*."""
        asked = next(one for one in self.begun()[1] if one.id == self.id_of(name))
        opening = name == "att"
        return Report(
            kind=asked.kind,
            tag=asked.id,
            processor_reference=self._theirs(name),
            parent_reference=None if opening else self.reference,
            money=Money(asked.money.minor, Currency.EUR),
            livemode=False,
            outcome=outcome,
        )

    def _theirs(self, name: str) -> str:
        if name == "att" or (name == "cap" and self.story.processor == "stripe"):
            return self.reference
        return f"re_{name}{self.number}" if self.story.processor == "stripe" else f"MOD{name}{self.number}"

    def delivery(self, index: int, again: int = 0) -> Delivery:
        """The message of a word; Stripe may tell it by another event too, as *again* says."""
        message = self.story.told[index].message
        assert message is not None
        body = (self._event if self.story.processor == "stripe" else self._item)(*message)
        return Delivery(
            key=f"{self.number}:{index}:{again}",
            subject=self.reference,
            account=None,
            livemode=False,
            body=json.dumps(body).encode(),
        )

    def _event(self, type: str, fields: Mapping[str, Any]) -> Fields:
        told = self.object_of(fields)
        return {
            "id": f"evt_{self.number}", "object": "event", "type": type, "livemode": False, "created": 1,
            "api_version": "2026-10-28.endive", "data": {"object": told}, "pending_webhooks": 1,
        }  # fmt: skip

    def object_of(self, fields: Mapping[str, Any]) -> Fields:
        """Write a PaymentIntent or refund of Stripe's."""
        shown = {"currency": "eur", "livemode": False, **fields}
        if fields["object"] == "refund":
            by = shown.pop("by")
            tag = {"hub_operation": self.id_of("ref")} if by == "ref" else {}
            return {**shown, "id": self._theirs(by), "payment_intent": self.reference, "metadata": tag}
        ours = {"hub_capture": self.id_of(shown.pop("ours"))} if "ours" in shown else {}
        metadata = {"hub_operation": self.id_of("att"), **ours}
        failed = {"last_payment_error": {"type": "card_error", "code": "card_declined",
                                         "decline_code": "insufficient_funds"}}  # fmt: skip
        refused = failed if fields["status"] == "requires_payment_method" else {}
        return {"amount": 1000, **shown, **refused, "id": self.reference, "metadata": metadata}

    def _item(self, code: str, fields: Mapping[str, Any]) -> Fields:
        told = dict(fields)
        of, by, minor = told.pop("of"), told.pop("by", ""), told.pop("minor")
        return {
            "amount": {"value": minor, "currency": "EUR"}, "eventCode": code, "eventDate": "2026-11-22T09:00:00Z",
            "merchantAccountCode": "HubEU", "merchantReference": self.id_of(of) if of else "made by hand",
            "pspReference": self._theirs(by) if by else self.reference,
            "originalReference": self.reference if by else None, "paymentMethod": "visa", "reason": "", **told,
        }  # fmt: skip
