"""Who has an operation in hand, and what somebody who had it before may still say of it."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import select, text, update

from hub.database import ConflictError
from hub.errors import ProblemError
from hub.idempotency.store import find_key
from hub.payments import rules, store
from hub.payments.charging import reply_to
from hub.payments.inquiries import inquire
from hub.payments.recording import change, record, record_delivered, record_failure
from hub.payments.saving import AnswerAwaitedError
from hub.payments.shell import Shell, answered
from hub.payments.states import OperationState, OperationStatus, Status
from hub.payments.store import SPREAD_S
from hub.payments.tables import operations
from normalization.outcome import Approved, Declined, Operation, Outcome, Pending
from routing.failover import Failure
from tests.hub.payments.bare import KEY, REQUEST, bare, follow_up, held, sent
from tests.hub.payments.making import NO_FUNDS, operation, report

HOUR = timedelta(hours=1)


@pytest.fixture
async def shell(database_url: str) -> AsyncIterator[Shell]:
    async with bare(database_url) as made:
        yield made


async def claim(shell: Shell, one: OperationState) -> None:
    await store.claim(shell.database, one, due_s=None, lease_s=60.0)


async def answered_under(shell: Shell, key: str) -> tuple[int | None, bytes | None]:
    found = await find_key(shell.database, livemode=False, key=key)
    assert found is not None
    return found.status, found.answer


async def due_in_s(shell: Shell, operation_id: str) -> float | None:
    """When the job looks at an operation next, by the database's clock."""
    async with shell.database.reading() as connection:
        now = await shell.database.now(connection)
        due_at = await connection.scalar(select(operations.c.due_at).where(operations.c.id == operation_id))
    return None if due_at is None else (due_at - now).total_seconds()


async def test_what_somebody_has_in_hand_is_taken_by_nobody_else(shell: Shell) -> None:
    charge = await sent(shell, lease_s=60.0)

    with pytest.raises(ConflictError):
        await claim(shell, charge.operation)


