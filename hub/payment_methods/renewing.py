"""Stored cards that their banks renewed, and tokens that their processors retired; and all SQL of it.

Told in any order and however often, the same stands: the card that expires last, and a retired token stays retired.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.store import AUDIT, audit_row
from hub.events.rows import event_row
from hub.events.tables import events
from hub.payment_methods import store
from hub.payment_methods.bodies import method_body
from hub.payment_methods.retired import retire_rows
from hub.payment_methods.rules import renewed
from hub.payment_methods.tables import payment_methods, processor_tokens
from normalization.tokens import CardFacts, ProcessorToken

UPDATED: Final = "payment_method.updated"
RETIRED: Final = "payment_method.token_retired"


class Holders(Struct, frozen=True, kw_only=True):
    """The tokens that a processor means, and the payment methods behind which they stand, locked meanwhile."""

    tokens: Sequence[RowMapping]
    methods: Mapping[str, RowMapping]


async def holders(
    connection: AsyncConnection, token: ProcessorToken, *, livemode: bool, merchant_account: str
) -> Holders:
    """Find and lock the payment methods with *token* that *merchant_account* can charge."""
    columns = processor_tokens.c
    wanted = (
        select(processor_tokens)
        .where(
            columns.livemode == livemode,
            columns.processor == token.processor,
            columns.token == token.token,
            columns.merchant_account.in_(("", merchant_account)),
        )
        .order_by(columns.payment_method)
    )
    named = (await connection.execute(wanted)).mappings().all()
    methods = {}
    for method_id in dict.fromkeys(row["payment_method"] for row in named):
        row = await store.payment_method(connection, livemode=livemode, method_id=method_id, to_change=True)
        if row is not None:
            methods[method_id] = row
    found = (await connection.execute(wanted)).mappings().all()  # As it stands now that nobody else can change it.
    tokens = [row for row in found if row["payment_method"] in methods]
    held = {row["payment_method"] for row in tokens}
    return Holders(tokens=tokens, methods={name: row for name, row in methods.items() if name in held})


async def renew(connection: AsyncConnection, found: Holders, told: CardFacts, at: datetime) -> list[RowMapping]:
    """Put what is *told* of a card into the payment methods that hold it; gives those that changed."""
    changed = []
    for method_id, row in found.methods.items():
        known = msgspec.json.decode(row["card"], type=CardFacts)
        card = renewed(known, told)
        if card == known:
            continue
        text = msgspec.json.encode(card).decode()
        await store.describe_card(connection, livemode=bool(row["livemode"]), method_id=method_id, card=text)
        if card.fingerprint != known.fingerprint:
            own = [token["id"] for token in found.tokens if token["payment_method"] == method_id]
            prints = update(processor_tokens).where(processor_tokens.c.id.in_(own))
            await connection.execute(prints.values(fingerprint=card.fingerprint))
        facts = [name for name in CardFacts.__struct_fields__ if getattr(known, name) != getattr(card, name)]
        await _audit(connection, UPDATED, row, {"processor": found.tokens[0]["processor"], "facts": facts}, at)
        changed.append(row)
    return changed


async def retire(connection: AsyncConnection, found: Holders, at: datetime) -> list[RowMapping]:
    """Have the tokens charged no more; gives the payment methods that had them."""
    await retire_rows(connection, found.tokens, at)
    gone = update(payment_methods).where(payment_methods.c.id.in_(found.methods))
    await connection.execute(gone.values(version=payment_methods.c.version + 1))
    for token in found.tokens:
        row = found.methods[token["payment_method"]]
        details = {"processor": token["processor"], "merchant_account": token["merchant_account"] or None}
        await _audit(connection, RETIRED, row, details, at)
    return list(found.methods.values())


async def tell(
    connection: AsyncConnection,
    type_: str,
    row: RowMapping,
    reusable: Callable[[Sequence[ProcessorToken]], bool],
    at: datetime,
) -> None:
    """Write the event of a payment method as it stands now, in the transaction that changed it."""
    livemode, method_id = bool(row["livemode"]), row["id"]
    now = await store.payment_method(connection, livemode=livemode, method_id=method_id)
    tokens = (await store.tokens_of(connection, livemode=livemode, method_ids=[method_id]))[method_id]
    data = msgspec.json.encode(method_body(now or row, tokens, reusable=reusable(tokens)))
    await connection.execute(insert(events).values(event_row(type_, method_id, data, livemode=livemode, at=at)))


async def _audit(
    connection: AsyncConnection, action: str, row: RowMapping, details: Mapping[str, Any], at: datetime
) -> None:
    entry = audit_row(None, action, row["id"], details, livemode=bool(row["livemode"]), at=at)
    await connection.execute(AUDIT, entry)
