"""Which accounts are asked to forget a token, and what their answers come to; without HTTP and without processors."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from adapters.errors import NotSentError
from hub.merchants.service import Directory
from hub.payment_methods import detachments, store
from hub.payment_methods.detaching import detach_due
from hub.payment_methods.tables import detachments as table
from hub.payments.shell import Shell
from normalization.declines import Decline, DeclineCode
from normalization.tokens import CardFacts, ProcessorToken
from tests.hub.payments.bare import bare

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN = ProcessorToken(processor="stripe", token="pm_1", customer_reference="cus_1")
GONE = None
STAYS = Decline(code=DeclineCode.TOKEN_INVALID, processor_code="stays")
AWAY = NotSentError("stripe", "away")
Answer = Decline | NotSentError | None


class Forgetting:
    """Answers as it is told to, and counts how often it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked = 0
        self._answer = answer

    async def detach(self, _token: ProcessorToken) -> Decline | None:
        """Forget, or not."""
        self.asked += 1
        if isinstance(self._answer, NotSentError):
            raise self._answer
        return self._answer


class Accounts:
    """A directory of accounts by name: `live` ones begin so, and those of another processor with `adyen`."""

    def __init__(self, adapters: Mapping[str, Forgetting]) -> None:
        self._all = {
            name: SimpleNamespace(
                account=SimpleNamespace(
                    id=name, livemode=name.startswith("live"), processor="adyen" if "adyen" in name else "stripe"
                ),
                adapter=adapter,
            )
            for name, adapter in adapters.items()
        }

    def accounts(self) -> Mapping[str, Any]:
        """List them."""
        return self._all

    def connected(self, account_id: str) -> Any:
        """Find one."""
        return self._all.get(account_id)


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


async def keep(shell: Shell, name: str, token: ProcessorToken, *, livemode: bool = False) -> None:
    async with shell.database.transaction() as connection:
        await store.add_payment_method(connection, store.method_row(livemode, name, None, CardFacts(), AT))
        await store.add_token(connection, store.token_row(livemode, name, token, None, AT))


async def forgotten(shell: Shell, token: ProcessorToken, **adapters: Forgetting) -> dict[str, Any]:
    """Delete a payment method with *token*, let the worker ask once, and say what came of it."""
    await keep(shell, "pm_gone", token)
    async with shell.database.transaction() as connection:
        await store.delete_payment_method(connection, livemode=False, method_id="pm_gone", at=AT)
    assert await detach_due(replace(shell, directory=cast("Directory", Accounts(adapters)))) == 1
    async with shell.database.reading() as connection:
        return dict((await connection.execute(select(table))).mappings().one())


@pytest.mark.parametrize(
    ("answers", "status", "left"),
    [
        ((GONE, GONE), "done", None),
        ((GONE, STAYS), "done", None),
        ((STAYS, STAYS), "refused", None),
        ((GONE, AWAY), "waiting", "pm_1"),
        ((STAYS, AWAY), "waiting", "pm_1"),
        ((), "waiting", "pm_1"),
    ],
)
async def test_a_token_of_every_account_is_gone_when_all_have_answered_and_one_has_let_go(
    answers: tuple[Answer, ...], status: str, left: str | None, shell: Shell
) -> None:
    adapters = {f"ma_{n}": Forgetting(answer) for n, answer in enumerate(answers)}

    found = await forgotten(shell, TOKEN, **adapters)

    assert (found["status"], found["token"], found["due_at"] is None) == (status, left, left is None)
    assert [one.asked for one in adapters.values()] == [1] * len(answers)


async def test_nobody_else_is_asked_to_forget_a_token(shell: Shell) -> None:
    own, others = Forgetting(GONE), Forgetting(GONE)

    await forgotten(shell, TOKEN, ma_own=own, live_stripe=others, adyen_test=others)

    assert (own.asked, others.asked) == (1, 0)


async def test_a_token_of_one_account_is_that_accounts_alone(shell: Shell) -> None:
    own, other = Forgetting(GONE), Forgetting(GONE)

    await forgotten(shell, replace(TOKEN, merchant_account="ma_own"), ma_own=own, ma_other=other)

    assert (own.asked, other.asked) == (1, 0)


@pytest.mark.parametrize(
    ("other", "livemode", "status"),
    [
        (TOKEN, False, "shared"),
        (TOKEN, True, "done"),
        (replace(TOKEN, processor="adyen"), False, "done"),
        (replace(TOKEN, token="pm_2"), False, "done"),
    ],
    ids=["the same", "of the other mode", "of another processor", "another"],
)
async def test_a_token_stays_only_where_another_payment_method_of_the_mode_and_processor_needs_it(
    other: ProcessorToken,
    livemode: bool,  # noqa: FBT001 - the case
    status: str,
    shell: Shell,
) -> None:
    await keep(shell, "pm_other", other, livemode=livemode)

    found = await forgotten(shell, TOKEN, ma_1=Forgetting(GONE))

    assert (found["status"], found["token"], found["customer_reference"]) == (status, None, None)


async def test_of_what_failed_the_token_is_kept_for_whoever_looks_for_it_there(shell: Shell) -> None:
    await forgotten(shell, TOKEN, ma_1=Forgetting(AWAY))
    async with shell.database.transaction() as connection:
        await connection.execute(table.update().values(due_at=AT))
    (waiting,) = await detachments.claim(shell.database, 10)

    await detachments.finish(shell.database, waiting, "failed", AT, "away")

    async with shell.database.reading() as connection:
        found = (await connection.execute(select(table))).mappings().one()
    assert (found["status"], found["token"], found["due_at"]) == ("failed", "pm_1", None)
