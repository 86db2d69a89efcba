"""What is told goes where it belongs, by its type: the payment, the stored card, the dispute, the settlement."""

from typing import Final, Literal

from msgspec import Struct

from adapters.contract import SettlementNotice, TokenNews, TokenUpdate, Told
from hub.disputes.recording import record_dispute
from hub.merchants.service import Connected
from hub.payments.recording import record_delivered
from hub.payments.shell import Shell
from hub.webhooks.notices import note_notice
from hub.webhooks.token_news import note_token, note_update
from normalization.disputes import DisputeReport
from normalization.outcome import Report


class Taken(Struct, frozen=True):
    """What became of what was told; unmatched: what it belongs to may be known later."""

    status: Literal["done", "ignored", "unmatched"]
    payment_id: str | None = None


IGNORED: Final = Taken("ignored")
UNMATCHED: Final = Taken("unmatched")


async def take(shell: Shell, connected: Connected, told: Told) -> Taken:
    """Take up one thing that a processor told without being asked, or when asked what a delivery is about."""
    match told:
        case Report():
            recorded = await record_delivered(shell, connected.account.id, told, "webhook")
            return Taken("done", recorded.held.payment.id) if recorded is not None else UNMATCHED
        case DisputeReport():
            payment_id = await record_dispute(shell, connected.account.id, told, "webhook")
            return Taken("done", payment_id) if payment_id is not None else UNMATCHED
        case TokenNews():
            return Taken(await note_token(shell, connected, told))
        case TokenUpdate():
            return Taken(await note_update(shell, connected, told))
        case SettlementNotice():
            await note_notice(shell, connected, told)
            return Taken("done")
        case _:
            return IGNORED
