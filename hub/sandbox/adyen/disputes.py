"""The payer's bank at work: opens disputes, takes the money back, gives in or insists; each told by webhook."""

from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.adyen import dispute_course, dispute_notices, modifications, replies
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.dispute_course import Do, Moves
from hub.sandbox.adyen.records import Dispute, DisputeStatus, Payment
from hub.sandbox.processor import Order, RefusedError

Json = dict[str, Any]
T = TypeVar("T", bound=Struct)

DAY_S: Final = 86400.0
CHARGED_AFTER_S: Final = DAY_S
"""How long after a notice that comes first the money is taken."""

# Source: https://docs.adyen.com/risk-management/understanding-disputes/dispute-process-and-flow
DAYS: Final = {"mc": 40, "visa": 18}
DAYS_OTHERWISE: Final = 18
CODES: Final = {"mc": "4853", "visa": "10.4"}


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """
    The `options` of the order `dispute`; what is left out is as usual for the card.

    `flow`: with `chargeback` the money is taken at once, with `notification_first` a day later, with
    `request_for_information` never. `days`: how long it may be answered.
    """

    flow: Literal["chargeback", "notification_first", "request_for_information"] = "chargeback"
    reason_code: str | None = None
    defendable: bool = True
    auto_defended: bool = False
    days: float | None = None


class Ending(Struct, frozen=True, forbid_unknown_fields=True):
    """The `options` of `dispute_win`: what the webhook says of the dispute, which is not quite over."""

    status: Literal["Won", "Pending"] = "Won"


def opened(desk: Desk, payment: Payment, order: Order) -> Json:
    """
    Open a dispute; without an amount, of all that was neither refunded nor disputed.

    A bank may dispute what was refunded, too: then it is gone twice.

    Raises:
        RefusedError: when nothing was captured, or less than is disputed.

    """
    asked = _options(order, Opening)
    left_minor = payment.captured_minor - payment.disputed_minor
    minor = modifications.refundable_minor(payment) if order.amount is None else order.amount
    if payment.status != "authorised" or not payment.captured_minor:
        raise RefusedError("the payment has not been captured, so there is nothing to dispute")
    if not 0 < minor <= left_minor:
        raise RefusedError(f"amount: 1 to {left_minor} can be disputed")
    dispute = _new(payment, asked, minor, desk.now())
    dispute = carry_out(desk, dispute, dispute_course.opened(dispute, charged=asked.flow == "chargeback"))
    job: Json = {"account": dispute.account, "dispute": dispute.id}
    if asked.flow == "notification_first":
        desk.sandbox.later(CHARGED_AFTER_S, job | {"do": "charge_back"})
    desk.sandbox.later(dispute.due_at - desk.now(), job | {"do": "defence_over"})
    return shown(dispute)


def ordered(desk: Desk, order: Order, do: Do) -> Json:
    """
    Let a dispute go on; `processor_reference` is its own or its payment's, the newest one's then.

    Raises:
        RefusedError: when there is none, or it is not in a state for it.

    """
    dispute = desk.any_dispute(order.processor_reference)
    if dispute is None:
        raise RefusedError(f"processor_reference: no dispute {order.processor_reference}")
    won: DisputeStatus = _options(order, Ending).status
    moves = dispute_course.ordered(dispute, do, won=won)
    if isinstance(moves, str):
        raise RefusedError(moves)
    return shown(carry_out(desk, dispute, moves))


def came_due(desk: Desk, dispute: Dispute, do: Literal["charge_back", "defence_over"]) -> None:
    """Do what was put off when the dispute was opened, unless it went another way meanwhile."""
    if do == "charge_back":
        moves = dispute_course.ordered(dispute, "dispute_charge_back")
    else:
        moves = dispute_course.expired(dispute) if dispute_course.waits(dispute) else ()
    if not isinstance(moves, str):
        carry_out(desk, dispute, moves)


def carry_out(desk: Desk, dispute: Dispute, moves: Moves) -> Dispute:
    """Move the money, write down and tell; returns the dispute afterwards."""
    own_reference = bool(desk.settings(dispute.account).get("dispute_references", True))
    for move in moves:
        payment = _payment(desk, dispute)
        moved_minor = dispute_course.TAKES.get(move.event, 0) * dispute.amount_minor
        desk.enter(payment, "disputed", moved_minor, psp=dispute.id, word=move.event)
        desk.save(replace(payment, disputed_minor=payment.disputed_minor + moved_minor))
        # Days lie between them really: no two events of one dispute have the same date.
        at = max(desk.now(), dispute.told_at + 1)
        dispute = replace(dispute, status=move.status, events=(*dispute.events, move.event), told_at=at)
        desk.keep(dispute)
        item = dispute_notices.told(payment, dispute, move, at, own_reference=own_reference)
        desk.notify(dispute.account, item)
    return dispute


def shown(dispute: Dispute) -> Json:
    """Show a dispute to whoever controls the sandbox."""
    told: Json = msgspec.to_builtins(dispute)
    del told["id"]
    return told | {"pspReference": dispute.id, "paymentPspReference": dispute.payment}


def _new(payment: Payment, asked: Opening, minor: int, at: float) -> Dispute:
    brand = payment.card.brand
    days = DAYS.get(brand, DAYS_OTHERWISE) if asked.days is None else asked.days
    inquiry = asked.flow == "request_for_information"
    status: DisputeStatus = "Unresponded" if inquiry else "Pending" if asked.auto_defended else "Undefended"
    return Dispute(
        id=replies.new_psp(),
        account=payment.account,
        payment=payment.id,
        reason_code=asked.reason_code or CODES.get(brand, "10.4"),
        amount_minor=minor,
        inquiry=inquiry,
        defendable=asked.defendable and not asked.auto_defended,
        auto_defended=asked.auto_defended,
        due_at=at + days * DAY_S,
        status=status,
    )


def _payment(desk: Desk, dispute: Dispute) -> Payment:
    payment = desk.payment(dispute.account, dispute.payment)
    if payment is None:
        msg = f"the book has dispute {dispute.id} without its payment"
        raise LookupError(msg)
    return payment


def _options(order: Order, type: type[T]) -> T:
    try:
        return msgspec.convert(order.options, type)
    except msgspec.ValidationError as error:
        raise RefusedError(f"options: {error}") from None
