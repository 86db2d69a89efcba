"""What belongs together is one commit: where any part of it cannot be written, nothing of it is."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hub.idempotency.store import Answer
from hub.payments import rules, store
from hub.payments.changes import Actor, Evidence
from hub.payments.recording import record
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus, Status
from normalization.outcome import Operation
from tests.hub.payments.bare import KEY, LEASE_S, bare, everything, follow_up, held, refuse, sent
from tests.hub.payments.making import NOW, operation, payment, report

REFUNDED = 400
ADA = Actor("key_1", "ada")
ANSWER = Answer("wish", 202, b"{}")


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


@pytest.mark.parametrize(
    ("what", "table"),
    [
        ("UPDATE", "payments"), ("UPDATE", "operations"), ("UPDATE", "idempotency_keys"), ("INSERT", "reports"),
        ("INSERT", "transfers"), ("INSERT", "expected_settlements"), ("INSERT", "exceptions"), ("INSERT", "events"),
        ("INSERT", "audit_log"),
    ],
)  # fmt: skip
async def test_an_outcome_is_kept_with_all_that_follows_from_it_or_not_at_all(
    what: str, table: str, shell: Shell
) -> None:
    charge = await sent(shell)
    before = await everything(shell)
    await refuse(shell, what, table)

    minor = 900 if table == "exceptions" else 1000  # Less than was asked for is told to a human as well.

    with pytest.raises(IntegrityError, match="full"):
        await record(shell, charge, report(Operation.PURCHASE, minor=minor), "answer")

    assert await everything(shell) == before


async def test_where_all_of_it_can_be_written_all_of_it_is(shell: Shell) -> None:
    charge = await sent(shell)

    await record(shell, charge, report(Operation.PURCHASE, minor=900), "answer")

    assert {table: len(rows) for table, rows in (await everything(shell)).items()} == {
        "payments": 1, "operations": 1, "reports": 1, "transfers": 1, "expected_settlements": 1, "exceptions": 1,
        "events": 2, "audit_log": 1, "idempotency_keys": 1,
    }  # fmt: skip
    async with shell.database.reading() as connection:
        kept = (await connection.execute(text("SELECT status, answer FROM idempotency_keys"))).one()
    assert (kept.status, b'"captured"' in kept.answer) == (201, True)


async def test_an_event_has_its_place_from_the_relay_alone(shell: Shell) -> None:
    await record(shell, await sent(shell), report(Operation.PURCHASE, minor=900), "answer")

    async with shell.database.reading() as connection:
        written = list((await connection.execute(text("SELECT position FROM events"))).scalars())

    assert written == [None, None]


@pytest.mark.parametrize("table", ["payments", "operations", "idempotency_keys"])
async def test_a_charge_is_begun_with_its_key_or_not_at_all(table: str, shell: Shell) -> None:
    before = await everything(shell)
    await refuse(shell, "INSERT", table)

    with pytest.raises(IntegrityError, match="full"):
        await sent(shell)

    assert await everything(shell) == before


@pytest.mark.parametrize(
    ("what", "table"),
    [("UPDATE", "payments"), ("INSERT", "operations"), ("INSERT", "idempotency_keys"), ("INSERT", "audit_log")],
)
async def test_a_refund_is_begun_with_the_amount_it_reserves_or_not_at_all(what: str, table: str, shell: Shell) -> None:
    await record(shell, await sent(shell), report(Operation.PURCHASE, minor=1000), "answer")
    paid = await held(shell)
    before = await everything(shell)
    await refuse(shell, what, table)
    reserved = replace(paid.payment, refunding_minor=REFUNDED)

    with pytest.raises(IntegrityError, match="full"):
        await follow_up(shell, paid, reserved, operation(Operation.REFUND, REFUNDED), "refund")

    assert paid.payment.status is Status.CAPTURED
    assert await everything(shell) == before


@pytest.mark.parametrize(
    ("what", "table"),
    [
        ("UPDATE", "payments"), ("UPDATE", "operations"), ("INSERT", "operations"), ("INSERT", "reports"),
        ("INSERT", "audit_log"),
    ],
)  # fmt: skip
async def test_an_attempt_is_closed_with_the_next_one_opened_or_not_at_all(what: str, table: str, shell: Shell) -> None:
    first = await sent(shell)
    before = await everything(shell)
    await refuse(shell, what, table)
    following = operation(id="att_2", attempt_id="att_2", merchant_account="ma_2")
    closed = replace(first.operation, status=OperationStatus.NOT_SENT)
    passed = rules.pass_over(first.payment, first.operation, closed, following)
    said = Evidence(source="answer", report=b"{}", recorded_at=NOW)
    assert passed is not None

    with pytest.raises(IntegrityError, match="full"):
        await store.open_next_attempt(shell.database, first.payment, passed, following, said, LEASE_S)

    assert await everything(shell) == before


@pytest.mark.parametrize(
    ("what", "table"), [("UPDATE", "payments"), ("INSERT", "idempotency_keys"), ("INSERT", "audit_log")]
)
async def test_a_wish_is_kept_with_its_answer_or_not_at_all(what: str, table: str, shell: Shell) -> None:
    charge = await sent(shell)
    before = await everything(shell)
    await refuse(shell, what, table)
    wished = replace(charge.payment, canceling=True)

    with pytest.raises(IntegrityError, match="full"):
        await store.wish(shell.database, charge.payment, wished, replace(KEY, key="wish"), ANSWER, ADA)

    assert await everything(shell) == before


@pytest.mark.parametrize("table", ["payments", "idempotency_keys", "events", "audit_log"])
async def test_a_payment_that_a_rule_refuses_is_kept_and_told_or_not_at_all(table: str, shell: Shell) -> None:
    before = await everything(shell)
    await refuse(shell, "INSERT", table)
    refused = payment(status=Status.FAILED, attempt_id=None)

    with pytest.raises(IntegrityError, match="full"):
        await store.refuse(shell.database, refused, KEY, ANSWER, ("payment.failed", b"{}"), ADA)

    assert await everything(shell) == before
