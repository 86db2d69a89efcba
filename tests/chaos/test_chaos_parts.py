"""The parts that `make chaos` aims its kills by: a kill that lands elsewhere than it says would prove nothing."""

import asyncio
import contextlib
from collections.abc import Iterable

from hub.payments import store as payments
from hub.webhooks import store as inbox
from tests.chaos.places import How, Kind, Place, Trap, kind_of
from tests.chaos.relay import Relay, Step
from tests.chaos.wire import Frontend, is_answered

ID = b"att_" + b"0" * 26


def message(letter: bytes, body: bytes) -> bytes:
    return letter + (4 + len(body)).to_bytes(4) + body


def startup(code: int) -> bytes:
    return (8).to_bytes(4) + code.to_bytes(4)


def test_the_statements_that_kills_are_aimed_at_are_the_hubs_own() -> None:
    shape = payments._Shape(1, 1, 1, 0, True, False, False, ())  # noqa: SLF001, FBT003 - what `save` writes by

    assert kind_of(payments._open_payment(True, True, False, False).compiled.sql) is Kind.FIRST  # noqa: SLF001, FBT003 - as above
    assert kind_of(payments._record(shape).compiled.sql) is Kind.SECOND  # noqa: SLF001 - as above
    assert kind_of(inbox._KEEP.compiled.sql) is Kind.INBOX  # noqa: SLF001 - as above
    assert kind_of("SELECT 1") is None


def test_a_prepared_statement_is_known_again_however_its_bytes_are_cut() -> None:
    said = b"".join((
        startup(80_877_103), startup(196_608),
        message(b"P", b"one\0INSERT INTO operations\0\0\0"), message(b"B", b"\0one\0" + bytes(6)),
        message(b"Q", b"COMMIT;\0"),
    ))  # fmt: skip
    frontend = Frontend()

    found = [one for n in range(len(said)) for one in frontend.feed(said[n : n + 1])]

    assert b"".join(one.raw for one in found) == said
    assert [one.runs for one in found] == ["", "", "", "INSERT INTO operations", "COMMIT;"]


def test_an_answer_ends_when_the_database_is_ready_again() -> None:
    assert is_answered(message(b"C", b"INSERT 0 1\0") + message(b"Z", b"I"))
    assert not is_answered(message(b"C", b"INSERT 0 1\0"))


def test_a_trap_in_the_call_waits_for_the_request_of_the_attempt_its_own_process_began() -> None:
    trap = Trap(Place.IN_CALL, How.UNSENT)

    assert trap.at_request(b"POST /v1/payment_intents " + ID) is None
    assert trap.at_statement(Kind.FIRST, b"", frozenset({ID}), None) is None
    assert trap.at_request(b"POST /v1/payment_intents " + ID) is How.UNSENT


def test_a_trap_after_the_answer_lets_nothing_of_the_second_commit_through() -> None:
    trap = Trap(Place.AFTER_ANSWER, How.UNSENT)

    assert trap.at_statement(Kind.FIRST, b"answer", frozenset(), None) is None
    assert trap.at_statement(Kind.SECOND, b"webhook", frozenset(), None) is None
    assert trap.at_statement(Kind.SECOND, b"answer", frozenset(), None) is How.UNSENT


def test_a_trap_at_a_commit_waits_for_that_of_the_right_transaction() -> None:
    trap = Trap(Place.IMPORT, How.UNSENT, at_commit=True)

    assert trap.at_statement(Kind.IMPORT, b"", frozenset(), None) is None
    assert trap.at_statement(Kind.COMMIT, b"", frozenset(), Kind.INBOX) is None
    assert trap.at_statement(Kind.COMMIT, b"", frozenset(), Kind.IMPORT) is How.UNHEARD


class Keeper:
    """Strikes at the word "now", and keeps the answer back."""

    def __init__(self, struck: asyncio.Event) -> None:
        self._struck = struck

    def up(self, some: bytes) -> Iterable[Step]:
        yield Step(some, self._struck.set if b"now" in some else None, heard=True)

    def is_heard(self, held: bytes) -> bool:
        return held.endswith(b"!")


async def test_a_relay_passes_on_until_the_answer_that_it_keeps_back() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(100):
            writer.write(some + b"!")
        writer.close()

    struck = asyncio.Event()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    relay = Relay(lambda: int(server.sockets[0].getsockname()[1]), lambda: Keeper(struck))
    await relay.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"hello")
    assert await reader.read(100) == b"hello!"

    writer.write(b"now")
    await struck.wait()
    relay.cut()

    with contextlib.suppress(ConnectionResetError):
        assert await reader.read(100) == b""
    writer.close()
    await relay.stop()
    server.close()
