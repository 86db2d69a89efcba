"""What moves real money is live in every row, and is found again in its own mode: all other tests are in test mode."""

from collections.abc import AsyncIterator, Mapping
from fractions import Fraction
from typing import Any, cast

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select

from adapters.contract import Authorize, Inquiry
from adapters.errors import OutcomeUnknownError
from hub.access.rules import ROLES, Caller, Role
from hub.access.tables import audit_log
from hub.database import metadata
from hub.errors import ProblemError
from hub.figures.board import FigureBoard
from hub.idempotency.service import Reply
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.merchants.service import Directory
from hub.payment_methods.tables import customers, payment_methods
from hub.payments import asking
from hub.payments.asked import CaptureRequest, OneTimeData, PaymentRequest, RefundRequest
from hub.payments.charging import charge
from hub.payments.follow_ups import Wish, capture, carry_out, refund
from hub.payments.inquiries import inquire, resolve_now
from hub.payments.jobs import cancel_due
from hub.payments.opening import Charge
from hub.payments.planning import allowed
from hub.payments.recording import record_delivered, settlement_terms
from hub.payments.shell import Shell
from hub.payments.states import OperationState, OperationStatus, Status
from hub.payments.store import claim, find_operation, find_payment, operations_of
from hub.payments.tables import operations, payments
from hub.retries.rules import Advised, Print
from normalization.declines import Decline, DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome
from normalization.tokens import ProcessorToken
from tests.hub.payments.bare import ONCE, bare
from tests.hub.payments.live import LIVE_FIGURES, NEVER, Bank, Board, Live, Rated
from tests.hub.payments.making import eur, operation, report
from tests.hub.payments.test_canceled_in_doubt import meanwhile
from tests.hub.retries.test_store import method
from tests.routing.samples import ruleset

LIVE = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, scopes=ROLES[Role.ADMIN], livemode=True)
STOPPED = Declined(
    Decline(code=DeclineCode.INVALID_CARD_NUMBER, processor_code="14", network="visa", network_code="14")
)
REFUSED = Declined(Decline(code=DeclineCode.DO_NOT_HONOR, processor_code="05", network="mastercard", network_code="05"))
MASTERCARD_DECLINES = 10
CHALLENGE = ActionRequired(method="GET", url="https://bank.example/challenge", continuation="")
SILENCE = OutcomeUnknownError("stripe", "silence")


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
async def shell(sqlite_url: str, bank: Bank) -> AsyncIterator[Shell]:
    """At the end of each test no row of any table may be of the other mode."""
    async with bare(sqlite_url) as made:
        yield replace(made, directory=cast("Directory", Live(bank)))
        async with made.database.reading() as connection:
            for table in (one for one in metadata.sorted_tables if "livemode" in one.c):
                modes = (await connection.execute(select(table.c.livemode).distinct())).scalars().all()
                assert modes in ([], [True]), table.name


@pytest.fixture
async def card(shell: Shell) -> str:
    return await method(shell.database, Print("stripe", "ma_1", "fp_1"), livemode=True)


def wanted(shell: Shell, card: str, key: str, **changes: Any) -> Charge:
    asked: dict[str, Any] = {"amount": 1000, "currency": Currency.EUR, "reference": key, "payment_method": card}
    made = new_id("pay_")
    return Charge(
        request=PaymentRequest(**asked | changes),
        caller=LIVE,
        key=Key(key=key, fingerprint=b"asked", location=f"/v1/payments/{made}"),
        payment_id=made,
        request_id="req_1",
        began_at=shell.clock(),
    )


def wish(kind: Operation, payment_id: str, key: str) -> Wish:
    known = Key(key=key, fingerprint=b"asked", location=f"/v1/payments/{payment_id}")
    return Wish(kind=kind, payment_id=payment_id, caller=LIVE, key=known, request_id="req_1", reserve=asking.cancel)


