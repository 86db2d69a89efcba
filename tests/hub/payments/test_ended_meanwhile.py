"""An operation that has ended while somebody was about to ask about it is let alone, whatever was read of it before."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from adapters.contract import Authorize, Inquiry
from hub.payments.inquiries import inquire
from hub.payments.recording import record, record_failure
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus, Status
from hub.payments.tables import operations
from normalization.outcome import Operation, Report
from routing.failover import Failure
from tests.hub.payments.bare import ONCE, bare, held, sent, with_adapter
from tests.hub.payments.making import NOW, report

REPLAY = replace(ONCE, inquiry=Inquiry.REPLAY)


class Charges(Struct):
    """An adapter that finds out by sending again: what never arrived is charged by that."""

    asked: int = 0

    async def inquire(self, _request: Authorize) -> Report:
        """Charge."""
        self.asked += 1
        return report(Operation.PURCHASE, minor=1000)


def at_work(shell: Shell, processor: Charges) -> Shell:
    """A minute after the charge was sent, when it would still be sent again."""
    return replace(with_adapter(shell, processor, REPLAY), clock=lambda: NOW + timedelta(minutes=1))


async def is_over(shell: Shell) -> bool:
    """Whether nobody will look at the operation any more."""
    async with shell.database.reading() as connection:
        return await connection.scalar(select(operations.c.due_at)) is None


@pytest.fixture
async def shell(database_url: str) -> AsyncIterator[Shell]:
    async with bare(database_url) as made:
        yield made


async def test_what_was_told_to_have_failed_is_not_charged_by_whoever_read_it_before(shell: Shell) -> None:
    processor = Charges()
    at = at_work(shell, processor)
    read = await sent(at, lease_s=0.0)
    await record_failure(at, read, Failure.NOT_SENT, 1)

    await inquire(at, read.operation)

    found = await held(at)
    assert (found.operation.status, found.payment.status) == (OperationStatus.NOT_SENT, Status.FAILED)
    assert processor.asked == 0
    assert await is_over(at)


async def test_what_was_answered_meanwhile_is_not_asked_about(shell: Shell) -> None:
    processor = Charges()
    at = at_work(shell, processor)
    read = await sent(at, lease_s=0.0)
    await record(at, read, report(Operation.PURCHASE, minor=1000), "answer")

    await inquire(at, read.operation)

    assert processor.asked == 0
    assert await is_over(at)
