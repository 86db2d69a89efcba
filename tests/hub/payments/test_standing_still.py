"""A process that stood still between its first commit and its request sends nothing: others may hold it by now."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from hub.access.rules import ROLES, Caller, Role
from hub.database import Database, Unit
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.payments import asking, store
from hub.payments.asked import PaymentRequest, RefundRequest
from hub.payments.charging import charge
from hub.payments.follow_ups import Wish, refund
from hub.payments.inquiries import inquire
from hub.payments.opening import Charge
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus
from hub.payments.tables import operations
from normalization.money import Currency
from normalization.outcome import Operation
from tests.hub.house import House, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import Clock

ADMIN = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, scopes=ROLES[Role.ADMIN], livemode=False)
HOUR = timedelta(hours=1)
AGES_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class StandsStill:
    """A database behind whose next commit the process that made it stands still for an hour."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        """Do the rest as ever."""
        return getattr(self._database, name)

    async def run(self, unit: Unit, values: Mapping[str, Any]) -> None:
        """Commit, and stand still."""
        await self._database.run(unit, values)
        self._clock.ahead += HOUR


class TakenOver:
    """A database behind whose first commit, a claim, the process stands still until another one has learnt more.

    `claims`: how often the others have claimed it for that; a webhook claims nothing.
    """

    def __init__(self, made: House, operation: str, claims: int) -> None:
        self._database = made.hub.parts.database
        self._operation = operation
        self._claims = claims
        self._claimed = False

    def __getattr__(self, name: str) -> Any:
        """Do the rest as ever."""
        return getattr(self._database, name)

    async def run(self, unit: Unit, values: Mapping[str, Any]) -> None:
        """Commit, and wake when another process has committed that the operation is pending."""
        await self._database.run(unit, values)
        if not self._claimed:
            self._claimed = True
            async with self._database.writer.begin() as connection:
                ours = operations.update().where(operations.c.id == self._operation)
                await connection.execute(
                    ours.values(status=OperationStatus.PENDING, fence=operations.c.fence + self._claims)
                )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def made(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    async with house(sqlite_url, tmp_path, with_worker=False, clock=clock) as opened:
        yield opened


def standing_still(made: House, clock: Clock) -> Shell:
    shell = made.hub.parts.shell
    return replace(shell, database=cast("Database", StandsStill(shell.database, clock)))


def key() -> Key:
    return Key(key=new_id("key_"), fingerprint=b"", location="/v1/payments")


async def asked_for(made: House, operation: str) -> int:
    """How often the processors were asked for *operation*."""
    seen = [await made.control(processor, "GET", "requests") for processor in made.sandboxes]
    return sum(request["operation"] == operation for told in seen for request in told["data"])


async def test_a_charge_is_not_sent(made: House, clock: Clock) -> None:
    wanted = Charge(
        request=PaymentRequest(
            amount=1000, currency=Currency.EUR, reference="invoice-1", payment_method=made.payment_method
        ),
        caller=ADMIN,
        key=key(),
        payment_id=new_id("pay_"),
        request_id=new_id("req_"),
        began_at=clock(),
    )

    reply = await charge(standing_still(made, clock), wanted)

    assert (reply.status, b'"status":"failed"' in reply.body) == (201, True)
    assert await asked_for(made, "purchase") == 0
    await agrees(made)


async def test_a_refund_is_not_sent(made: House, clock: Clock) -> None:
    paid = (await made.hub.charge(payment_method=made.payment_method, amount=1000)).json()["id"]
    wish = Wish(
        kind=Operation.REFUND, payment_id=paid, caller=ADMIN, key=key(), request_id="req_1", reserve=asking.cancel
    )

    reply = await refund(standing_still(made, clock), wish, RefundRequest(amount=400))

    assert b'"status":"failed"' in reply.body
    assert await asked_for(made, "refund") == 0
    payment = await store.find_payment(made.hub.parts.database, livemode=False, payment_id=paid)
    assert payment is not None
    assert (payment.refunding_minor, payment.refunded_minor) == (0, 0)
    await agrees(made)


@pytest.mark.parametrize("claims", [0, 1], ids=["a webhook", "another worker"])
async def test_what_another_was_told_is_pending_meanwhile_is_not_given_up(made: House, claims: int) -> None:
    paid = (await made.hub.charge(payment_method=made.payment_method, amount=1000)).json()["id"]
    (found,) = await store.operations_of(made.hub.parts.database, paid)
    async with made.hub.parts.database.writer.begin() as connection:
        await connection.execute(operations.update().values(status=OperationStatus.UNKNOWN, lease_until=AGES_AGO))
    lost = replace(found, status=OperationStatus.UNKNOWN)
    database = TakenOver(made, found.id, claims)

    await inquire(replace(made.hub.parts.shell, database=cast("Database", database)), lost)

    (left,) = await store.operations_of(made.hub.parts.database, paid)
    assert (left.status, left.fence) == (OperationStatus.PENDING, found.fence + 1 + claims)
    assert await rows(made, "SELECT type FROM exceptions") == []
