"""A token that a processor tells of is taken for what its own account asked for, and for no other's."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from adapters.contract import TokenNews
from hub.merchants.service import Connected
from hub.payment_methods.tables import payment_methods, processor_tokens
from hub.payment_sessions import store as sessions
from hub.payments.shell import Shell
from hub.webhooks.token_news import note_token
from normalization.tokens import ProcessorToken
from tests.hub.payments.bare import REQUEST, bare, sent

TOKEN = ProcessorToken(processor="stripe", token="pm_9", customer_reference="cus_9")
SAVING = REQUEST[:-1] + b',"save":true}'


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


def account(name: str) -> Connected:
    """An account whose processor cannot be asked about cards."""
    known: Any = SimpleNamespace(id=name, livemode=False, processor="stripe")
    shares: Any = SimpleNamespace(shares_tokens=False)
    return cast("Connected", SimpleNamespace(account=known, adapter=None, capabilities=shares))


def news(tag: str) -> TokenNews:
    return TokenNews(tag=tag, parent_reference=None, token=TOKEN, livemode=False)


async def session(shell: Shell, **facts: Any) -> None:
    at = shell.clock()
    row = {
        "id": "ps_1", "livemode": False, "customer": None, "merchant_account": "ma_1", "processor": "stripe",
        "currency": "EUR", "customer_reference": None, "status": "open", "verification": None,
        "payment_method": None, "created_at": at, "updated_at": at,
    }  # fmt: skip
    async with shell.database.transaction() as connection:
        await sessions.add(connection, row | facts)


async def status(shell: Shell) -> str:
    async with shell.database.reading() as connection:
        row = await sessions.find(connection, "ps_1")
    assert row is not None
    return str(row["status"])


async def test_a_session_is_completed_by_its_own_accounts_word_alone(shell: Shell) -> None:
    await session(shell)

    assert await note_token(shell, account("ma_2"), news("ps_1")) == "ignored"
    assert await status(shell) == "open"
    async with shell.database.reading() as connection:
        assert (await connection.execute(select(payment_methods.c.id))).all() == []

    assert await note_token(shell, account("ma_1"), news("ps_1")) == "done"
    assert await status(shell) == "completed"


async def test_a_charge_keeps_the_card_that_its_own_account_tells_of(shell: Shell) -> None:
    held = await sent(shell, request=SAVING)
    own = held.operation.merchant_account

    assert await note_token(shell, account("ma_of_others"), news("att_1")) == "ignored"
    assert await note_token(shell, account(own), news("att_1")) == "unmatched"


async def test_a_charge_that_keeps_no_card_keeps_none_that_is_told_of(shell: Shell) -> None:
    held = await sent(shell)

    assert await note_token(shell, account(held.operation.merchant_account), news("att_1")) == "ignored"


@pytest.mark.parametrize(("asked_for", "kept"), [("cus_1", "cus_1"), (None, "cus_9")])
async def test_whom_the_hub_asked_to_keep_it_for_counts_more_than_what_is_told(
    shell: Shell, asked_for: str | None, kept: str
) -> None:
    await session(shell, customer_reference=asked_for)

    await note_token(shell, account("ma_1"), news("ps_1"))

    async with shell.database.reading() as connection:
        references = (await connection.execute(select(processor_tokens.c.customer_reference))).scalars().all()
    assert references == [kept]