async def charged(shell: Shell, card: str, key: str = "once", **changes: Any) -> str:
    """The id of a live payment of 10.00 EUR."""
    asked = wanted(shell, card, key, **changes)
    await charge(shell, asked)
    return asked.payment_id


async def status_of(shell: Shell, payment_id: str) -> Status:
    found = await find_payment(shell.database, livemode=True, payment_id=payment_id)
    assert found is not None
    return found.status


async def attempt_of(shell: Shell, payment_id: str) -> OperationState:
    (attempt, *_) = await operations_of(shell.database, payment_id)
    return attempt


def answer(reply: Reply) -> tuple[int, bytes, bool]:
    return reply.status, reply.body, reply.replayed


@pytest.mark.parametrize("capture_", ["automatic", "manual"])
async def test_a_key_charges_once_and_answers_the_same(shell: Shell, bank: Bank, card: str, capture_: str) -> None:
    first = await charge(shell, wanted(shell, card, "once", capture=capture_))

    again = await charge(shell, wanted(shell, card, "once", capture=capture_))

    assert (answer(again), len(bank.asked)) == ((201, first.body, True), 1)
    assert b'"livemode":true' in first.body


async def test_a_key_answers_the_same_although_what_is_remembered_would_do(shell: Shell, bank: Bank, card: str) -> None:
    await charged(shell, card, "before")
    first = await charge(shell, wanted(shell, card, "once"))

    again = await charge(shell, wanted(shell, card, "once"))

    assert (answer(again), len(bank.asked)) == ((201, first.body, True), 2)


async def test_a_reference_is_charged_once(shell: Shell, bank: Bank, card: str) -> None:
    paid = await charged(shell, card, "once", reference="invoice-1")

    with pytest.raises(ProblemError) as refused:
        await charge(shell, wanted(shell, card, "other", reference="invoice-1"))

    assert (refused.value.code, refused.value.extra, len(bank.asked)) == ("duplicate_reference", {"payment": paid}, 1)


async def test_what_the_network_forbids_is_not_sent_again(shell: Shell, bank: Bank, card: str) -> None:
    bank.says = STOPPED
    paid = await charged(shell, card)

    with pytest.raises(ProblemError) as refused:
        await charge(shell, wanted(shell, card, "other"))

    assert (refused.value.code, len(bank.asked)) == ("retry_not_permitted", 1)
    assert await status_of(shell, paid) is Status.FAILED
    overridden = await charged(shell, card, "again", override_retry_rules=True)
    assert await status_of(shell, overridden) is Status.FAILED
    async with shell.database.reading() as connection:
        audited = await connection.execute(select(audit_log.c.object_id).where(audit_log.c.action.contains("override")))
        assert audited.scalars().all() == [overridden]


async def test_what_a_rule_refuses_is_kept_and_answered_the_same(shell: Shell, bank: Bank, card: str) -> None:
    strict = replace(shell, directory=cast("Directory", Live(bank, refuses=True)))
    first = await charge(strict, wanted(shell, card, "once"))

    again = await charge(strict, wanted(shell, card, "once"))

    assert (answer(again), bank.asked) == ((201, first.body, True), [])


async def test_what_a_network_allows_is_counted_from_all_declines_before(shell: Shell, bank: Bank, card: str) -> None:
    bank.says = REFUSED
    for n in range(MASTERCARD_DECLINES - 1):
        await charged(shell, card, f"before-{n}")

    last = await find_payment(shell.database, livemode=True, payment_id=await charged(shell, card, "last"))

    assert last is not None
    assert isinstance(last.decline, Advised)
    assert last.decline.retry is not None
    assert last.decline.retry.rule == "mastercard_declines"


