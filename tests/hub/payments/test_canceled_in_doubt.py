"""A cancel while the payer's answer is being brought, or was and nobody knows what came of it: it comes true later."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import text, update

from adapters.contract import Authorize, Complete, FollowUp, Inquiry
from hub.access.rules import ROLES, Caller, Role
from hub.database import CommitUnknownError, Database, Unit
from hub.errors import ProblemError
from hub.idempotency.service import Reply
from hub.payments import asking, store
from hub.payments.challenges import complete
from hub.payments.follow_ups import Wish, carry_out
from hub.payments.jobs import cancel_due
from hub.payments.recording import Held, record, record_failure
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus, Status
from hub.payments.tables import operations, payments
from hub.settings import Settings
from normalization.outcome import ActionRequired, Approved, Operation, Outcome, Report
from routing.failover import Failure
from tests.hub.payments.bare import KEY, ONCE, bare, held, sent, with_adapter
from tests.hub.payments.faulty import Clock
from tests.hub.payments.making import NO_FUNDS, report

Happening = Callable[[Mapping[str, Any]], Awaitable[None]]
WAITING = ActionRequired(method="GET", url="https://bank.example/challenge", continuation="")
ADMIN = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, scopes=ROLES[Role.ADMIN], livemode=False)
CANCEL = Wish(
    kind=Operation.VOID,
    payment_id="pay_1",
    caller=ADMIN,
    key=replace(KEY, key="cancel"),
    request_id="req_1",
    reserve=asking.cancel,
)


class Processor(Struct):
    """An adapter that stops by our reference whatever is under way, and says *voided* to a void."""

    voided: Outcome = Approved()
    asked: tuple[str, ...] = ()

    async def cancel_by_reference(self, _request: Authorize) -> None:
        """Stop it; whether there was something to stop is not said."""
        self.asked += ("stop",)

    async def follow_up(self, request: FollowUp) -> Report:
        """Void it."""
        self.asked += (str(request.operation),)
        return report(request.operation, self.voided, tag=request.operation_id)

    async def complete(self, _request: Complete) -> Report:
        """Take the payer's answer."""
        self.asked += ("complete",)
        return report(Operation.PURCHASE, minor=1000)


class Meanwhile:
    """A database around whose commits something else happens."""

    def __init__(self, database: Database, *, before: Happening, after: Happening) -> None:
        self._database = database
        self._before = before
        self._after = after

    def __getattr__(self, name: str) -> Any:
        """Do the rest as ever."""
        return getattr(self._database, name)

    async def run(self, unit: Unit, values: Mapping[str, Any]) -> None:
        """Commit."""
        await self._before(values)
        await self._database.run(unit, values)
        await self._after(values)


async def nothing(_values: Mapping[str, Any]) -> None:
    """Let nothing happen."""


def meanwhile(shell: Shell, *, before: Happening = nothing, after: Happening = nothing) -> Shell:
    return replace(shell, database=cast("Database", Meanwhile(shell.database, before=before, after=after)))


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[Shell]:
    async with bare(database_url) as made:
        yield made


@pytest.fixture
def processor() -> Processor:
    return Processor()


@pytest.fixture
def shell(opened: Shell, processor: Processor) -> Shell:
    """A processor that is asked by sending again."""
    return with_adapter(opened, processor, replace(ONCE, inquiry=Inquiry.REPLAY))


async def challenged(shell: Shell, **changes: Any) -> Held:
    """A payment that waits for its payer."""
    charge = await sent(shell, lease_s=0.0, **changes)
    await record(shell, charge, report(charge.operation.kind, WAITING), "answer")
    return await held(shell)


async def taken(shell: Shell, waiting: Held, lease_s: float) -> None:
    """Let somebody bring the payer's answer, and never tell what came of it."""
    await store.claim(shell.database, waiting.operation, due_s=60.0, lease_s=lease_s)


async def stands(shell: Shell) -> tuple[Status, bool, OperationStatus]:
    now = await held(shell)
    return now.payment.status, now.payment.canceling, now.operation.status


