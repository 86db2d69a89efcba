"""What a call to a processor that brought no report means for the money."""

import asyncio
from typing import Never

import pytest

from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from hub.payments.shell import ask
from routing.failover import Failure


async def raises(error: Exception) -> Never:
    raise error


async def test_a_deadline_that_passes_says_nothing_of_what_was_done() -> None:
    assert await ask(asyncio.Event().wait(), 0.001) is Failure.UNKNOWN


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (NotSentError("stripe", "refused"), Failure.NOT_SENT),
        (ConfigurationError("stripe", "401"), Failure.CONFIGURATION),
        (OutcomeUnknownError("stripe", "reset"), Failure.UNKNOWN),
        (TimeoutError(), Failure.UNKNOWN),
        (OSError("reset"), Failure.UNKNOWN),
        (KeyError("status"), Failure.UNKNOWN),
    ],
)
async def test_only_who_says_that_nothing_was_sent_is_believed(error: Exception, means: Failure) -> None:
    assert await ask(raises(error), 1.0) is means


async def test_an_answer_in_time_is_given_as_it_is() -> None:
    assert await ask(asyncio.sleep(0, "told"), 1.0) == "told"
