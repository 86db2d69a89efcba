"""What is told goes where it belongs, by its type: the payment, the stored card, the dispute."""

from typing import Final, Literal

from msgspec import Struct

from adapters.contract import TokenNews, Told
from hub.merchants.service import Connected
from hub.payments.recording import record_delivered
from hub.payments.shell import Shell
from hub.webhooks.token_news import note_token
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
        case TokenNews():
            return Taken(await note_token(shell, connected, told))
        case _:
            return IGNORED
