"""May money have moved? Asked of every way in which a call can end without an answer that means anything.

No processor's format is needed for that: whatever it says when it says something, this is nothing.
"""

import socket
from typing import Final

from adapters.conformance.bench import BRIEF, FIRST, Bench
from adapters.conformance.overheard import leaves, overhearing, secrets_of
from adapters.conformance.stub import Behaviour, answers, echoes, hangs_up, keeps_silent, stops_halfway
from adapters.conformance.verdict import expect
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from normalization.outcome import Operation

HTML: Final = b"<!doctype html><title>Bad Gateway</title>"
DEEP: Final = b"[" * 20_000 + b"]" * 20_000
SENDINGS_MAX: Final = 3
"""A processor that is too busy is asked again twice, in the same call."""

MEANINGLESS: Final[dict[str, Behaviour]] = {
    "silence": keeps_silent,
    "hang_up": hangs_up,
    "half_a_body": stops_halfway,
    "200_empty": answers(200, b""),
    "200_html": answers(200, HTML, "text/html"),
    "200_null": answers(200, b"null"),
    "200_list": answers(200, b"[]"),
    "200_object": answers(200, b"{}"),
    "200_deep": answers(200, DEEP),
    "200_no_utf8": answers(200, b'{"id": "\xff\xfe"}'),
    "200_number_for_text": answers(200, b'{"id": 1, "status": 2, "state": 3}'),
    "202_empty": answers(202, b""),
    "204_empty": answers(204, b""),
    "302_empty": answers(302, b""),
    "400_html": answers(400, HTML, "text/html"),
    "404_html": answers(404, HTML, "text/html"),
    "408_empty": answers(408, b""),
    "409_empty": answers(409, b""),
    "422_list": answers(422, b"[]"),
    "500_empty": answers(500, b""),
    "502_html": answers(502, HTML, "text/html"),
    "503_object": answers(503, b"{}"),
    "504_null": answers(504, b"null"),
}
SECRETIVE: Final = (200, 400, 401, 403, 404, 409, 422, 429, 500)


@FIRST.rule(answer=tuple(MEANINGLESS))
async def what_cannot_be_understood_is_unknown(bench: Bench, answer: str) -> None:
    """The request was read, perhaps carried out: never a decline, never "not sent"."""
    bench.stub.behaviour = MEANINGLESS[answer]
    for name, seen in await bench.calls():
        expect(isinstance(seen, OutcomeUnknownError), f"the {name} answered by {answer} is OutcomeUnknownError", seen)
    for name, seen in await bench.inquiries():
        expect(isinstance(seen, OutcomeUnknownError), f"the {name} answered by {answer} is OutcomeUnknownError", seen)


@FIRST.rule(status=(401, 403))
async def a_refused_key_or_account_is_our_configuration(bench: Bench, status: int) -> None:
    """Nothing moved, and a human has to look; of what an inquiry was to ask about, it says nothing."""
    bench.stub.behaviour = answers(status, b"{}")
    for name, seen in await bench.calls():
        expect(isinstance(seen, ConfigurationError), f"the {name} answered {status} is ConfigurationError", seen)
    for name, seen in await bench.inquiries():
        expect(isinstance(seen, OutcomeUnknownError), f"the {name} answered {status} is OutcomeUnknownError", seen)


@FIRST.rule(operation=BRIEF)
async def a_processor_that_stays_busy_is_left_alone(bench: Bench, operation: Operation) -> None:
    """429 to every sending: not sent where the capabilities say that it means not executed, else unknown."""
    bench.stub.behaviour = answers(429, b"")
    wanted = NotSentError if bench.capabilities.too_many_requests_not_executed else OutcomeUnknownError
    for name, seen in await bench.calls((operation,)):
        expect(isinstance(seen, wanted), f"the {name} answered 429 every time is {wanted.__name__}", seen)
    sent = bench.stub.heard
    expect(1 <= len(sent) <= SENDINGS_MAX, f"it is sent {SENDINGS_MAX} times at most", len(sent))
    expect(len({(one.method, one.path, one.body) for one in sent}) == 1, "every sending is the same, to the byte")


@FIRST.rule()
async def an_inquiry_at_a_busy_processor_is_unknown(bench: Bench) -> None:
    """That the question was not carried out says nothing of what it asked about."""
    bench.stub.behaviour = answers(429, b"")
    for name, seen in await bench.inquiries(BRIEF):
        expect(isinstance(seen, OutcomeUnknownError), f"the {name} answered 429 is OutcomeUnknownError", seen)


@FIRST.rule(reason=("refused", "unresolvable"))
async def what_never_left_is_not_sent(bench: Bench, reason: str) -> None:
    """Nobody listens, or the name is none: another account may be tried."""
    address = _nobody() if reason == "refused" else "http://processor.invalid"
    bench.adapter = bench.connect(bench.harness.credentials(address))
    for name, seen in await bench.calls():
        expect(isinstance(seen, NotSentError), f"the {name} whose connection is {reason} is NotSentError", seen)
    for name, seen in await bench.inquiries():
        expect(isinstance(seen, OutcomeUnknownError), f"the {name} that is not sent is OutcomeUnknownError", seen)


@FIRST.rule(status=SECRETIVE)
async def an_error_repeats_nothing_secret(bench: Bench, status: int) -> None:
    """An error page may quote the request; neither a log nor an error quotes it on."""
    secrets = [*secrets_of(bench.credentials), *leaves(bench.harness.token.token)]
    bench.stub.behaviour = echoes(status)
    with overhearing() as heard:
        for _, seen in await bench.calls(BRIEF):
            heard.take(seen)
        for _, seen in await bench.inquiries(BRIEF):
            heard.take(seen)
    heard.lacks(secrets)


def _nobody() -> str:
    """Name an address that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
