"""What goes out with a question about a charge, and what its end does to the operation and to the account."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import select, text

from adapters.contract import Authorize, Inquiry
from adapters.errors import OutcomeUnknownError
from hub.payments.inquiries import inquire, resolve_now
from hub.payments.shell import Shell
from hub.payments.states import OperationState, OperationStatus
from hub.payments.tables import operations
from normalization.outcome import Operation, Report
from tests.hub.payments.bare import ONCE, bare, held, sent, with_adapter
from tests.hub.payments.making import NOW, report

Said = Report | Exception | None
NO_GRACE = replace(ONCE, lookup_grace=timedelta(0))
REPLAY = replace(ONCE, inquiry=Inquiry.REPLAY)


class Processor(Struct):
    """An adapter that says what a test wants, and keeps what it was asked; *meanwhile* happens before it answers."""

    says: Said
    shell: Shell
    meanwhile: str | None = None
    asked: list[Authorize] = []
    cancelled: list[Authorize] = []

    async def inquire(self, request: Authorize) -> Report | None:
        self.asked.append(request)
        if self.meanwhile is not None:
            async with self.shell.database.transaction() as connection:
                await connection.execute(text(self.meanwhile))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def cancel_by_reference(self, request: Authorize) -> None:
        self.cancelled.append(request)


class Leased(Struct):
    """An adapter that looks for how long the operation is in hand while it is asked."""

    shell: Shell
    leased_s: float = 0.0

    async def inquire(self, _request: Authorize) -> None:
        self.leased_s = await leased_s(self.shell)


class Waits(Struct):
    """An adapter that answers when a test wants."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def inquire(self, _request: Authorize) -> Report:
        self.begun.set()
        await self.goes_on.wait()
        return report(Operation.PURCHASE, minor=1000)


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield replace(made, clock=lambda: NOW + timedelta(minutes=1))


@pytest.fixture
def processor(shell: Shell) -> Callable[..., Processor]:
    def make(says: Said, meanwhile: str | None = None) -> Processor:
        return Processor(says, shell, meanwhile)

    return make


async def lost(shell: Shell, **changes: object) -> OperationState:
    changes = {"status": OperationStatus.UNKNOWN, "processor_reference": "psp_1"} | changes
    return (await sent(shell, lease_s=0.0, **changes)).operation


async def leased_s(shell: Shell) -> float:
    """For how long nobody else takes the operation, by the database's clock."""
    async with shell.database.reading() as connection:
        now = await shell.database.now(connection)
        until = await connection.scalar(select(operations.c.lease_until))
    return 0.0 if until is None else (until - now).total_seconds()


async def test_the_processors_own_name_of_it_goes_out_with_the_question(
    shell: Shell, processor: Callable[..., Processor]
) -> None:
    asked = processor(report(Operation.PURCHASE, minor=1000))

    await inquire(with_adapter(shell, asked), await lost(shell))

    assert [one.processor_reference for one in asked.asked] == ["psp_1"]


async def test_and_with_the_cancellation_of_what_nobody_wants_any_more(
    shell: Shell, processor: Callable[..., Processor]
) -> None:
    asked = processor(None)
    too_late = replace(shell, clock=lambda: NOW + timedelta(minutes=16))

    await inquire(with_adapter(too_late, asked, REPLAY), await lost(shell))

    assert asked.asked == []
    assert [one.processor_reference for one in asked.cancelled] == ["psp_1"]


async def test_after_a_question_anybody_may_ask_the_next_but_a_reader_waits(
    shell: Shell, processor: Callable[..., Processor]
) -> None:
    at = with_adapter(shell, processor(OutcomeUnknownError("stripe", "silence")))

    await inquire(at, await lost(shell))
    after_the_job = await leased_s(shell)
    await inquire(at, (await held(shell)).operation, reading=True)

    assert after_the_job <= 0
    assert 0 < await leased_s(shell) <= shell.settings.inquiry_first_ms / 1000


