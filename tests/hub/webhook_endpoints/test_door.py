"""No delivery reaches an address inside, and no answer takes more than its share; against real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.abc import ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hub.webhook_endpoints.door import SHOWN_MAX, Answered, Door, OpenAddresses
from tests.hub.webhook_endpoints.receiving import LOOPBACK

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TIMEOUT_S = 1.0


class Saying(OpenAddresses):
    """A resolver that says what a name leads to, another thing each time; what is forbidden is still kept back."""

    def __init__(self, *answers: list[str], checked: bool = True) -> None:
        super().__init__(livemode=False, allowed=())
        self.left = list(answers)
        self.checked = checked

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - as aiohttp calls it
    ) -> list[ResolveResult]:
        addresses = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if not self.checked:
            return [
                ResolveResult(hostname=host, host=one, port=port, family=family_of(one), proto=0, flags=0)
                for one in addresses
            ]
        return self.kept(host, port, [(family_of(one), 0, (one, port)) for one in addresses])


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Listener:
    """Somebody inside who must never hear of us."""

    def __init__(self) -> None:
        self.heard = 0
        self.port = 0


@asynccontextmanager
async def listening(answer: Handler | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """Listen on loopback; answers as raw bytes."""
    listener = Listener()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.heard += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer:
                await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


async def post(url: str, *, resolver: OpenAddresses | None = None, inside: bool = False) -> Answered:
    """Send through a door of test mode; *inside*: loopback is allowed."""
    door = Door(livemode=False, allowed=LOOPBACK if inside else (), timeout_s=TIMEOUT_S, resolver=resolver)
    try:
        return await door.post(url, {"webhook-id": "evt_1"}, b"{}")
    finally:
        await door.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1", "fd00::1"])
async def test_a_name_that_leads_inside_is_not_connected(address: str) -> None:
    async with listening() as listener:
        answered = await post(f"http://inside.example:{listener.port}/", resolver=Saying([address]))

    assert (answered.failure, answered.code, listener.heard) == ("address_forbidden", None, 0)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "64:ff9b::7f00:1"])
async def test_the_socket_is_checked_should_a_resolver_not(address: str) -> None:
    async with listening() as listener:
        resolver = Saying([address], checked=False)
        answered = await post(f"http://inside.example:{listener.port}/", resolver=resolver)

    assert (answered.failure, listener.heard) == ("address_forbidden", 0)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST"])
async def test_a_name_of_this_machine_is_resolved_and_refused(name: str) -> None:
    async with listening() as listener:
        answered = await post(f"http://{name}:{listener.port}/")

    assert (answered.failure, listener.heard) == ("address_forbidden", 0)


async def test_a_name_with_a_dot_at_its_end_leads_inside_no_more_than_without() -> None:
    async with listening() as listener:
        answered = await post(f"http://localhost.:{listener.port}/")

    assert answered.failure in {"address_forbidden", "not_reached"}  # Not every machine resolves it.
    assert listener.heard == 0


@pytest.mark.fault_case(id="WHO-04")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_an_address_however_it_is_written_is_not_connected(host: str) -> None:
    async with listening() as listener:
        answered = await post(f"http://{host}:{listener.port}/")

    assert (answered.failure, listener.heard) == ("url_refused", 0)


@pytest.mark.fault_case(id="WHO-04")
async def test_a_name_that_leads_outside_first_and_inside_then_leads_nowhere() -> None:
    resolver = Saying(["192.0.1.1"], ["127.0.0.1"], checked=True)
    door = Door(livemode=False, allowed=(), timeout_s=0.3, resolver=resolver)
    async with listening() as listener:
        url = f"http://rebinds.example:{listener.port}/"
        await door.post(url, {}, b"{}")
        await resolver.close()
        again = Door(livemode=False, allowed=(), timeout_s=0.3, resolver=resolver)
        answered = await again.post(url, {}, b"{}")
    await door.close()
    await again.close()

    assert (answered.failure, listener.heard) == ("address_forbidden", 0)


async def test_of_several_addresses_only_the_open_ones_are_tried() -> None:
    async with listening() as listener:
        resolver = Saying(["127.0.0.1", "192.0.1.1"])
        answered = await post(f"http://mixed.example:{listener.port}/", resolver=resolver)

    assert answered.failure in {"timeout", "not_reached"}
    assert listener.heard == 0


async def test_live_mode_reaches_nobody_inside_whatever_the_setting_says() -> None:
    door = Door(livemode=True, allowed=LOOPBACK, timeout_s=TIMEOUT_S)
    async with listening() as listener:
        literal = await door.post(f"https://127.0.0.1:{listener.port}/", {}, b"{}")
        named = await door.post(f"https://localhost:{listener.port}/", {}, b"{}")
    await door.close()

    assert (literal.failure, named.failure, listener.heard) == ("url_refused", "address_forbidden", 0)


async def test_a_redirect_is_a_failure_and_nobody_follows_it() -> None:
    async with listening() as inside:

        async def redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            target = f"http://127.0.0.1:{inside.port}/"
            writer.write(f"HTTP/1.1 307 Elsewhere\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())

        async with listening(redirect) as listener:
            answered = await post(f"http://127.0.0.1:{listener.port}/", inside=True)

    assert (answered.code, answered.failure, inside.heard) == (307, "status", 0)


async def test_a_connection_closed_without_an_answer_is_a_failure() -> None:
    async with listening() as listener:
        answered = await post(f"http://127.0.0.1:{listener.port}/", inside=True)

    assert (answered.failure, listener.heard) == ("broken_off", 1)


async def test_a_body_that_trickles_is_cut_off_in_time() -> None:
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for number in range(100):
            writer.write(b"%d" % (number % 10))
            await writer.drain()
            await asyncio.sleep(0.1)

    began = asyncio.get_running_loop().time()
    async with listening(trickle) as listener:
        answered = await post(f"http://127.0.0.1:{listener.port}/", inside=True)
        took = asyncio.get_running_loop().time() - began

    assert answered.failure == "timeout"
    assert took < TIMEOUT_S + 1


@pytest.mark.fault_case(id="WHO-07")
async def test_an_endless_body_is_left_after_its_bound() -> None:
    written = [0]

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
            written[0] += 0x2000
            await writer.drain()

    async with listening(endless) as listener:
        answered = await post(f"http://127.0.0.1:{listener.port}/", inside=True)

    assert (answered.code, answered.failure, len(answered.text)) == (200, None, SHOWN_MAX)
    assert written[0] < 16 * 1024 * 1024


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 100_000 + b"\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
    ids=["long", "many", "mail", "binary"],
)
async def test_headers_that_are_huge_or_none_are_a_failure(head: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()

    async with listening(answer) as listener:
        answered = await post(f"http://127.0.0.1:{listener.port}/", inside=True)

    assert answered.failure in {"unreadable", "broken_off"}


async def test_headers_that_never_end_are_cut_off_in_time() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            writer.write(f"X-{number}: x\r\n".encode())
            await writer.drain()
            await asyncio.sleep(0.1)

    async with listening(drip) as listener:
        answered = await post(f"http://127.0.0.1:{listener.port}/", inside=True)

    assert answered.failure == "timeout"


async def test_nobody_listening_is_not_reached() -> None:
    async with listening() as listener:
        port = listener.port

    assert (await post(f"http://127.0.0.1:{port}/", inside=True)).failure == "not_reached"


async def test_a_certificate_that_is_not_trusted_is_not_reached(tmp_path: Path) -> None:
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(self_signed(tmp_path))
    async with listening(tls=own) as listener:
        answered = await post(f"https://127.0.0.1:{listener.port}/", inside=True)

    assert (answered.failure, listener.heard) == ("not_reached", 0)


def self_signed(folder: Path) -> Path:
    """A certificate for loopback that nobody else has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "self-signed.pem"
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(plain + made.public_bytes(Encoding.PEM))
    return file