async def test_when_the_lease_is_over_one_of_two_takes_it(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await store.claim(shell.database, charge.operation, due_s=None, lease_s=0.0)

    with pytest.raises(ConflictError):
        await claim(shell, charge.operation)


async def test_what_ended_since_it_was_read_is_taken_by_nobody(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await record(shell, charge, report(Operation.PURCHASE, minor=1000), "webhook")

    with pytest.raises(ConflictError):
        await claim(shell, charge.operation)


async def test_a_lease_is_over_by_the_databases_clock_however_far_a_process_is_ahead(shell: Shell) -> None:
    charge = await sent(shell, lease_s=60.0)
    ahead = replace(shell, clock=lambda: datetime.now(UTC) + HOUR)

    await inquire(ahead, charge.operation)

    assert (await held(shell)).operation.fence == charge.operation.fence


async def test_a_lease_that_is_over_is_over_however_far_a_process_is_behind(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    behind = replace(shell, clock=lambda: datetime.now(UTC) - HOUR)

    await inquire(behind, charge.operation)

    assert (await held(shell)).operation.fence == charge.operation.fence + 1


@pytest.mark.parametrize("failure", [Failure.UNKNOWN, Failure.NOT_SENT])
async def test_who_lost_it_to_another_declares_nothing_of_it(failure: Failure, shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await claim(shell, charge.operation)

    recorded = await record_failure(shell, charge, failure, 1)

    assert recorded.held.operation.status is OperationStatus.SENDING
    assert (await held(shell)).operation.status is OperationStatus.SENDING


async def test_who_lost_it_to_another_answers_nothing_that_is_not_stored(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await claim(shell, charge.operation)
    recorded = await record_failure(shell, charge, Failure.NOT_SENT, 1)

    with pytest.raises(ProblemError) as refused:
        await reply_to(shell, KEY, recorded)

    await record(shell, await held(shell), report(Operation.PURCHASE, minor=1000), "webhook")
    later = await reply_to(shell, KEY, recorded)
    assert (refused.value.code, refused.value.retry_after) == ("idempotency_in_progress", 2)
    assert (later.status, later.body) == await answered_under(shell, KEY.key)


async def test_who_lost_it_to_another_ends_nothing_although_the_payment_changed_meanwhile(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await claim(shell, charge.operation)
    async with shell.database.transaction() as connection:
        await connection.execute(text("UPDATE payments SET version = version + 1"))

    with pytest.raises(ConflictError):
        await change(shell, charge, lambda now: rules.not_sent(now.payment, now.operation), "hub", b"{}", fenced=True)

    assert (await held(shell)).operation.status is OperationStatus.SENDING


async def test_what_the_processor_says_counts_whoever_heard_it(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await claim(shell, charge.operation)

    await record(shell, charge, report(Operation.PURCHASE, minor=1000), "answer")

    assert (await held(shell)).payment.status is Status.CAPTURED


async def test_of_two_who_record_at_once_the_slower_adds_to_what_the_faster_wrote(shell: Shell) -> None:
    await record(shell, await sent(shell), report(Operation.PURCHASE, minor=1000), "answer")
    refunds = [operation(Operation.REFUND, minor, id=f"ref_{minor}") for minor in (300, 400)]
    for one in refunds:
        before = await held(shell)
        reserved = replace(before.payment, refunding_minor=before.payment.refunding_minor + one.money.minor)
        await follow_up(shell, before, reserved, one, one.id)
    both = [await held(shell, one.id) for one in refunds]

    for read in both:
        made = read.operation
        told = report(Operation.REFUND, minor=made.money.minor, processor_reference=f"re_{made.id}")
        await record(shell, read, told, "answer")

    payment = (await held(shell)).payment
    assert (payment.refunded_minor, payment.refunding_minor) == (700, 0)


async def test_a_webhook_that_comes_before_the_answer_speaks_of_what_is_being_sent(shell: Shell) -> None:
    await sent(shell)

    await record_delivered(shell, "ma_1", report(Operation.PURCHASE, minor=1000, tag="att_1"), "webhook")

    assert (await held(shell)).payment.status is Status.CAPTURED


@pytest.mark.parametrize(
    ("outcome", "after_s", "waits"), [(Approved(), 0, True), (Approved(), 60, False), (NO_FUNDS, 0, False)]
)
async def test_a_webhook_waits_for_the_answer_that_names_the_card_to_keep_and_no_longer_than_the_lease(
    outcome: Outcome,
    after_s: int,
    waits: bool,  # noqa: FBT001 - the case
    shell: Shell,
) -> None:
    charge = await sent(shell, request=REQUEST[:-1] + b',"save":true}')
    at = replace(shell, clock=lambda: charge.operation.started_at + timedelta(seconds=after_s))
    told = report(Operation.PURCHASE, outcome, 1000, tag="att_1")

    with pytest.raises(AnswerAwaitedError) if waits else nullcontext():
        await record_delivered(at, "ma_1", told, "webhook")

    assert ((await held(shell)).operation.status is OperationStatus.SENDING) == waits


async def test_a_refusal_that_a_webhook_tells_in_words_is_kept_without_the_card_number_in_it(shell: Shell) -> None:
    await sent(shell)
    words = Declined(replace(NO_FUNDS.decline, processor_code="no money on 4111 1111 1111 1111"))

    recorded = await record_delivered(shell, "ma_1", report(Operation.PURCHASE, words, tag="att_1"), "webhook")

    assert recorded is not None
    assert [b"1111 1111" in recorded.body, b"411111******1111" in recorded.body] == [False, True]
    decline = (await held(shell)).operation.decline
    assert decline is not None
    assert decline.processor_code == "no money on 411111******1111"


async def test_a_webhook_of_one_account_says_nothing_of_anothers_operation(shell: Shell) -> None:
    await sent(shell)
    told = report(Operation.PURCHASE, minor=1000, tag="att_1")

    assert await record_delivered(shell, "ma_2", told, "webhook") is None
    assert (await held(shell)).payment.status is Status.PROCESSING
    assert await record_delivered(shell, "ma_1", told, "webhook") is not None


async def test_a_refund_made_by_other_hands_counts_once_however_often_it_is_told(shell: Shell) -> None:
    await record(shell, await sent(shell), report(Operation.PURCHASE, minor=1000), "answer")
    told = report(Operation.REFUND, minor=400, processor_reference="re_1", parent_reference="psp_1")
    later = replace(shell, clock=lambda: datetime.now(UTC) + HOUR)

    for at in (shell, later, later):
        assert await record_delivered(at, "ma_1", told, "webhook") is not None

    payment = (await held(shell)).payment
    assert (payment.refunded_externally_minor, payment.refunded_minor) == (400, 0)


async def test_the_key_of_a_request_whose_process_died_is_answered_by_whoever_finds_out(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)

    await record(shell, charge, report(Operation.PURCHASE, minor=1000), "inquiry")

    assert (await answered_under(shell, KEY.key))[0] == 201


async def test_a_key_answers_what_it_answered_first(shell: Shell) -> None:
    charge = await sent(shell)
    await record_failure(shell, charge, Failure.UNKNOWN, 1)
    first = await answered_under(shell, KEY.key)

    await record(shell, await held(shell), report(Operation.PURCHASE, minor=1000), "webhook")

    assert first[0] == 202
    assert await answered_under(shell, KEY.key) == first


async def test_what_the_processor_accepted_is_looked_at_again_at_the_latest_when_its_time_is_over(
    shell: Shell,
) -> None:
    await record(shell, await sent(shell), report(Operation.PURCHASE, Pending(), 1000), "answer")

    due_s = await due_in_s(shell, "att_1")

    assert due_s is not None
    assert timedelta(days=6) < timedelta(seconds=due_s) <= timedelta(days=7)


async def test_an_account_that_answers_again_is_asked_at_once_about_all_that_is_unknown_there(shell: Shell) -> None:
    charge = await sent(shell)
    await record_failure(shell, charge, Failure.UNKNOWN, 1)
    async with shell.database.transaction() as connection:
        await connection.execute(update(operations).values(due_at=shell.clock() + HOUR))
    for failed in (*(True,) * 5, False):
        await answered(shell, "ma_1", failed=failed, inquiry=not failed)

    due_s = await due_in_s(shell, "att_1")

    assert due_s is not None
    assert due_s <= SPREAD_S
