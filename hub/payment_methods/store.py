"""All SQL of customers and payment methods; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import new_id
from hub.payment_methods import detachments
from hub.payment_methods.retired import retire_rows
from hub.payment_methods.tables import customers, payment_methods, processor_tokens
from hub.payment_methods.tables import detachments as detached
from normalization.tokens import CardFacts, ProcessorToken

MEANS: Final = (
    payment_methods.c.version,
    payment_methods.c.customer,
    payment_methods.c.card,
    payment_methods.c.deleted_at,
    payment_methods.c.network_transaction_id,
    processor_tokens.c.processor,
    processor_tokens.c.token,
    processor_tokens.c.customer_reference,
    processor_tokens.c.merchant_account,
)
"""The columns that `to_means` reads."""
_card: Final = msgspec.json.Decoder(CardFacts)


class Means(Struct, frozen=True, kw_only=True):
    """What the charge path needs of a payment method."""

    version: int | None  # None: of one-time data, which no row stands for.
    tokens: tuple[ProcessorToken, ...]
    card: CardFacts
    customer: str | None
    deleted: bool
    network_transaction_id: str | None = None


def to_means(rows: Sequence[Mapping[str, Any]]) -> Means | None:
    """Read rows of `MEANS`, one for each token; None where there is no such payment method."""
    if not rows:
        return None
    return means_of(rows[0], [to_token(row) for row in rows if row["token"] is not None])


def means_of(row: Mapping[str, Any] | RowMapping, tokens: Sequence[ProcessorToken]) -> Means:
    """Read a row of `payment_methods`, with the tokens behind it."""
    return Means(
        version=row["version"],
        tokens=tuple(tokens),
        card=_card.decode(row["card"]),
        customer=row["customer"],
        deleted=row["deleted_at"] is not None,
        network_transaction_id=row["network_transaction_id"],
    )


def to_token(row: Mapping[str, Any] | RowMapping) -> ProcessorToken:
    """Read a row of `processor_tokens`."""
    return ProcessorToken(
        processor=row["processor"],
        token=row["token"],
        customer_reference=row["customer_reference"],
        merchant_account=row["merchant_account"] or None,
    )


async def add_customer(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a customer."""
    await connection.execute(insert(customers), dict(row))


async def customer(
    connection: AsyncConnection, *, livemode: bool, customer_id: str, to_change: bool = False
) -> RowMapping | None:
    """Read a customer that is not erased."""
    wanted = select(customers).where(
        customers.c.livemode == livemode, customers.c.id == customer_id, customers.c.deleted_at.is_(None)
    )
    return (await connection.execute(wanted.with_for_update() if to_change else wanted)).mappings().one_or_none()


async def references_of(connection: AsyncConnection, customer_id: str) -> list[str]:
    """List what processors call a customer and the cards: a message that says one of these is about this person."""
    mine = select(payment_methods.c.id).where(payment_methods.c.customer == customer_id)
    names: set[str | None] = set()
    for table in (processor_tokens, detached):
        told = select(table.c.token, table.c.customer_reference).where(table.c.payment_method.in_(mine))
        for row in await connection.execute(told):
            names |= {row.token, row.customer_reference}
    return sorted(name for name in names if name)


async def erase_customer(connection: AsyncConnection, *, livemode: bool, customer_id: str, at: datetime) -> list[str]:
    """Forget the person and every token; rows stay for the books. Gives the payment methods that went with it."""
    mine = customers.c.livemode == livemode, customers.c.id == customer_id
    await connection.execute(update(customers).where(*mine).values(person=None, import_key=None, deleted_at=at))
    standing = await connection.execute(
        select(payment_methods.c.id).where(
            payment_methods.c.livemode == livemode,
            payment_methods.c.customer == customer_id,
            payment_methods.c.deleted_at.is_(None),
        )
    )
    gone = list(standing.scalars())
    for method in gone:
        await delete_payment_method(connection, livemode=livemode, method_id=method, at=at)
    return gone


def method_row(
    livemode: bool,  # noqa: FBT001 - the mode
    method_id: str,
    customer: str | None,
    card: CardFacts,
    at: datetime,
    *,
    network_transaction_id: str | None = None,
) -> dict[str, Any]:
    """Make the columns of a new payment method."""
    return {
        "id": method_id,
        "livemode": livemode,
        "customer": customer,
        "type": "card",
        "card": msgspec.json.encode(card).decode(),
        "network_transaction_id": network_transaction_id,
        "created_at": at,
        "deleted_at": None,
    }


