"""What is told goes where it belongs, by its type: the payment, the stored card, the dispute, the settlement."""

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from adapters.contract import SettlementNotice, TokenNews, TokenUpdate, Told
from hub.disputes.recording import record_dispute
from hub.exceptions.types import ExceptionType
from hub.merchants.service import Connected
from hub.payments.recording import record_delivered
from hub.payments.shell import Shell
from hub.webhooks.concerns import Concern
from hub.webhooks.notices import note_notice
from hub.webhooks.token_news import note_token, note_update
from normalization.disputes import DisputeReport
from normalization.money import Money
from normalization.outcome import Approved, Operation, Report


class Taken(Struct, frozen=True):
    """What became of what was told; unmatched: what it belongs to may be known later, else a human must look."""

    status: Literal["done", "ignored", "unmatched"]
    payment_id: str | None = None
    concern: Concern | None = None


IGNORED: Final = Taken("ignored")
UNMATCHED: Final = Taken("unmatched")
_NOBODYS: Final = "no payment of ours is known for it"
_MOVES: Final = frozenset({Operation.PURCHASE, Operation.CAPTURE, Operation.REFUND})


async def take(shell: Shell, connected: Connected, told: Told) -> Taken:
    """Take up one thing that a processor told without being asked, or when asked what a delivery is about."""
    match told:
        case Report():
            recorded = await record_delivered(shell, connected.account.id, told, "webhook")
            return Taken("done", recorded.held.payment.id) if recorded is not None else _nobodys(told)
        case DisputeReport():
            payment_id = await record_dispute(shell, connected.account.id, told, "webhook")
            return Taken("done", payment_id) if payment_id is not None else _nobodys(told)
        case TokenNews():
            return Taken(await note_token(shell, connected, told))
        case TokenUpdate():
            return Taken(await note_update(shell, connected, told))
        case SettlementNotice():
            await note_notice(shell, connected, told)
            return Taken("done")
        case _:
            return IGNORED


def _nobodys(told: Report | DisputeReport) -> Taken:
    """Say what of it concerns a human, should no payment of ours ever be found for it."""
    if isinstance(told, DisputeReport):
        if not told.movements:
            return UNMATCHED
        moved, money = f"the dispute {told.processor_reference} moved money", told.movements[0].money
        return _unmatched("dispute_unmatched", moved, told.parent_reference, money)
    if told.kind not in _MOVES or not isinstance(told.outcome, Approved):
        return UNMATCHED
    succeeded = f"the {told.kind} {told.processor_reference or 'without a name'} succeeded"
    return _unmatched("money_unmatched", succeeded, told.parent_reference, told.money)


def _unmatched(type_: ExceptionType, what: str, payment: str | None, money: Money | None) -> Taken:
    of = f" of the payment {payment}" if payment else ""
    return replace(UNMATCHED, concern=Concern(type_, f"tells that {what}{of}; {_NOBODYS}", money))
