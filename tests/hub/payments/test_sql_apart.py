"""What a statement of the charge path finds and changes, and what beside it stays: of a mode, an account, a row."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.database import ConflictError
from hub.idempotency.store import Key, find_key
from hub.payments import store
from hub.payments.recording import Held, hold, record
from hub.payments.references import find_open
from hub.payments.shell import Shell
from hub.payments.standing import standing
from hub.payments.states import OperationStatus, Status
from hub.payments.tables import operations
from normalization.outcome import Operation
from tests.hub.payments.bare import bare, held, sent
from tests.hub.payments.making import operation, payment, report

SAME = {"reference": "invoice-1"}


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


async def opened(
    shell: Shell,
    name: str,
    *,
    key: str = "",
    livemode: bool = False,
    paid: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """One more charge, pay_<name> with its attempt att_<name>; *paid* are the payment's, *changes* the attempt's."""
    ids: dict[str, Any] = {"attempt_id": f"att_{name}", "livemode": livemode}
    made = payment(id=f"pay_{name}", **ids | {"reference": name} | (paid or {}))
    attempt = operation(changes.pop("kind", Operation.PURCHASE), id=f"att_{name}", payment_id=made.id, **ids, **changes)
    known = Key(key=key or name, fingerprint=b"asked", location=f"/v1/payments/{made.id}")
    await store.open_payment(shell.database, made, attempt, known, 0.0, method_version=None)


async def set_due(shell: Shell, seconds: float, ids: Iterable[str] = ()) -> None:
    due = update(operations).values(due_at=shell.clock() + timedelta(seconds=seconds))
    async with shell.database.transaction() as connection:
        await connection.execute(due.where(operations.c.id.in_(list(ids))) if ids else due)


async def test_a_payment_is_found_in_its_own_mode_only(shell: Shell) -> None:
    await opened(shell, "live", livemode=True)

    assert await store.find_payment(shell.database, livemode=True, payment_id="pay_live") is not None
    assert await store.find_payment(shell.database, livemode=False, payment_id="pay_live") is None


async def test_one_reference_and_one_key_are_two_in_two_modes(shell: Shell) -> None:
    for name, livemode in (("test", False), ("live", True)):
        await opened(shell, name, key="once", paid=SAME, livemode=livemode)

    for name, livemode in (("test", False), ("live", True)):
        found = await standing(shell.database, "once", "invoice-1", None, livemode=livemode)
        assert found.key is not None
        assert (found.key.operation_id, found.holder) == (f"att_{name}", f"pay_{name}")
        assert await find_open(shell.database, livemode, "invoice-1") == f"pay_{name}"
    with pytest.raises(ConflictError):
        await opened(shell, "again", key="another", paid=SAME, livemode=True)


async def test_an_outcome_answers_the_key_of_its_own_mode_only(shell: Shell) -> None:
    for name, livemode in (("test", False), ("live", True)):
        await opened(shell, name, key="once", livemode=livemode, idempotency_key="once")

    charge = await live(shell)
    await record(shell, charge, report(Operation.PURCHASE, minor=1000, livemode=True), "answer")

    answers = [await find_key(shell.database, livemode=mode, key="once") for mode in (True, False)]
    assert [one.status if one else one for one in answers] == [201, None]


async def live(shell: Shell) -> Held:
    paid = await store.find_payment(shell.database, livemode=True, payment_id="pay_live")
    assert paid is not None
    return await hold(shell, paid, "att_live")


async def test_what_the_processor_calls_it_is_looked_for_at_its_own_account(shell: Shell) -> None:
    for account in ("ma_1", "ma_2"):
        await opened(shell, account, merchant_account=account, processor_reference="psp_1")

    found = await store.by_processor_reference(shell.database, "ma_1", "psp_1")

    assert [one.id for one in found] == ["att_ma_1"]


async def test_due_is_what_waits_longest_and_is_in_nobodys_hands(shell: Shell) -> None:
    for name in ("a", "b", "c", "d"):
        await opened(shell, name)
    for n, name in enumerate(("b", "a", "c")):
        await set_due(shell, -60 + n, [f"att_{name}"])
    await set_due(shell, 60, ["att_d"])
    taken = await store.find_operation(shell.database, "att_c")
    assert taken is not None
    await store.claim(shell.database, taken, due_s=None, lease_s=60.0)

    assert [one.id for one in await store.due_operations(shell.database, 9)] == ["att_b", "att_a"]
    assert [one.id for one in await store.due_operations(shell.database, 1)] == ["att_b"]


async def test_who_lost_it_to_another_does_not_give_it_back_for_them(shell: Shell) -> None:
    charge = await sent(shell, lease_s=0.0)
    await store.claim(shell.database, charge.operation, due_s=None, lease_s=0.0)
    taken = (await held(shell)).operation
    await store.claim(shell.database, taken, due_s=None, lease_s=60.0)

    await store.release(shell.database, taken)

    with pytest.raises(ConflictError):
        await store.claim(shell.database, (await held(shell)).operation, due_s=None, lease_s=60.0)


async def test_an_account_that_is_back_has_only_its_own_unknown_ones_asked_about_and_none_later(shell: Shell) -> None:
    for name, account, status, due_s in (
        ("mine", "ma_1", OperationStatus.UNKNOWN, 3_600),
        ("soon", "ma_1", OperationStatus.UNKNOWN, 5),
        ("accepted", "ma_1", OperationStatus.PENDING, 3_600),
        ("others", "ma_2", OperationStatus.UNKNOWN, 3_600),
    ):
        await opened(shell, name, merchant_account=account, status=status)
        await set_due(shell, due_s, [f"att_{name}"])
    before = await _due(shell)

    await store.make_due(shell.database, "ma_1")

    after = await _due(shell)
    assert {name for name in before if before[name] != after[name]} == {"att_mine"}
    assert after["att_mine"] < shell.clock() + timedelta(seconds=store.SPREAD_S)


async def _due(shell: Shell) -> dict[str, datetime]:
    async with shell.database.reading() as connection:
        rows = await connection.execute(select(operations.c.id, operations.c.due_at))
        return {row.id: row.due_at for row in rows}


@pytest.mark.parametrize(
    ("status", "canceling", "void", "wanted"),
    [
        (Status.AUTHORIZED, True, None, True),
        (Status.REQUIRES_ACTION, True, None, True),
        (Status.PROCESSING, True, None, False),
        (Status.CAPTURED, True, None, False),
        (Status.AUTHORIZED, False, None, False),
        (Status.AUTHORIZED, True, OperationStatus.SENDING, False),
        (Status.AUTHORIZED, True, OperationStatus.PENDING, False),
        (Status.AUTHORIZED, True, OperationStatus.UNKNOWN, False),
        (Status.AUTHORIZED, True, OperationStatus.EXCEPTION, False),
        (Status.AUTHORIZED, True, OperationStatus.DECLINED, True),
        (Status.AUTHORIZED, True, OperationStatus.NOT_SENT, True),
    ],
)
async def test_a_wish_to_cancel_is_due_while_it_can_be_carried_out_and_nobody_is_at_it(
    status: Status,
    canceling: bool,  # noqa: FBT001 - the case
    void: OperationStatus | None,
    wanted: bool,  # noqa: FBT001 - the case
    shell: Shell,
) -> None:
    await opened(shell, "other", kind=Operation.VOID, status=OperationStatus.SENDING)
    voided: dict[str, Any] = {"kind": Operation.VOID, "status": void} if void else {}
    await opened(shell, "wished", paid={"status": status, "canceling": canceling}, **voided)

    found = await store.cancellations_due(shell.database, 9)

    assert [one.id for one in found] == (["pay_wished"] if wanted else [])