async def test_a_card_is_kept_for_its_customer(shell: Shell, bank: Bank) -> None:
    row = {"id": "cus_1", "livemode": True, "person": "{}", "created_at": shell.clock()}
    async with shell.database.transaction() as connection:
        await connection.execute(insert(customers), row)
    bank.stored = ProcessorToken(processor="stripe", token="pm_kept", customer_reference="cus_there")
    bank.network_transaction_id = "nti_1"
    data = OneTimeData(processor="stripe", data={"payment_method": "pm_once"})
    saving = {"payment_method_data": data, "customer": "cus_1", "save_payment_method": True}

    asked = wanted(shell, "", "once", **saving | {"payment_method": None})
    reply = await charge(shell, asked)

    found = await find_payment(shell.database, livemode=True, payment_id=asked.payment_id)
    assert found is not None
    assert found.payment_method is not None
    assert found.payment_method.encode() in reply.body
    async with shell.database.reading() as connection:
        assert await connection.scalar(select(payment_methods.c.network_transaction_id)) == "nti_1"
    bank.stored = None
    assert await status_of(shell, await charged(shell, found.payment_method, "later")) is Status.CAPTURED


async def test_a_card_that_nobody_asked_to_keep_is_not_kept(shell: Shell, bank: Bank) -> None:
    bank.stored = ProcessorToken(processor="stripe", token="pm_kept", customer_reference="cus_there")
    data = OneTimeData(processor="stripe", data={"payment_method": "pm_once"})

    await charge(shell, wanted(shell, "", "once", payment_method_data=data, payment_method=None))

    async with shell.database.reading() as connection:
        assert (await connection.execute(select(payment_methods.c.id))).scalars().all() == []


@pytest.mark.parametrize(("says", "kept"), [(Approved(), "nti_1"), (STOPPED, None)], ids=["approved", "declined"])
async def test_later_charges_refer_to_one_that_was_approved(
    shell: Shell, bank: Bank, card: str, says: Outcome, kept: str | None
) -> None:
    bank.says, bank.network_transaction_id = says, "nti_1"

    await charged(shell, card)

    async with shell.database.reading() as connection:
        assert await connection.scalar(select(payment_methods.c.network_transaction_id)) == kept


async def test_a_refund_that_is_refused_counts_nothing_against_the_card(shell: Shell, bank: Bank, card: str) -> None:
    paid = await charged(shell, card)
    bank.says = STOPPED
    await refund(shell, wish(Operation.REFUND, paid, "back"), RefundRequest())
    bank.says = Approved()

    assert await status_of(shell, await charged(shell, card, "again")) is Status.CAPTURED


def test_it_goes_by_the_figures_and_rates_of_its_own_mode(shell: Shell) -> None:
    at = replace(shell, figures=cast("FigureBoard", Board()))

    assert allowed(at, LIVE, eur(1000)).figures.version == LIVE_FIGURES
    rates = {Currency.EUR: Fraction(1)}
    by_rule = replace(ruleset({"name": "never", **NEVER}), rates=rates)
    told = replace(shell, directory=cast("Directory", Rated(None, rules=by_rule)))
    assert settlement_terms(told, operation(livemode=True))[1] == rates


@pytest.mark.parametrize("refuses", [False, True])
async def test_of_two_at_once_under_one_key_the_slower_is_answered_what_the_faster_was(
    shell: Shell, bank: Bank, card: str, *, refuses: bool
) -> None:
    at = replace(shell, directory=cast("Directory", Live(bank, refuses=refuses)))
    faster: list[Reply] = []

    async def overtaken(_values: Mapping[str, Any]) -> None:
        if not faster:
            faster.append(await charge(at, wanted(shell, card, "once")))

    slower = await charge(meanwhile(at, before=overtaken), wanted(shell, card, "once"))

    assert [answer(slower)] == [(one.status, one.body, True) for one in faster]
    assert len(bank.asked) == (not refuses)