async def add_payment_method(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a payment method."""
    await connection.execute(insert(payment_methods), dict(row))


async def payment_method(
    connection: AsyncConnection, *, livemode: bool, method_id: str, to_change: bool = False
) -> RowMapping | None:
    """Read a payment method that is not deleted."""
    wanted = select(payment_methods).where(
        payment_methods.c.livemode == livemode,
        payment_methods.c.id == method_id,
        payment_methods.c.deleted_at.is_(None),
    )
    return (await connection.execute(wanted.with_for_update() if to_change else wanted)).mappings().one_or_none()


async def payment_methods_before(
    connection: AsyncConnection, *, livemode: bool, customer_id: str, before: str | None, limit: int
) -> list[RowMapping]:
    """Read a customer's payment methods, newest first, from the one before *before* on."""
    wanted = select(payment_methods).where(
        payment_methods.c.livemode == livemode,
        payment_methods.c.customer == customer_id,
        payment_methods.c.deleted_at.is_(None),
    )
    if before is not None:
        wanted = wanted.where(payment_methods.c.id < before)
    return list((await connection.execute(wanted.order_by(payment_methods.c.id.desc()).limit(limit))).mappings())


async def describe_card(connection: AsyncConnection, *, livemode: bool, method_id: str, card: str) -> None:
    """Store card facts."""
    await connection.execute(
        update(payment_methods)
        .where(payment_methods.c.livemode == livemode, payment_methods.c.id == method_id)
        .values(card=card, version=payment_methods.c.version + 1)
    )


async def delete_payment_method(connection: AsyncConnection, *, livemode: bool, method_id: str, at: datetime) -> None:
    """Forget the tokens and the card, here at once and at the processors soon; the row stays for the books."""
    tokens = await tokens_of(connection, livemode=livemode, method_ids=[method_id])
    await detachments.queue(connection, tokens[method_id], livemode=livemode, method_id=method_id, at=at)
    mine = processor_tokens.c.livemode == livemode, processor_tokens.c.payment_method == method_id
    rows = (await connection.execute(select(processor_tokens).where(*mine))).mappings().all()
    await retire_rows(connection, rows, at)
    await connection.execute(
        update(payment_methods)
        .where(payment_methods.c.livemode == livemode, payment_methods.c.id == method_id)
        .values(
            card="{}",
            network_transaction_id=None,
            import_key=None,
            deleted_at=at,
            version=payment_methods.c.version + 1,
        )
    )


async def add_token(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a processor token."""
    await connection.execute(insert(processor_tokens), dict(row))


def token_row(
    livemode: bool,  # noqa: FBT001 - the mode
    method_id: str,
    token: ProcessorToken,
    facts: CardFacts | None,
    at: datetime,
) -> dict[str, object]:
    """Make the columns of a token; *facts* are what its processor says of the card."""
    return {
        "id": new_id("ptk_"),
        "livemode": livemode,
        "payment_method": method_id,
        "processor": token.processor,
        "token": token.token,
        "customer_reference": token.customer_reference,
        "merchant_account": token.merchant_account or "",
        "fingerprint": facts.fingerprint if facts else None,
        "created_at": at,
    }


async def renew_token(
    connection: AsyncConnection, method_id: str, asked: ProcessorToken, stored: ProcessorToken
) -> None:
    """Charge what the processor *stored* from now on, instead of the token that it was *asked* about."""
    mine = (
        processor_tokens.c.payment_method == method_id,
        processor_tokens.c.processor == asked.processor,
        processor_tokens.c.merchant_account == (asked.merchant_account or ""),
    )
    reference = stored.customer_reference or asked.customer_reference
    await connection.execute(
        update(processor_tokens).where(*mine).values(token=stored.token, customer_reference=reference)
    )
    await connection.execute(
        update(payment_methods).where(payment_methods.c.id == method_id).values(version=payment_methods.c.version + 1)
    )


async def chain(connection: AsyncConnection, method_id: str, network_transaction_id: str) -> None:
    """Keep the card network's id of the first charge that the payer made; a later one changes nothing."""
    first = (
        payment_methods.c.id == method_id,
        payment_methods.c.network_transaction_id.is_(None),
        payment_methods.c.deleted_at.is_(None),
    )
    values = {"network_transaction_id": network_transaction_id, "version": payment_methods.c.version + 1}
    await connection.execute(update(payment_methods).where(*first).values(values))


async def tokens_of(
    connection: AsyncConnection, *, livemode: bool, method_ids: Sequence[str]
) -> dict[str, list[ProcessorToken]]:
    """Read the tokens behind several payment methods."""
    rows = await connection.execute(
        select(processor_tokens)
        .where(processor_tokens.c.livemode == livemode, processor_tokens.c.payment_method.in_(method_ids))
        .order_by(processor_tokens.c.id)
    )
    found: dict[str, list[ProcessorToken]] = {method: [] for method in method_ids}
    for row in rows.mappings():
        found[row["payment_method"]].append(to_token(row))
    return found


async def holding(
    connection: AsyncConnection, token: ProcessorToken, *, livemode: bool, customer: str | None, merchant_account: str
) -> str | None:
    """Find the customer's payment method that *merchant_account* can charge with *token* already."""
    owner = payment_methods.c.customer
    wanted = (
        select(payment_methods.c.id)
        .join(processor_tokens, processor_tokens.c.payment_method == payment_methods.c.id)
        .where(
            processor_tokens.c.livemode == livemode,
            processor_tokens.c.processor == token.processor,
            processor_tokens.c.token == token.token,
            processor_tokens.c.merchant_account.in_(("", merchant_account)),
            owner.is_(None) if customer is None else owner == customer,
        )
        .order_by(payment_methods.c.id)
        .limit(1)
    )
    method_id: str | None = await connection.scalar(wanted)
    return method_id


async def known_reference(
    connection: AsyncConnection, *, livemode: bool, customer: str, processor: str, merchant_account: str
) -> str | None:
    """Find what *processor* calls a customer of ours, from the newest token that *merchant_account* can use."""
    wanted = (
        select(processor_tokens.c.customer_reference)
        .join(payment_methods, processor_tokens.c.payment_method == payment_methods.c.id)
        .where(
            payment_methods.c.livemode == livemode,
            payment_methods.c.customer == customer,
            processor_tokens.c.processor == processor,
            processor_tokens.c.merchant_account.in_(("", merchant_account)),
            processor_tokens.c.customer_reference.is_not(None),
        )
        .order_by(processor_tokens.c.id.desc())
        .limit(1)
    )
    reference: str | None = await connection.scalar(wanted)
    return reference