async def exceptions(shell: Shell) -> list[str]:
    async with shell.database.reading() as connection:
        return [*(await connection.execute(text("SELECT type FROM exceptions"))).scalars()]


async def canceled_in_doubt(shell: Shell, **changes: Any) -> Reply:
    """Cancel when the lease of whoever brought the answer has run out."""
    await taken(shell, await challenged(shell, **changes), lease_s=0.0)
    return await carry_out(shell, CANCEL)


async def test_what_nobody_had_in_hand_is_canceled_at_once(shell: Shell, processor: Processor) -> None:
    await challenged(shell)

    reply = await carry_out(shell, CANCEL)

    assert (reply.status, processor.asked) == (200, ("stop",))
    assert (await stands(shell))[:2] == (Status.CANCELED, False)


async def test_while_the_answer_is_being_brought_the_cancel_is_to_be_sent_again(
    shell: Shell, processor: Processor
) -> None:
    await taken(shell, await challenged(shell), lease_s=60.0)

    with pytest.raises(ProblemError) as refused:
        await carry_out(shell, CANCEL)

    assert (refused.value.code, refused.value.retry_after, processor.asked) == ("payment_unresolved", 5, ())
    assert await stands(shell) == (Status.REQUIRES_ACTION, False, OperationStatus.REQUIRES_ACTION)


async def test_an_answer_that_is_brought_just_before_the_commit_is_not_canceled_either(
    shell: Shell, processor: Processor
) -> None:
    waiting = await challenged(shell)

    async def brings(values: Mapping[str, Any]) -> None:
        if "waiting_id" in values:
            await taken(shell, waiting, lease_s=60.0)

    late = meanwhile(shell, before=brings)

    with pytest.raises(ProblemError, match="being brought"):
        await carry_out(late, CANCEL)

    assert (processor.asked, (await stands(shell))[:2]) == ((), (Status.REQUIRES_ACTION, False))


async def test_what_became_of_the_answer_is_found_out_first(shell: Shell, processor: Processor) -> None:
    reply = await canceled_in_doubt(shell)

    assert (reply.status, b'"canceling":true' in reply.body, processor.asked) == (202, True, ())
    assert await stands(shell) == (Status.PROCESSING, True, OperationStatus.UNKNOWN)


async def test_a_purchase_that_was_confirmed_stays_captured_and_is_told(shell: Shell) -> None:
    await canceled_in_doubt(shell)

    await record(shell, await held(shell), report(Operation.PURCHASE, minor=1000), "webhook")

    assert await stands(shell) == (Status.CAPTURED, False, OperationStatus.APPROVED)
    assert await exceptions(shell) == ["approved_after_cancel"]


async def test_an_authorization_that_was_confirmed_is_voided(shell: Shell, processor: Processor) -> None:
    await canceled_in_doubt(shell, kind=Operation.AUTHORIZE)
    await record(shell, await held(shell), report(Operation.AUTHORIZE, minor=1000), "webhook")

    await cancel_due(shell)

    assert (await stands(shell), processor.asked) == ((Status.CANCELED, False, OperationStatus.APPROVED), ("void",))
    assert await exceptions(shell) == []


async def test_a_wish_whose_challenge_was_in_hand_is_not_called_canceled(shell: Shell, processor: Processor) -> None:
    await taken(shell, await challenged(shell), lease_s=0.0)
    async with shell.database.transaction() as connection:
        await connection.execute(update(payments).values(canceling=True))

    await cancel_due(shell)

    assert (await stands(shell), processor.asked) == ((Status.PROCESSING, True, OperationStatus.UNKNOWN), ())