async def test_a_refund_is_made_once(shell: Shell, bank: Bank, card: str) -> None:
    paid = await charged(shell, card)
    half = RefundRequest(amount=600)
    first = await refund(shell, wish(Operation.REFUND, paid, "back"), half)

    again = await refund(shell, wish(Operation.REFUND, paid, "back"), half)

    assert (answer(again), len(bank.asked)) == ((201, first.body, True), 2)
    assert first.location == again.location == f"/v1/refunds/{bank.asked[-1]}"
    with pytest.raises(ProblemError, match="400 is left"):
        await refund(shell, wish(Operation.REFUND, paid, "more"), half)


async def test_refunds_that_are_not_known_are_found_out_on_the_way_to_the_next(
    shell: Shell, bank: Bank, card: str
) -> None:
    paid = await charged(shell, card)
    bank.says = SILENCE
    for key in ("one", "other"):
        assert (await refund(shell, wish(Operation.REFUND, paid, key), RefundRequest(amount=300))).status == 202
    bank.says = Approved()
    async with shell.database.transaction() as connection:  # Who reads waits a while before it asks once more.
        await connection.execute(operations.update().values(lease_until=operations.c.started_at))

    await refund(shell, wish(Operation.REFUND, paid, "rest"), RefundRequest())

    made = [(one.money.minor, one.status) for one in (await operations_of(shell.database, paid))[1:]]
    assert made == [(minor, OperationStatus.APPROVED) for minor in (300, 300, 400)]


async def test_of_two_refunds_at_once_under_one_key_the_slower_is_answered_what_the_faster_was(
    shell: Shell, bank: Bank, card: str
) -> None:
    paid = await charged(shell, card)
    back = wish(Operation.REFUND, paid, "back")
    faster: list[Reply] = []

    async def overtaken(_values: Mapping[str, Any]) -> None:
        if not faster:
            faster.append(await refund(shell, back, RefundRequest(amount=300)))

    slower = await refund(meanwhile(shell, before=overtaken), back, RefundRequest(amount=300))

    assert [answer(slower)] == [(one.status, one.body, True) for one in faster]
    assert len(bank.asked) == 2


async def test_a_capture_is_made_once(shell: Shell, bank: Bank, card: str) -> None:
    paid = await charged(shell, card, capture="manual")
    first = await capture(shell, wish(Operation.CAPTURE, paid, "take"), CaptureRequest())

    again = await capture(shell, wish(Operation.CAPTURE, paid, "take"), CaptureRequest())

    assert (answer(again), len(bank.asked)) == ((200, first.body, True), 2)
    assert await status_of(shell, paid) is Status.CAPTURED


async def test_a_cancel_is_made_once(shell: Shell, bank: Bank, card: str) -> None:
    paid = await charged(shell, card, capture="manual")
    first = await carry_out(shell, wish(Operation.VOID, paid, "stop"))

    again = await carry_out(shell, wish(Operation.VOID, paid, "stop"))

    assert (answer(again), len(bank.asked)) == ((200, first.body, True), 2)
    assert await status_of(shell, paid) is Status.CANCELED


async def test_what_is_not_known_is_found_out(shell: Shell, bank: Bank, card: str) -> None:
    bank.says = SILENCE
    paid = await charged(shell, card)
    assert await status_of(shell, paid) is Status.PROCESSING
    bank.says = Approved()

    await resolve_now(shell, [await attempt_of(shell, paid)])

    assert await status_of(shell, paid) is Status.CAPTURED


async def test_what_is_not_known_is_found_out_on_the_way_to_its_capture(shell: Shell, bank: Bank, card: str) -> None:
    bank.says = SILENCE
    paid = await charged(shell, card, capture="manual")
    bank.says = Approved()

    reply = await capture(shell, wish(Operation.CAPTURE, paid, "take"), CaptureRequest())

    assert (reply.status, await status_of(shell, paid)) == (200, Status.CAPTURED)


