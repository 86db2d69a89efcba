"""A word about a dispute is kept with the money that it moves and with whom it is told to, or not at all."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from hub.disputes.recording import record_dispute
from hub.events.tables import events
from hub.payments.recording import record
from hub.payments.shell import Shell
from normalization.outcome import Operation
from tests.hub.disputes.telling import taken, word
from tests.hub.payments.bare import bare, everything, held, refuse, sent
from tests.hub.payments.making import eur, report

TABLES = ("disputes", "dispute_reports", "dispute_movements")
TAKEN = word(movements=(taken(),))
MORE_THAN_TAKEN = word(money=eur(1500), movements=(taken(),))


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        await record(made, await sent(made), report(Operation.PURCHASE, minor=1000), "answer")
        yield made


@pytest.mark.parametrize(
    ("what", "table"),
    [("UPDATE", "payments")]
    + [("INSERT", table) for table in (*TABLES, "transfers", "expected_settlements", "exceptions", "events")]
    + [("INSERT", "audit_log")],
)
async def test_where_a_part_cannot_be_written_nothing_is(what: str, table: str, shell: Shell) -> None:
    before = await everything(shell, *TABLES)
    await refuse(shell, what, table)

    said = MORE_THAN_TAKEN if table == "exceptions" else TAKEN

    with pytest.raises(IntegrityError, match="full"):
        await record_dispute(shell, "ma_1", said, "webhook")

    assert await everything(shell, *TABLES) == before


async def test_where_all_can_be_written_the_money_is_claimed(shell: Shell) -> None:
    await record_dispute(shell, "ma_1", MORE_THAN_TAKEN, "webhook")

    assert (await held(shell)).payment.disputed_minor == 1500


async def test_a_dispute_told_by_another_account_is_nobodys(shell: Shell) -> None:
    assert await record_dispute(shell, "ma_2", MORE_THAN_TAKEN, "webhook") is None
    assert (await held(shell)).payment.disputed_minor == 0


async def test_what_is_told_has_its_place_from_the_relay_alone(shell: Shell) -> None:
    await record_dispute(shell, "ma_1", TAKEN, "webhook")

    async with shell.database.reading() as connection:
        placed = list((await connection.execute(select(events.c.position))).scalars())

    assert placed == [None] * len(placed)
    assert len(placed) == 2
