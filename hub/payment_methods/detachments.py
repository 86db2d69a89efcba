"""All SQL of tokens that their processors have to forget: queued with the deletion, worked off by the worker."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Float, bindparam, exists, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import due_rows
from hub.access.store import AUDIT, audit_row
from hub.database import Database, in_seconds
from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.ids import new_id
from hub.payment_methods.tables import detachments, processor_tokens
from normalization.tokens import ProcessorToken

LEASE_S: Final = 120.0


class Detachment(Struct, frozen=True, kw_only=True):
    """One token to be forgotten; `merchant_account` is empty for one that serves every account."""

    id: str
    livemode: bool
    payment_method: str
    processor: str
    merchant_account: str
    token: str
    customer_reference: str | None
    tries: int

    @property
    def stored(self) -> ProcessorToken:
        """The token in normalization's words."""
        return ProcessorToken(
            processor=self.processor,
            token=self.token,
            customer_reference=self.customer_reference,
            merchant_account=self.merchant_account or None,
        )


async def queue(
    connection: AsyncConnection, tokens: Iterable[ProcessorToken], *, livemode: bool, method_id: str, at: datetime
) -> None:
    """Have *tokens* forgotten once this transaction is committed."""
    for token in tokens:
        row = {
            "id": new_id("det_"),
            "livemode": livemode,
            "payment_method": method_id,
            "processor": token.processor,
            "merchant_account": token.merchant_account or "",
            "token": token.token,
            "customer_reference": token.customer_reference,
            "status": "waiting",
            "tries": 0,
            "due_at": in_seconds(literal_column("0")),
            "created_at": at,
        }
        await connection.execute(insert(detachments).values(row))


async def claim(database: Database, most: int) -> list[Detachment]:
    """Take at most *most* that are due, the longest due first; nobody else gets them for `LEASE_S`."""
    rows = await due_rows.claim_due(database, detachments, most, LEASE_S)
    return [Detachment(**{name: row[name] for name in Detachment.__struct_fields__}) for row in rows]


async def give_back(database: Database, ids: Sequence[str]) -> None:
    """Let others take these at once: they were claimed, and nothing was begun with them."""
    await due_rows.give_back(database, detachments, ids)


async def is_shared(database: Database, detachment: Detachment) -> bool:
    """Whether another payment method still needs the token."""
    same = (
        processor_tokens.c.livemode == detachment.livemode,
        processor_tokens.c.processor == detachment.processor,
        processor_tokens.c.token == detachment.token,
    )
    async with database.reading() as connection:
        return bool(await connection.scalar(select(exists().where(*same))))


async def put_off(database: Database, detachment: Detachment, seconds: float, why: str) -> None:
    """Ask again after *seconds*."""
    due_at = in_seconds(bindparam("after_s", seconds, type_=Float))
    async with database.transaction() as connection:
        await connection.execute(_this(detachment).values(due_at=due_at, error=why))


async def finish(database: Database, detachment: Detachment, status: str, at: datetime, why: str | None) -> None:
    """Say what became of it and forget the token here too; one that failed becomes an exception for a human.

    Of a failed one the token stays: a human has to know which to look for at the processor.
    """
    kept = {} if status == "failed" else {"token": None, "customer_reference": None}
    details = {"processor": detachment.processor, "detachment": detachment.id, "status": status}
    row = audit_row(
        None, "payment_method.detached", detachment.payment_method, details, livemode=detachment.livemode, at=at
    )
    async with database.transaction() as connection:
        await connection.execute(_this(detachment).values(status=status, due_at=None, error=why, **kept))
        await connection.execute(AUDIT, row)
        if status == "failed":
            await open_exceptions(connection, [_failed(detachment)], at)


def _this(detachment: Detachment) -> Any:  # noqa: ANN401 - an update that values are given to
    return update(detachments).where(detachments.c.id == detachment.id)


def _failed(detachment: Detachment) -> Opening:
    return Opening(
        type="detach_failed",
        livemode=detachment.livemode,
        merchant_account=detachment.merchant_account,
        amount_minor=0,
        currency="",
        detail=f"{detachment.id}: {detachment.processor} still holds a token of {detachment.payment_method}",
    )
