"""Which operation a report speaks of: ours where it says so, another's hands' where it does not, and never two."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from hub.payments import store
from hub.payments.recording import record, record_delivered
from hub.payments.shell import Shell
from hub.payments.states import OperationState, OperationStatus
from hub.payments.tables import reports
from normalization.outcome import Declined, Operation, Pending, Report, Reversed
from tests.hub.payments.bare import bare, follow_up, held, sent
from tests.hub.payments.making import NO_FUNDS, eur, operation, report
from tests.hub.payments.test_sql_apart import opened


@pytest.fixture
async def shell(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


@pytest.fixture
async def authorized(shell: Shell) -> None:
    """A payment of 10.00 EUR that is held."""
    await record(shell, await sent(shell, kind=Operation.AUTHORIZE), report(Operation.AUTHORIZE, minor=1000), "answer")


async def begun(shell: Shell, kind: Operation, id_: str, **reserved: int | bool) -> OperationState:
    """One more operation of ours that is being sent, with what it reserves."""
    before = await held(shell)
    made = operation(kind, 400, id=id_)
    return (await follow_up(shell, before, replace(before.payment, **reserved), made, id_)).operation


async def told(shell: Shell, said: Report) -> list[OperationState]:
    """Deliver a report without a tag about the payment; gives its operations but for the attempt."""
    assert await record_delivered(shell, "ma_1", replace(said, parent_reference="psp_1"), "webhook") is not None
    return [one for one in await store.operations_of(shell.database, "pay_1") if one.id != "att_1"]


@pytest.mark.usefixtures("authorized")
async def test_a_void_without_our_tag_is_the_one_void_of_ours_that_waits(shell: Shell) -> None:
    await begun(shell, Operation.VOID, "can_1", canceling=True)

    (void,) = await told(shell, report(Operation.VOID, processor_reference="psp_1"))

    assert (void.id, void.status) == ("can_1", OperationStatus.APPROVED)


@pytest.mark.usefixtures("authorized")
async def test_of_two_voids_that_wait_it_is_neither(shell: Shell) -> None:
    for id_ in ("can_1", "can_2"):
        await begun(shell, Operation.VOID, id_, canceling=True)

    voids = await told(shell, report(Operation.VOID, processor_reference="psp_2"))

    assert [one.status for one in voids if one.external] == [OperationStatus.APPROVED]
    assert {one.status for one in voids if not one.external} == {OperationStatus.SENDING}


@pytest.mark.usefixtures("authorized")
async def test_a_void_of_ours_that_ended_is_not_the_one_that_is_told_of(shell: Shell) -> None:
    await begun(shell, Operation.VOID, "can_1", canceling=True)
    no = report(Operation.VOID, Declined(NO_FUNDS.decline), processor_reference=None)
    await record(shell, await held(shell, "can_1"), no, "answer")

    voids = await told(shell, report(Operation.VOID, processor_reference="psp_2"))

    assert [one.status for one in voids if one.external] == [OperationStatus.APPROVED]
    assert [one.status for one in voids if not one.external] == [OperationStatus.DECLINED]


@pytest.mark.usefixtures("authorized")
@pytest.mark.parametrize(
    ("kind", "reserved"), [(Operation.CAPTURE, "capturing_minor"), (Operation.REFUND, "refunding_minor")]
)
async def test_captures_and_refunds_without_our_tag_are_not_ours(kind: Operation, reserved: str, shell: Shell) -> None:
    await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))
    ours = await begun(shell, kind, "own_1", **{reserved: 400})

    made = await told(shell, report(kind, minor=100, processor_reference="psp_3"))

    assert [one.status for one in made if one.external] == [OperationStatus.APPROVED] * 2
    assert next(one for one in made if one.id == ours.id).status is OperationStatus.SENDING


@pytest.mark.usefixtures("authorized")
async def test_a_capture_and_a_refund_by_others_of_one_name_are_two(shell: Shell) -> None:
    await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))

    made = await told(shell, report(Operation.REFUND, minor=100, processor_reference="psp_2"))

    assert sorted(one.kind for one in made) == [Operation.CAPTURE, Operation.REFUND]
    now = (await held(shell)).payment
    assert (now.captured_minor, now.refunded_externally_minor) == (400, 100)


async def test_one_name_at_two_accounts_is_two_refunds(shell: Shell) -> None:
    for n in ("1", "2"):
        await opened(shell, n, merchant_account=f"ma_{n}", processor_reference="psp_1")
    said = report(Operation.REFUND, minor=100, processor_reference="re_1", parent_reference="psp_1")

    for account in ("ma_1", "ma_2"):
        assert await record_delivered(shell, account, said, "webhook") is not None

    made = [one for n in ("1", "2") for one in await store.operations_of(shell.database, f"pay_{n}") if one.external]
    assert [(one.payment_id, one.merchant_account) for one in made] == [("pay_1", "ma_1"), ("pay_2", "ma_2")]


@pytest.mark.usefixtures("authorized")
async def test_a_no_to_what_nobody_asked_for_is_kept_and_changes_nothing(shell: Shell) -> None:
    before = await held(shell)

    made = await told(shell, report(Operation.CAPTURE, NO_FUNDS, processor_reference="psp_2"))

    assert made == []
    assert (await held(shell)).payment == before.payment


@pytest.mark.usefixtures("authorized")
async def test_a_refund_by_others_that_failed_counts_nothing_when_its_success_is_told_later(shell: Shell) -> None:
    await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))
    await told(shell, report(Operation.REFUND, NO_FUNDS, processor_reference="re_1"))

    await told(shell, report(Operation.REFUND, minor=100, processor_reference="re_1"))

    assert (await held(shell)).payment.refunded_externally_minor == 0


@pytest.mark.usefixtures("authorized")
async def test_what_others_captured_is_theirs_again_though_our_refused_capture_bears_its_name_too(shell: Shell) -> None:
    """Where captures have no name of their own, a refusal of ours is told under the name of the payment."""
    await begun(shell, Operation.CAPTURE, "cap_1", capturing_minor=400)
    theirs = report(Operation.CAPTURE, minor=1000, processor_reference="psp_1")
    await told(shell, theirs)
    no = report(Operation.CAPTURE, Declined(NO_FUNDS.decline), processor_reference="psp_1", tag="cap_1")
    await record(shell, await held(shell, "cap_1"), no, "answer")

    made = await told(shell, theirs)

    assert {(one.external, one.status) for one in made} == {
        (True, OperationStatus.APPROVED),
        (False, OperationStatus.DECLINED),
    }
    now = (await held(shell)).payment
    assert (now.captured_minor, now.beyond_minor) == (1000, 0)

    undone = await told(shell, replace(theirs, outcome=Reversed(NO_FUNDS.decline)))

    assert [one.status for one in undone if one.external] == [OperationStatus.REVERSED]
    assert (await held(shell)).payment.captured_minor == 0


@pytest.mark.usefixtures("authorized")
async def test_what_others_captured_is_theirs_though_it_is_heard_of_after_our_refusal(shell: Shell) -> None:
    await begun(shell, Operation.CAPTURE, "cap_1", capturing_minor=400)
    no = report(Operation.CAPTURE, Declined(NO_FUNDS.decline), processor_reference="psp_1", tag="cap_1")
    await record(shell, await held(shell, "cap_1"), no, "answer")

    made = await told(shell, report(Operation.CAPTURE, minor=1000, processor_reference="psp_1"))

    assert {(one.external, one.status) for one in made} == {
        (True, OperationStatus.APPROVED),
        (False, OperationStatus.DECLINED),
    }


@pytest.mark.usefixtures("authorized")
async def test_our_capture_that_was_refused_and_succeeds_late_under_its_own_name_is_ours(shell: Shell) -> None:
    await begun(shell, Operation.CAPTURE, "cap_1", capturing_minor=400)
    no = report(Operation.CAPTURE, Declined(NO_FUNDS.decline), processor_reference="psp_2", tag="cap_1")
    await record(shell, await held(shell, "cap_1"), no, "answer")

    made = await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))

    assert [(one.id, one.status) for one in made] == [("cap_1", OperationStatus.APPROVED)]


@pytest.mark.usefixtures("authorized")
async def test_what_comes_undone_is_what_bears_the_name_and_is_of_that_kind(shell: Shell) -> None:
    await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))
    await told(shell, report(Operation.REFUND, minor=100, processor_reference="psp_2"))

    undone = report(Operation.REFUND, Reversed(NO_FUNDS.decline), 100, processor_reference="psp_2")
    made = await told(shell, undone)

    assert {one.kind: one.status for one in made} == {
        Operation.CAPTURE: OperationStatus.APPROVED,
        Operation.REFUND: OperationStatus.REVERSED,
    }
    now = (await held(shell)).payment
    assert (now.captured_minor, now.refunded_externally_minor) == (400, 0)


@pytest.mark.usefixtures("authorized")
async def test_a_refund_by_others_may_bear_the_tag_of_the_charge_and_no_other_name_of_ours(shell: Shell) -> None:
    await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))
    said = report(Operation.REFUND, minor=100, tag="att_1", processor_reference="re_1")

    assert await record_delivered(shell, "ma_1", said, "webhook") is not None

    assert (await held(shell)).payment.refunded_externally_minor == 100


@pytest.mark.usefixtures("authorized")
async def test_what_is_told_under_the_name_of_the_charge_alone_belongs_to_it(shell: Shell) -> None:
    said = report(Operation.CAPTURE, minor=400, processor_reference="psp_1")

    assert await record_delivered(shell, "ma_1", said, "webhook") is not None

    assert (await held(shell)).payment.captured_minor == 400


async def test_a_charge_by_others_is_none_of_ours_whatever_it_follows(shell: Shell) -> None:
    await sent(shell, processor_reference="psp_1")
    said = report(Operation.PURCHASE, minor=1000, processor_reference="psp_2", parent_reference="psp_1")

    assert await record_delivered(shell, "ma_1", said, "webhook") is None

    assert (await held(shell)).operation.status is OperationStatus.SENDING


async def test_what_is_captured_again_waits_for_a_capture_that_failed_and_no_refund_is_one(shell: Shell) -> None:
    await record(shell, await sent(shell), report(Operation.PURCHASE, minor=1000), "answer")
    await told(shell, report(Operation.REFUND, minor=300, processor_reference="re_1"))
    await told(shell, report(Operation.REFUND, Reversed(NO_FUNDS.decline), 300, processor_reference="re_1"))
    again = report(Operation.CAPTURE, minor=1000, processor_reference="psp_2", parent_reference="psp_1")

    assert await record_delivered(shell, "ma_1", replace(again, reason="recaptured"), "webhook") is None

    now = (await held(shell)).payment
    assert (now.captured_minor, now.beyond_minor) == (1000, 0)


@pytest.mark.usefixtures("authorized")
async def test_our_capture_that_was_refused_and_succeeds_late_under_our_tag_is_ours(shell: Shell) -> None:
    await begun(shell, Operation.CAPTURE, "cap_1", capturing_minor=400)
    no = report(Operation.CAPTURE, Declined(NO_FUNDS.decline), processor_reference="psp_1", tag="cap_1")
    await record(shell, await held(shell, "cap_1"), no, "answer")

    made = await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_1", tag="cap_1"))

    assert [(one.id, one.status) for one in made] == [("cap_1", OperationStatus.APPROVED)]


@pytest.mark.usefixtures("authorized")
async def test_our_void_that_bears_the_name_of_the_payment_is_ours_without_our_tag(shell: Shell) -> None:
    await begun(shell, Operation.VOID, "can_1", canceling=True)
    waits = report(Operation.VOID, Pending(), processor_reference="psp_1", tag="can_1")
    await record(shell, await held(shell, "can_1"), waits, "answer")

    (void,) = await told(shell, report(Operation.VOID, processor_reference="psp_1"))

    assert (void.id, void.status) == ("can_1", OperationStatus.APPROVED)


@pytest.mark.usefixtures("authorized")
async def test_a_refund_by_others_that_failed_and_has_no_name_is_kept_as_said_only(shell: Shell) -> None:
    await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))

    made = await told(shell, report(Operation.REFUND, NO_FUNDS, processor_reference=None))

    assert [(one.kind, one.money) for one in made] == [(Operation.CAPTURE, eur(400))]
    assert await kept(shell) == ["answer", "webhook", "webhook"]


@pytest.mark.usefixtures("authorized")
async def test_what_is_told_again_is_kept_again_and_changes_nothing(shell: Shell) -> None:
    for _ in range(2):
        await told(shell, report(Operation.CAPTURE, minor=400, processor_reference="psp_2"))

    assert (await held(shell)).payment.captured_minor == 400
    assert await kept(shell) == ["answer", "webhook", "webhook"]


async def kept(shell: Shell) -> list[str]:
    """Who told something, once for each time."""
    async with shell.database.reading() as connection:
        return [*(await connection.execute(select(reports.c.source).order_by(reports.c.id))).scalars()]