async def test_a_webhook_that_overtakes_the_answer_answers_the_key(shell: Shell, bank: Bank, card: str) -> None:
    async def overtaken(request: Authorize) -> None:
        told = report(Operation.PURCHASE, minor=1000, tag=request.operation_id, livemode=True)
        assert await record_delivered(shell, "ma_1", told, "webhook") is not None

    bank.before = overtaken
    first = await charge(shell, wanted(shell, card, "once"))

    again = await charge(shell, wanted(shell, card, "once"))

    assert (first.status, first.replayed, answer(again)) == (201, False, (201, first.body, True))


async def test_a_cancel_of_what_is_not_known_comes_true(shell: Shell, bank: Bank, card: str) -> None:
    bank.says = SILENCE
    paid = await charged(shell, card, capture="manual")
    accepted = await carry_out(shell, wish(Operation.VOID, paid, "stop"))
    bank.says = Approved()
    attempt = await find_operation(shell.database, (await attempt_of(shell, paid)).id)
    assert attempt is not None
    told = report(Operation.AUTHORIZE, minor=1000, tag=attempt.id, livemode=True)

    await record_delivered(shell, "ma_1", told, "webhook")
    await cancel_due(shell)

    assert (accepted.status, await status_of(shell, paid)) == (202, Status.CANCELED)


async def test_a_cancel_while_the_payers_answer_may_be_on_its_way_is_a_wish(
    shell: Shell, bank: Bank, card: str
) -> None:
    at = replace(shell, directory=cast("Directory", Live(bank, replace(ONCE, inquiry=Inquiry.REPLAY))))
    bank.says = CHALLENGE
    paid = await charged(at, card, return_url="https://shop.example/done")
    await claim(at.database, await attempt_of(at, paid), due_s=60.0, lease_s=0.0)

    reply = await carry_out(at, wish(Operation.VOID, paid, "stop"))

    assert (reply.status, await status_of(at, paid)) == (202, Status.PROCESSING)


async def test_a_challenge_that_nobody_answered_ends(shell: Shell, bank: Bank, card: str) -> None:
    bank.says = CHALLENGE
    paid = await charged(shell, card, return_url="https://shop.example/done")
    later = replace(shell, clock=lambda: shell.clock() + 2 * shell.settings.challenge_expiry)
    async with shell.database.transaction() as connection:
        await connection.execute(operations.update().values(lease_until=operations.c.started_at))
    bank.says = STOPPED

    await inquire(later, await attempt_of(shell, paid))

    assert await status_of(shell, paid) is Status.FAILED


async def test_what_other_hands_gave_back_and_is_told_twice_at_once_is_counted_once(shell: Shell, card: str) -> None:
    paid = await charged(shell, card)
    parent = (await attempt_of(shell, paid)).processor_reference
    told = report(Operation.REFUND, minor=300, processor_reference="re_1", parent_reference=parent, livemode=True)
    faster: list[object] = []

    async def overtaken(_values: Mapping[str, Any]) -> None:
        if not faster:
            faster.append(await record_delivered(shell, "ma_1", told, "webhook"))

    await record_delivered(meanwhile(shell, before=overtaken), "ma_1", told, "webhook")

    async with shell.database.reading() as connection:
        assert await connection.scalar(select(payments.c.refunded_externally_minor)) == 300


async def test_what_other_hands_gave_back_is_counted_once(shell: Shell, card: str) -> None:
    paid = await charged(shell, card)
    parent = (await attempt_of(shell, paid)).processor_reference
    told = report(Operation.REFUND, minor=300, processor_reference="re_1", parent_reference=parent, livemode=True)

    for _ in range(2):
        await record_delivered(shell, "ma_1", told, "webhook")

    async with shell.database.reading() as connection:
        assert await connection.scalar(select(payments.c.refunded_externally_minor)) == 300
    made = [one for one in await operations_of(shell.database, paid) if one.external]
    assert [(one.status, one.livemode) for one in made] == [(OperationStatus.APPROVED, True)]
