"""A token that a processor stored becomes a payment method: once, whoever told of it and however often."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import new_id
from hub.payment_methods import store
from normalization.tokens import CardFacts, ProcessorToken


class Found(Struct, frozen=True, kw_only=True):
    """What a processor stored, for whom and at which account; `shared`: its other accounts can charge it too."""

    livemode: bool
    customer: str | None
    merchant_account: str
    shared: bool
    stored: ProcessorToken
    card: CardFacts = CardFacts()
    network_transaction_id: str | None = None

    @property
    def token(self) -> ProcessorToken:
        """The token, bound to the account where it was stored unless others can charge it too."""
        return replace(self.stored, merchant_account=None if self.shared else self.merchant_account)


async def keep(connection: AsyncConnection, found: Found, at: datetime) -> str:
    """Give the id of the payment method that holds the token, made now if there is none.

    Of a customer who was erased meanwhile nothing is kept: the payment method is made deleted, and the processor is to
    forget the token.
    """
    erased = found.customer is not None and (
        await store.customer(connection, livemode=found.livemode, customer_id=found.customer, to_change=True) is None
    )
    known = await store.holding(
        connection,
        found.stored,
        livemode=found.livemode,
        customer=found.customer,
        merchant_account=found.merchant_account,
    )
    if known is not None:
        return known
    method_id = new_id("pm_")
    row = store.method_row(
        found.livemode,
        method_id,
        found.customer,
        found.card,
        at,
        network_transaction_id=found.network_transaction_id,
    )
    await store.add_payment_method(connection, row)
    await store.add_token(connection, store.token_row(found.livemode, method_id, found.token, found.card, at))
    if erased:
        await store.delete_payment_method(connection, livemode=found.livemode, method_id=method_id, at=at)
    return method_id
