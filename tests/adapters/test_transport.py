"""Whatever goes wrong on the way is told by its consequence: nothing sent, or perhaps something done."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapters.errors import NotSentError, OutcomeUnknownError
from adapters.transport import BODY_MAX, Deadlines, Transport, broke_while_kept_alive

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\n\r\nok"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    pool = Transport(Deadlines(connect=0.3, answer=0.3, total=1.0))
    yield pool
    await pool.close()


@contextlib.asynccontextmanager
async def server(*answers: bytes | None) -> AsyncIterator[str]:
    """Answer each request of a connection in turn; None resets it."""
    left = list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while left:
                await reader.readuntil(b"\r\n\r\n")
                answer = left.pop(0)
                if answer is None:
                    writer.transport.abort()
                    return
                writer.write(answer)
                await writer.drain()
            await reader.read()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_an_answer_comes_back_whole(transport: Transport) -> None:
    async with server(OK) as url:
        answer = await transport.send("p", "GET", url, {}, None)

    assert (answer.status, answer.headers["x-one"], answer.body) == (200, "1", b"ok")


class TestNotSent:
    @pytest.mark.parametrize(
        "host", ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "168.63.129.16"]
    )
    async def test_to_where_a_cloud_tells_a_machine_its_credentials(self, transport: Transport, host: str) -> None:
        with pytest.raises(NotSentError) as refused:
            await transport.send("p", "GET", f"http://{host}/latest/meta-data/", {}, None)

        assert "its own credentials" in repr(refused.value.__cause__)

    async def test_a_refused_connection(self, transport: Transport) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        with pytest.raises(NotSentError):
            await transport.send("p", "POST", f"http://127.0.0.1:{port}", {}, b"x")

    async def test_a_name_that_does_not_resolve(self, transport: Transport) -> None:
        with pytest.raises(NotSentError):
            await transport.send("p", "POST", "http://processor.invalid", {}, b"x")

    async def test_a_failed_tls_handshake(self, transport: Transport) -> None:
        async with server(OK) as url:
            with pytest.raises(NotSentError):
                await transport.send("p", "POST", url.replace("http:", "https:"), {}, b"x")

    async def test_something_that_is_no_url(self, transport: Transport) -> None:
        with pytest.raises(NotSentError):
            await transport.send("p", "POST", "http://", {}, b"x")

    async def test_no_place_in_the_pool_in_time(self) -> None:
        pool = Transport(Deadlines(connect=0.1, answer=1, total=2), connections_max=1)
        async with server(b"", OK) as url:
            taken = asyncio.create_task(pool.send("p", "GET", url, {}, None))
            await asyncio.sleep(0.05)

            with pytest.raises(NotSentError):
                await pool.send("p", "POST", url, {}, b"x")

            taken.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await taken
        await pool.close()


class TestUnknown:
    @pytest.mark.parametrize(
        "answer",
        [
            None,
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            b"HTTP/1.1 2OO OK\r\n\r\n",
            b"nonsense\r\n\r\n",
        ],
        ids=["reset", "silence", "half a body", "bad compression", "bad status", "no HTTP"],
    )
    async def test_no_complete_answer(self, transport: Transport, answer: bytes | None) -> None:
        async with server(answer) as url:
            with pytest.raises(OutcomeUnknownError):
                await transport.send("p", "POST", url, {}, b"x")

    @pytest.mark.parametrize(
        "head",
        [b"Content-Length: %d" % (BODY_MAX + 1), b"Connection: close"],
        ids=["told", "not told"],
    )
    async def test_an_answer_that_is_too_long(self, transport: Transport, head: bytes) -> None:
        async with server(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + b"x" * (BODY_MAX + 1)) as url:
            with pytest.raises(OutcomeUnknownError):
                await transport.send("p", "POST", url, {}, b"x")

    async def test_several_sendings_that_take_too_long_together(self) -> None:
        pool = Transport(Deadlines(total=0.05))

        with pytest.raises(OutcomeUnknownError, match="p: no complete answer in time"):
            await pool.within_deadline("p", asyncio.Event().wait())

        await pool.close()

    async def test_the_error_tells_neither_address_nor_content(self, transport: Transport) -> None:
        async with server(b"secret\r\n\r\n") as url:
            with pytest.raises(OutcomeUnknownError) as caught:
                await transport.send("p", "POST", f"{url}/?key=secret", {}, b"secret")

        assert "secret" not in str(caught.value)


async def test_a_redirect_is_an_answer_and_not_followed(transport: Transport) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://processor.invalid/\r\nContent-Length: 0\r\n\r\n"
    async with server(moved) as url:
        answer = await transport.send("p", "POST", url, {}, b"x")

    assert answer.status == 307


async def test_no_cookie_is_kept_for_the_next_request(transport: Transport) -> None:
    told = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with server(told) as url:
        await transport.send("p", "GET", url, {}, None)

    assert len(transport.session.cookie_jar) == 0


class TestAConnectionThatBroke:
    async def failure(self, transport: Transport, *answers: bytes | None) -> BaseException:
        async with server(*answers) as url:
            for _ in answers[:-1]:
                await transport.send("p", "GET", url, {}, None)
            with pytest.raises(OutcomeUnknownError) as caught:
                await transport.send("p", "POST", url, {}, b"x")
        return caught.value

    async def test_is_told_when_it_came_out_of_the_pool(self, transport: Transport) -> None:
        assert broke_while_kept_alive(await self.failure(transport, OK, None))

    async def test_is_not_when_it_was_new(self, transport: Transport) -> None:
        assert not broke_while_kept_alive(await self.failure(transport, None))

    async def test_is_not_when_it_was_only_slow(self, transport: Transport) -> None:
        assert not broke_while_kept_alive(await self.failure(transport, OK, b""))

    async def test_is_told_apart_for_tasks_that_run_together(self, transport: Transport) -> None:
        async with server(OK, OK) as url:
            await transport.send("p", "GET", url, {}, None)
            told = await asyncio.create_task(self.told(transport, url))

        assert told is False
        assert not broke_while_kept_alive(aiohttp.ServerDisconnectedError())

    async def told(self, transport: Transport, url: str) -> bool:
        await transport.send("p", "GET", url, {}, None)
        return broke_while_kept_alive(ValueError())