async def test_a_reader_uses_no_question_of_the_job_up(shell: Shell, processor: Callable[..., Processor]) -> None:
    before = await lost(shell)

    await inquire(with_adapter(shell, processor(OutcomeUnknownError("stripe", "silence"))), before, reading=True)

    after = (await held(shell)).operation
    assert (after.inquiries, after.due_at) == (before.inquiries, before.due_at)


async def test_not_found_is_declared_by_who_still_has_it_in_hand(
    shell: Shell, processor: Callable[..., Processor]
) -> None:
    taken = "UPDATE operations SET fence = fence + 1, lease_until = started_at"

    await inquire(with_adapter(shell, processor(None, meanwhile=taken), NO_GRACE), await lost(shell))
    between = (await held(shell)).operation.status
    await inquire(with_adapter(shell, processor(None), NO_GRACE), (await held(shell)).operation)

    assert (between, (await held(shell)).operation.status) == (OperationStatus.UNKNOWN, OperationStatus.NOT_SENT)


async def test_what_a_processor_finds_counts_although_another_has_it_in_hand(
    shell: Shell, processor: Callable[..., Processor]
) -> None:
    asked = processor(report(Operation.PURCHASE, minor=1000), meanwhile="UPDATE operations SET fence = fence + 1")

    await inquire(with_adapter(shell, asked), await lost(shell))

    assert (await held(shell)).operation.status is OperationStatus.APPROVED


async def test_questions_without_an_answer_keep_no_payment_from_the_account(
    shell: Shell, processor: Callable[..., Processor]
) -> None:
    silent = with_adapter(shell, processor(OutcomeUnknownError("stripe", "silence")))
    await lost(shell)

    for _ in range(30):
        await inquire(silent, (await held(shell)).operation)

    assert shell.health.open_circuits() == frozenset()


async def test_the_next_question_comes_ever_later(shell: Shell, processor: Callable[..., Processor]) -> None:
    silent = with_adapter(shell, processor(OutcomeUnknownError("stripe", "silence")), REPLAY)
    await lost(shell)
    found = []

    for _ in range(2):
        await inquire(silent, (await held(shell)).operation)
        found.append(await due_in_s(shell))

    assert [10 < found[0] <= 15, 45 < found[1] <= 60] == [True, True], found


async def test_whoever_asks_has_it_in_hand_for_as_long_as_an_answer_may_take(shell: Shell) -> None:
    asked = Leased(shell)

    await inquire(with_adapter(shell, asked), await lost(shell))

    assert asked.leased_s > shell.settings.request_ms / 1000


async def test_a_reader_who_goes_away_takes_no_answer_along(shell: Shell) -> None:
    asked = Waits()
    at = with_adapter(shell, asked)
    reader = asyncio.create_task(resolve_now(at, [await lost(shell)]))
    await asked.begun.wait()

    reader.cancel()
    asked.goes_on.set()
    await asyncio.gather(*at.running)

    assert (await held(shell)).operation.status is OperationStatus.APPROVED


@pytest.mark.parametrize("after", [timedelta(minutes=16), timedelta(days=8)], ids=str)
async def test_who_reads_ends_nothing(after: timedelta, shell: Shell, processor: Callable[..., Processor]) -> None:
    asked = processor(OutcomeUnknownError("stripe", "silence"))
    late = with_adapter(replace(shell, clock=lambda: NOW + after), asked, REPLAY)

    await resolve_now(late, [await lost(shell)])

    assert (asked.asked, asked.cancelled) == ([], [])
    assert (await held(shell)).operation.status is OperationStatus.UNKNOWN


async def due_in_s(shell: Shell) -> float:
    """When the job asks next, by the database's clock."""
    async with shell.database.reading() as connection:
        now = await shell.database.now(connection)
        due_at = await connection.scalar(select(operations.c.due_at))
    assert due_at is not None
    return float((due_at - now).total_seconds())
