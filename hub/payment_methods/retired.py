"""All SQL of tokens that can be charged no more: retired by their processors, or deleted here.

Nothing is kept that anybody could be charged by: a hash, by which a later word about the token is no riddle.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.payment_methods.tables import processor_tokens, retired_tokens
from normalization.tokens import ProcessorToken


async def retire_rows(connection: AsyncConnection, tokens: Sequence[RowMapping], at: datetime) -> None:
    """Take rows out of `processor_tokens`, and remember no more than that they were there."""
    same = ("id", "livemode", "payment_method", "processor", "merchant_account")
    for token in tokens:
        row = {name: token[name] for name in same} | {"token_hash": _hash(token["token"]), "retired_at": at}
        # A statement of PostgreSQL's dialect, which SQLite writes in the same words.
        await connection.execute(insert_or_nothing(retired_tokens).values(row).on_conflict_do_nothing())
        await connection.execute(delete(processor_tokens).where(processor_tokens.c.id == token["id"]))


async def is_retired(
    connection: AsyncConnection, token: ProcessorToken, *, livemode: bool, merchant_account: str
) -> bool:
    """Whether *token* was ours once and can be charged no more."""
    columns = retired_tokens.c
    known = select(columns.id).where(
        columns.livemode == livemode,
        columns.processor == token.processor,
        columns.token_hash == _hash(token.token),
        columns.merchant_account.in_(("", merchant_account)),
    )
    return await connection.scalar(known.limit(1)) is not None


async def is_held(connection: AsyncConnection, token: ProcessorToken, *, livemode: bool, merchant_account: str) -> bool:
    """Whether *merchant_account* can charge *token* behind a payment method of ours."""
    columns = processor_tokens.c
    known = select(columns.id).where(
        columns.livemode == livemode,
        columns.processor == token.processor,
        columns.token == token.token,
        columns.merchant_account.in_(("", merchant_account)),
    )
    return await connection.scalar(known.limit(1)) is not None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
