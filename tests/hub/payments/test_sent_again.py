"""How an outcome that nobody knows is asked about: the very request that was sent, and no silence is taken for a no."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec
import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from adapters.contract import Authorize, Inquiry
from adapters.errors import NotSentError, OutcomeUnknownError
from hub.payments.inquiries import inquire
from hub.payments.recording import record_failure
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus, Status
from normalization.outcome import Operation, Report
from routing.failover import Failure
from tests.hub.payments.bare import ONCE, REQUEST, bare, held, sent, with_adapter
from tests.hub.payments.making import NOW, report

GRACE = timedelta(minutes=2)
LOOKUP = replace(ONCE, lookup_grace=GRACE)
REPLAY = replace(LOOKUP, inquiry=Inquiry.REPLAY)


class Asked(Struct):
    """An adapter that notes what it is asked, and answers as a test wants."""

    answer: Report | Exception | None = None
    requests: list[Authorize] = field(default_factory=list)

    async def inquire(self, request: Authorize) -> Report | None:
        """Answer."""
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class AnswersLate(Asked):
    """An adapter whose answers take an hour."""

    now: datetime = NOW

    async def inquire(self, request: Authorize) -> Report | None:
        """Answer in an hour."""
        self.now += timedelta(hours=1)
        return await super().inquire(request)


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


async def asked_about(shell: Shell, adapter: Asked, *, after: timedelta, replays: bool = False) -> OperationStatus:
    """Lose a charge and ask about it, so long after it was sent; how it stands then."""
    at = replace(with_adapter(shell, adapter, REPLAY if replays else LOOKUP), clock=lambda: NOW + after)
    await record_failure(at, await sent(at, lease_s=0.0), Failure.UNKNOWN, 1)
    await inquire(at, (await held(at)).operation)
    return (await held(at)).operation.status


async def test_what_is_sent_again_is_the_request_that_was_sent(shell: Shell) -> None:
    adapter = Asked(report(Operation.PURCHASE, minor=1000))

    assert await asked_about(shell, adapter, after=GRACE, replays=True) is OperationStatus.APPROVED

    assert adapter.requests == [msgspec.json.decode(REQUEST, type=Authorize)]


async def test_not_found_is_no_answer_within_the_processors_lag(shell: Shell) -> None:
    assert await asked_about(shell, Asked(None), after=GRACE - timedelta(seconds=1)) is OperationStatus.UNKNOWN


async def test_not_found_after_it_means_that_nothing_happened(shell: Shell) -> None:
    assert await asked_about(shell, Asked(None), after=GRACE + timedelta(seconds=1)) is OperationStatus.NOT_SENT
    assert (await held(shell)).payment.status is Status.FAILED


async def test_not_found_is_as_old_as_its_question_however_late_it_is_heard(shell: Shell) -> None:
    adapter = AnswersLate()
    at = replace(with_adapter(shell, adapter, LOOKUP), clock=lambda: adapter.now)
    await record_failure(at, await sent(at, lease_s=0.0), Failure.UNKNOWN, 1)

    await inquire(at, (await held(at)).operation)
    between = (await held(at)).operation.status
    await inquire(at, (await held(at)).operation)

    assert (between, (await held(at)).operation.status) == (OperationStatus.UNKNOWN, OperationStatus.NOT_SENT)


@pytest.mark.parametrize("failure", [OutcomeUnknownError("stripe", "silent"), NotSentError("stripe", "refused")])
async def test_a_question_that_failed_says_nothing_of_what_it_was_about(failure: Exception, shell: Shell) -> None:
    assert await asked_about(shell, Asked(failure), after=2 * GRACE) is OperationStatus.UNKNOWN


async def test_what_was_being_sent_when_its_lease_ran_out_is_unknown(shell: Shell) -> None:
    at = with_adapter(shell, Asked())
    charge = await sent(at, lease_s=0.0)

    await inquire(at, charge.operation)

    found = await held(at)
    assert (found.operation.status, found.payment.status) == (OperationStatus.UNKNOWN, Status.PROCESSING)
