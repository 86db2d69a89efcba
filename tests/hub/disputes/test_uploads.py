"""Large evidence costs the hub a bounded amount of memory, and nobody else the payment's row."""

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from hub.access.rules import ROLES, Caller, Role
from hub.disputes.evidence import Evidence
from hub.disputes.submitting import Wish, submit
from hub.disputes.uploads import AGAIN_S, AT_ONCE
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.sealing import Sealer
from tests.hub.disputes.test_answering import at_stripe, evidence
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


class SlowSealer(Sealer):
    """Seals when it is let, and tells when it begins."""

    def __init__(self) -> None:
        """Seal with a key of its own."""
        super().__init__({"test": bytes(32)})
        self.begun, self.go_on = threading.Event(), threading.Event()

    def seal(self, plain: bytes, identity: str) -> bytes:
        """Wait, then seal."""
        self.begun.set()
        assert self.go_on.wait(20)
        return super().seal(plain, identity)


async def begin_upload(home: House, stack: AsyncExitStack, dispute: dict[str, Any]) -> None:
    """Begin to send a form, and stop in the middle of it."""
    where = urlsplit(home.hub.url)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    stack.callback(writer.close)
    head = (
        f"POST /v1/disputes/{dispute['id']}/evidence HTTP/1.1", "Host: hub", "Content-Length: 1000",
        f"Authorization: {home.hub.client.headers['authorization']}", f"Idempotency-Key: {new_id('key_')}",
        "Content-Type: multipart/form-data; boundary=b", "", "--b\r\n",
    )  # fmt: skip
    writer.write("\r\n".join(head).encode())
    await writer.drain()


async def test_a_few_forms_are_taken_at_once_and_one_more_is_told_to_come_again(home: House) -> None:
    dispute, key = await at_stripe(home), new_id("key_")
    async with AsyncExitStack() as stack:
        for _ in range(AT_ONCE):
            await begin_upload(home, stack, dispute)
        await asyncio.sleep(0.3)
        busy = await evidence(home, dispute, key)
    again = await evidence(home, dispute, key)

    assert (busy.status_code, busy.json()["code"]) == (503, "uploads_busy")
    assert busy.headers["Retry-After"] == str(AGAIN_S)
    assert (again.status_code, again.json()["submissions"][0]["status"]) == (200, "done")


async def test_nobody_waits_for_the_payment_while_files_are_sealed(home: House) -> None:
    dispute, sealer = await at_stripe(home), SlowSealer()
    caller = Caller(principal="ada", key_id="key_1", role=None, livemode=False, scopes=ROLES[Role.ADMIN])
    wish = Wish(
        kind="evidence",
        dispute_id=dispute["id"],
        caller=caller,
        key=Key(key=new_id("key_"), fingerprint=b"1", location=f"/v1/disputes/{dispute['id']}"),
        request_id="req_1",
        evidence=Evidence(text="the payer had it"),
    )

    answering = asyncio.create_task(submit(replace(home.hub.parts.shell, sealer=sealer), wish))
    assert await asyncio.to_thread(sealer.begun.wait, 20)
    try:
        async with asyncio.timeout(5), home.hub.parts.database.transaction() as connection:
            touched = text("UPDATE payments SET updated_at = updated_at WHERE id = :id")
            changed = await connection.execute(touched, {"id": dispute["payment"]})
    finally:
        sealer.go_on.set()
    answered = await answering

    assert changed.rowcount == 1
    assert answered.status == 200