@pytest.mark.parametrize(
    ("voided", "status"), [(Approved(), Status.CANCELED), (NO_FUNDS, Status.REQUIRES_ACTION)], ids=["done", "refused"]
)
async def test_a_processor_that_can_be_asked_says_itself_whether_it_is_canceled(
    opened: Shell, voided: Outcome, status: Status
) -> None:
    asked = Processor(voided)
    shell = with_adapter(opened, asked)

    await canceled_in_doubt(shell)

    assert (await stands(shell))[:2] == (status, False)
    assert (asked.asked, await exceptions(shell)) == (("void",), [])


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(milliseconds=Settings().request_ms)], ids=str)
async def test_an_answer_that_stood_still_until_another_could_take_it_is_not_brought(
    shell: Shell, processor: Processor, ahead: timedelta
) -> None:
    waiting, clock = await challenged(shell), Clock()

    async def stands_still(_values: Mapping[str, Any]) -> None:
        clock.ahead = ahead

    left = await complete(replace(meanwhile(shell, after=stands_still), clock=clock), waiting.payment, {})

    assert (processor.asked, left.payment.status) == ((), Status.REQUIRES_ACTION)


async def wished(shell: Shell, minor: int = 1000) -> None:
    """A payment that was to be canceled while nobody knew what had come of it, and turned out to be held."""
    charge = await sent(shell, kind=Operation.AUTHORIZE)
    await record_failure(shell, charge, Failure.UNKNOWN, 1)
    async with shell.database.transaction() as connection:
        await connection.execute(update(payments).values(canceling=True))
    await record(shell, await held(shell), report(Operation.AUTHORIZE, minor=minor), "webhook")


async def test_what_was_held_and_no_more_is_given_back(shell: Shell) -> None:
    await wished(shell, minor=900)

    await cancel_due(shell)

    made = await store.operations_of(shell.database, "pay_1")
    assert [one.money.minor for one in made if one.kind is Operation.VOID] == [900]


async def test_who_comes_too_late_to_carry_out_a_wish_leaves_it_to_the_next_round(
    shell: Shell, processor: Processor
) -> None:
    await wished(shell)

    async def changes(_values: Mapping[str, Any]) -> None:
        async with shell.database.transaction() as connection:
            await connection.execute(update(payments).values(version=payments.c.version + 1))

    assert await cancel_due(meanwhile(shell, before=changes)) == 0
    between = processor.asked
    assert await cancel_due(shell) == 1

    assert (between, processor.asked) == ((), ("void",))
    assert (await stands(shell))[0] is Status.CANCELED


async def test_a_wish_whose_commit_was_cut_is_answered_from_what_stands(shell: Shell) -> None:
    await record_failure(shell, await sent(shell), Failure.UNKNOWN, 1)

    async def cut(values: Mapping[str, Any]) -> None:
        if "k_key" in values:
            raise CommitUnknownError

    reply = await carry_out(meanwhile(shell, after=cut), CANCEL)

    assert (reply.status, reply.replayed) == (202, True)
    assert (await stands(shell))[:2] == (Status.PROCESSING, True)


async def test_what_another_took_while_we_stood_still_is_not_made_unknown(shell: Shell, processor: Processor) -> None:
    await taken(shell, await challenged(shell), lease_s=0.0)

    async def takes(values: Mapping[str, Any]) -> None:
        if "fence_read" in values:
            async with shell.database.transaction() as connection:
                await connection.execute(update(operations).values(fence=operations.c.fence + 1))

    with pytest.raises(ProblemError, match="being brought"):
        await carry_out(meanwhile(shell, after=takes), CANCEL)

    assert (await stands(shell), processor.asked) == (
        (Status.REQUIRES_ACTION, False, OperationStatus.REQUIRES_ACTION),
        (),
    )


async def test_a_wish_waits_while_the_answer_is_being_brought(shell: Shell, processor: Processor) -> None:
    await taken(shell, await challenged(shell), lease_s=60.0)
    async with shell.database.transaction() as connection:
        await connection.execute(update(payments).values(canceling=True))

    assert await cancel_due(shell) == 0

    assert (await stands(shell), processor.asked) == (
        (Status.REQUIRES_ACTION, True, OperationStatus.REQUIRES_ACTION),
        (),
    )
