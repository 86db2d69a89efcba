"""What never ends by itself becomes a human's, and what may have been approved is not called refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select, update

from adapters.contract import Authorize, Complete, Inquiry
from adapters.errors import OutcomeUnknownError
from hub.database import ConflictError
from hub.payments import rules, store
from hub.payments.challenges import complete
from hub.payments.inquiries import expire
from hub.payments.recording import Held, record
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus, Status
from hub.payments.steps import Step, next_step
from hub.payments.tables import operations, payments
from normalization.outcome import ActionRequired, Operation, Report
from tests.hub.payments.bare import ONCE, bare, held, sent, with_adapter
from tests.hub.payments.making import operation, payment, report
from tests.hub.payments.test_steps import LOOKUP, SOON, WINDOWS

WAITING = ActionRequired(method="GET", url="https://bank.example/challenge", continuation="")
REPLAYED = replace(ONCE, inquiry=Inquiry.REPLAY)


class Cancels(Struct):
    """An adapter that can cancel what an attempt made, unless it does not answer."""

    answers: bool = True
    completed: int = 0

    async def complete(self, _request: Complete) -> Report:
        """Complete a challenge."""
        self.completed += 1
        return report(Operation.PURCHASE, minor=1000)

    async def cancel_by_reference(self, request: Authorize) -> None:
        """Cancel it."""
        if not self.answers:
            raise OutcomeUnknownError("stripe", f"{request.operation_id}: no answer")


class Dies(Cancels):
    """An adapter whose process ends before there is an answer."""

    async def complete(self, _request: Complete) -> Report:
        """Die."""
        raise asyncio.CancelledError


class TakenOver(Struct):
    """An adapter that does not answer until another has taken the operation."""

    shell: Shell

    async def complete(self, _request: Complete) -> Report:
        """Let another take it."""
        async with self.shell.database.transaction() as connection:
            await connection.execute(update(operations).values(fence=operations.c.fence + 1))
        raise OutcomeUnknownError("stripe", "silence")


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield with_adapter(made, Cancels())


async def challenged(shell: Shell) -> Held:
    await record(shell, await sent(shell, lease_s=0.0), report(Operation.PURCHASE, WAITING), "answer")
    return await held(shell)


def test_what_was_accepted_and_never_ended_is_given_up_when_its_time_is_over() -> None:
    pending = operation(Operation.REFUND, 400, status=OperationStatus.PENDING)

    assert next_step(payment(), pending, LOOKUP, WINDOWS, SOON) is Step.GIVE_UP


@pytest.mark.parametrize(
    ("status", "told"),
    [(OperationStatus.PENDING, "pending_overdue"), (OperationStatus.UNKNOWN, "outcome_unknown")],
)
def test_what_is_given_up_is_told_and_its_amount_stays_taken(status: OperationStatus, told: str) -> None:
    paid = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunding_minor=400)

    ended = rules.give_up(paid, operation(Operation.REFUND, 400, status=status), "late")

    assert ended.operation.status is OperationStatus.EXCEPTION
    assert (ended.payment.refunding_minor, ended.exceptions) == (400, ((told, "late"),))


async def test_a_challenge_that_nobody_answered_ends_the_payment(shell: Shell) -> None:
    waiting = await challenged(shell)
    await store.claim(shell.database, waiting.operation, due_s=60.0, lease_s=60.0)

    await expire(shell, await held(shell), REPLAYED)

    assert (await held(shell)).payment.status is Status.FAILED


async def test_a_challenge_whose_completion_was_begun_may_have_been_approved(shell: Shell) -> None:
    waiting = await challenged(shell)
    for _ in range(2):  # Whoever completed it, and whoever ends it.
        await store.claim(shell.database, waiting.operation, due_s=60.0, lease_s=0.0)
        waiting = await held(shell)

    await expire(shell, waiting, REPLAYED)

    assert (await held(shell)).operation.status is OperationStatus.UNKNOWN


async def test_who_lost_a_challenge_to_another_while_it_was_cancelled_does_not_end_it(shell: Shell) -> None:
    """The payer came back meanwhile: what is being brought to the processor may be approved."""
    waiting = await challenged(shell)
    await store.claim(shell.database, waiting.operation, due_s=60.0, lease_s=0.0)
    ours = await held(shell)
    await store.claim(shell.database, ours.operation, due_s=60.0, lease_s=60.0)

    with pytest.raises(ConflictError):
        await expire(shell, ours, REPLAYED)

    assert (await held(shell)).payment.status is Status.REQUIRES_ACTION


async def test_a_challenge_that_could_not_be_cancelled_is_left_as_it_is(shell: Shell) -> None:
    silent = with_adapter(shell, Cancels(answers=False))
    waiting = await challenged(silent)

    await expire(silent, waiting, REPLAYED)

    assert (await held(silent)).operation.status is OperationStatus.REQUIRES_ACTION


@pytest.mark.parametrize("canceled", [False, True])
async def test_a_payer_who_comes_back_completes_a_payment_that_nobody_cancels(canceled: bool, shell: Shell) -> None:  # noqa: FBT001 - the case
    adapter = Cancels()
    at = with_adapter(shell, adapter)
    await challenged(at)
    async with at.database.transaction() as connection:
        await connection.execute(update(payments).values(canceling=canceled))

    await complete(at, (await held(at)).payment, {})

    assert adapter.completed == (not canceled)
    assert (await held(at)).payment.status is (Status.REQUIRES_ACTION if canceled else Status.CAPTURED)


async def test_a_challenge_that_is_told_again_stays_as_it_was(shell: Shell) -> None:
    before = await challenged(shell)

    again = replace(WAITING, url="https://bank.example/other", expires_at=shell.clock() + timedelta(days=9))
    await record(shell, before, report(Operation.PURCHASE, again), "inquiry")

    now = await held(shell)
    assert (now.operation, now.payment) == (before.operation, before.payment)


async def test_a_challenge_is_looked_at_when_it_expires_at_its_processor(shell: Shell) -> None:
    soon = replace(WAITING, expires_at=shell.clock() + timedelta(minutes=5))

    await record(shell, await sent(shell), report(Operation.PURCHASE, soon), "answer")

    assert (await held(shell)).operation.action_expires_at == soon.expires_at
    assert 200 < await due_in_s(shell) <= 300


async def test_who_brings_an_answer_and_dies_is_followed_when_the_lease_is_over(shell: Shell) -> None:
    dying = with_adapter(shell, Dies())
    await challenged(dying)

    with pytest.raises(asyncio.CancelledError):
        await complete(dying, (await held(dying)).payment, {})

    assert await due_in_s(shell) <= shell.lease_s


async def test_while_somebody_brings_the_answer_nobody_else_does(shell: Shell) -> None:
    adapter = Cancels()
    at = with_adapter(shell, adapter)
    waiting = await challenged(at)
    await store.claim(at.database, waiting.operation, due_s=60.0, lease_s=60.0)

    left = await complete(at, waiting.payment, {})

    assert (adapter.completed, left.payment.status) == (0, Status.REQUIRES_ACTION)


async def test_who_heard_nothing_and_lost_it_to_another_says_what_stands(shell: Shell) -> None:
    at = with_adapter(shell, TakenOver(shell))

    left = await complete(at, (await challenged(at)).payment, {})

    assert left.operation.status is OperationStatus.REQUIRES_ACTION
    assert (await held(at)).operation.status is OperationStatus.REQUIRES_ACTION


async def due_in_s(shell: Shell) -> float:
    """When the job looks at the attempt next, by the database's clock."""
    async with shell.database.reading() as connection:
        now = await shell.database.now(connection)
        due_at = await connection.scalar(select(operations.c.due_at))
    assert due_at is not None
    return float((due_at - now).total_seconds())
