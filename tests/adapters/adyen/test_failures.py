import asyncio
import socket
from collections.abc import Callable

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.transport import Deadlines, Transport
from normalization.outcome import Approved
from tests.adapters.adyen.asked import purchase
from tests.adapters.adyen.scripted import HANG_UP, Answer, ScriptedAdyen, paid, refused


@pytest.mark.fault_case(id="UNK-06")
@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"", 200),
        Answer(b"<html>", 200),
        Answer(b"[]", 200),
        Answer(b"null", 200),
        Answer(b"\xff\xfe", 200),
        Answer(b"[" * 20_000, 200),
        Answer(b'{"resultCode": 1' + b"0" * 5_000 + b"}", 200),
        Answer({"resultCode": 7}, 200),
        Answer({"resultCode": "Authorised", "pspReference": "P", "amount": "10"}, 200),
        Answer(b"", 204),
        Answer(b"{}", 302, {"Location": "/elsewhere"}),
        Answer(b"<html>", 404),
        Answer(b"[]", 422),
        Answer({"message": "no code"}, 422),
        refused(409, "704"),
        refused(409, "905"),
        refused(422, "704"),
        refused(500, "905"),
        Answer(b"", 500),
        Answer(b"Bad gateway", 502),
        refused(503, "000"),
    ],
)
async def test_an_answer_that_is_not_understood_leaves_the_outcome_unknown(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, answer: Answer
) -> None:
    adyen.will_answer(answer)
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())
    assert len(adyen.sent) == 1


@pytest.mark.parametrize("answer", [refused(401, "000"), refused(403, "901"), Answer(b"Forbidden", 403)])
async def test_refused_credentials_are_ours_to_mend(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, answer: Answer
) -> None:
    adyen.will_answer(answer)
    with pytest.raises(ConfigurationError):
        await adapter.authorize(purchase())


@pytest.mark.fault_case(id="UNK-09")
async def test_too_many_requests_are_sent_again_twice_with_the_same_key(
    adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    adyen.will_answer(refused(429, "429"), refused(429, "429"), paid())
    assert (await adapter.authorize(purchase())).outcome == Approved()
    assert [sent.key for sent in adyen.sent] == ["att_1"] * 3
    assert len({sent.raw for sent in adyen.sent}) == 1


async def test_too_many_requests_every_time_means_not_sent(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(*[Answer(b"", 429)] * 5)
    with pytest.raises(NotSentError):
        await adapter.authorize(purchase())
    assert len(adyen.sent) == 3


async def test_a_transient_error_is_sent_again_once_with_the_same_key(
    adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    transient = Answer({"errorCode": "000", "message": "Later."}, 500, {"Transient-Error": "true"})
    adyen.will_answer(transient, paid())
    assert (await adapter.authorize(purchase())).outcome == Approved()
    adyen.will_answer(transient, transient)
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase(operation_id="att_2"))
    assert [sent.key for sent in adyen.sent] == ["att_1", "att_1", "att_2", "att_2"]


@pytest.mark.parametrize("then", [[Answer(b"", 429)] * 3, [refused(401, "000")], [Answer(b"", 500)]])
async def test_once_a_sending_may_have_acted_no_later_failure_says_otherwise(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, then: list[Answer]
) -> None:
    adyen.will_answer(Answer(b"{}", 500, {"transient-error": "true"}), *then)
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())


async def test_a_kept_alive_connection_that_dies_is_used_once_more(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(paid(), HANG_UP, paid())
    await adapter.authorize(purchase())
    assert (await adapter.authorize(purchase(operation_id="att_2"))).outcome == Approved()
    assert [sent.key for sent in adyen.sent] == ["att_1", "att_2", "att_2"]


async def test_a_new_connection_that_dies_leaves_the_outcome_unknown(
    adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    adyen.will_answer(HANG_UP, paid())
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())
    assert len(adyen.sent) == 1


async def test_a_refused_connection_is_not_sent(connect: Callable[..., AdyenAdapter]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        adapter = connect(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(NotSentError):
            await adapter.authorize(purchase())


async def test_silence_leaves_the_outcome_unknown_and_is_not_sent_again(connect: Callable[..., AdyenAdapter]) -> None:
    connections = 0
    silent = asyncio.Event()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    hasty = Transport(Deadlines(answer=0.1, total=0.3))
    adapter = connect(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", transport=hasty)
    with pytest.raises(OutcomeUnknownError):
        await adapter.authorize(purchase())
    silent.set()
    server.close()
    await hasty.close()
    assert connections == 1


async def test_an_error_tells_neither_the_key_nor_what_was_sent(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    echoed = {"message": "bad card 4111111111111111 for key"}
    adyen.will_answer(Answer(echoed, 500))
    with pytest.raises(OutcomeUnknownError) as caught:
        await adapter.authorize(purchase())
    assert "4111" not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__cause__ is None
