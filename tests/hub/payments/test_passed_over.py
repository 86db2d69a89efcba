"""What becomes of an attempt when another account takes over: what it left, what is written of it, what is counted."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import select, update

from adapters.contract import Authorize, FollowUp, Inquiry, Recurring
from adapters.errors import NotSentError, OutcomeUnknownError
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.merchants.service import Directory
from hub.payment_methods.tables import payment_methods
from hub.payments import asking
from hub.payments.asked import PaymentRequest, RefundRequest
from hub.payments.charging import charge
from hub.payments.follow_ups import Wish, carry_out, refund
from hub.payments.jobs import cancel_due
from hub.payments.opening import Charge
from hub.payments.recording import record_delivered
from hub.payments.shell import Shell
from hub.payments.states import OperationStatus
from hub.payments.store import operations_of
from hub.payments.tables import operations, reports
from hub.retries.rules import Advised, Print
from normalization.declines import Decline, DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Report
from normalization.verdicts import Policy
from routing.account_index import AccountIndex
from routing.health import FAILED_IN_A_ROW
from routing.plan import Snapshot
from tests.hub.payments.bare import ONCE, Account, bare
from tests.hub.payments.making import NO_FUNDS, report
from tests.hub.payments.test_standing_still import ADMIN
from tests.hub.retries.test_store import method
from tests.routing.samples import account

DOWN = Declined(Decline(code=DeclineCode.ISSUER_UNAVAILABLE, processor_code="91"))
CARD, SHOWN = "4242424242424242", b"424242******4242"
SILENCE = OutcomeUnknownError("adyen", "silence")
NOBODY_THERE = NotSentError("stripe", "refused")
REPLAY = replace(ONCE, inquiry=Inquiry.REPLAY)


class Bank(Struct):
    """An adapter of one account that says what a test wants, and notes what it is asked to cancel."""

    says: Outcome | Exception = Approved()
    asked: list[Authorize] = field(default_factory=list)
    cancelled: list[tuple[str, str | None]] = field(default_factory=list)
    followed: list[FollowUp] = field(default_factory=list)
    cancels: bool = True

    async def authorize(self, request: Authorize) -> Report:
        """Charge."""
        self.asked.append(request)
        if isinstance(self.says, Exception):
            raise self.says
        name = f"pi_{len(self.asked)}"
        return report(request.operation, self.says, 1000, tag=request.operation_id, processor_reference=name)

    async def follow_up(self, request: FollowUp) -> Report:
        """Capture, void or refund."""
        self.followed.append(request)
        return report(request.operation, minor=request.money.minor, tag=request.operation_id)

    async def inquire(self, request: Authorize) -> Report:
        """Say what became of it, where that is known."""
        if isinstance(self.says, Exception):
            raise self.says
        return report(request.operation, self.says, 1000, tag=request.operation_id, processor_reference="pi_1")

    async def cancel_by_reference(self, request: Authorize) -> None:
        """Cancel it, unless it does not answer."""
        self.cancelled.append((request.operation_id, request.processor_reference))
        if not self.cancels:
            raise OutcomeUnknownError("stripe", "silence")


class Two(Struct, frozen=True):
    """A directory of an account at each of two processors; one without an adapter is gone since it was planned."""

    accounts: Mapping[str, Account]

    def connected(self, account_id: str) -> Account | None:
        """Give the account, if it is there still."""
        found = self.accounts[account_id]
        return found.connected(account_id)

    async def find(self, account_id: str) -> Account | None:
        """Give the account, if it is there still."""
        return self.connected(account_id)

    def routing(self, *, livemode: bool) -> Snapshot:
        """Give both of them to routing, the first one first."""
        both = [account("ma_1", "stripe"), account("ma_2", "adyen")]
        return Snapshot(accounts=AccountIndex(both), version=int(livemode))


@pytest.fixture
def first() -> Bank:
    return Bank(DOWN)


@pytest.fixture
def second() -> Bank:
    return Bank()


@pytest.fixture
async def opened(sqlite_url: str) -> AsyncIterator[Shell]:
    async with bare(sqlite_url) as made:
        yield made


@pytest.fixture
def shell(opened: Shell, first: Bank, second: Bank) -> Shell:
    """Two processors that can be looked up."""
    return with_two(opened, Account(first), Account(second))


def with_two(shell: Shell, one: Account, other: Account) -> Shell:
    return replace(shell, directory=cast("Directory", Two({"ma_1": one, "ma_2": other})))


def wish(kind: Operation, payment_id: str) -> Wish:
    key = Key(key=new_id("key_"), fingerprint=b"asked", location=f"/v1/payments/{payment_id}")
    return Wish(kind=kind, payment_id=payment_id, caller=ADMIN, key=key, request_id="req_1", reserve=asking.cancel)


async def wanted(shell: Shell, **changes: Any) -> Charge:
    """A charge of a card that both processors know."""
    card = await method(shell.database, Print("stripe", "", "fp_1"), Print("adyen", "", "fp_1"))
    asked: dict[str, Any] = {"amount": 1000, "currency": Currency.EUR, "reference": new_id("invoice-")} | changes
    made = new_id("pay_")
    return Charge(
        request=PaymentRequest(payment_method=card, **asked),
        caller=ADMIN,
        key=Key(key=made, fingerprint=b"asked", location=f"/v1/payments/{made}"),
        payment_id=made,
        request_id="req_1",
        began_at=shell.clock(),
    )


async def charged(shell: Shell) -> list[tuple[str, OperationStatus]]:
    """Charge; gives where it was tried and what came of it, when all is done."""
    wish = await wanted(shell)
    await charge(shell, wish)
    await asyncio.gather(*shell.running)
    return [(one.merchant_account, one.status) for one in await operations_of(shell.database, wish.payment_id)]


TAKEN_OVER = [("ma_1", OperationStatus.DECLINED), ("ma_2", OperationStatus.APPROVED)]


async def test_what_it_left_at_its_processor_is_cancelled_there_and_nothing_else(
    shell: Shell, first: Bank, second: Bank
) -> None:
    assert await charged(shell) == TAKEN_OVER

    assert first.cancelled == [(first.asked[0].operation_id, "pi_1")]
    assert second.cancelled == []


async def test_where_sending_again_is_all_that_can_be_done_nothing_was_left(
    opened: Shell, first: Bank, second: Bank
) -> None:
    assert await charged(with_two(opened, Account(first, REPLAY), Account(second))) == TAKEN_OVER

    assert (first.cancelled, second.cancelled) == ([], [])


async def test_what_could_not_be_cancelled_keeps_nobody_from_going_on(shell: Shell, first: Bank) -> None:
    first.cancels = False

    assert await charged(shell) == TAKEN_OVER

    assert len(first.cancelled) == 1


async def test_an_account_that_is_gone_since_the_plan_is_passed_over(opened: Shell, second: Bank) -> None:
    assert await charged(with_two(opened, Account(None), Account(second))) == TAKEN_OVER


async def test_what_is_kept_of_it_shows_no_card_number(shell: Shell, first: Bank) -> None:
    """All of the database is searched for such when a test is over."""
    first.says = Declined(replace(DOWN.decline, processor_advice=f"{CARD} is not answering"))

    assert await charged(shell) == TAKEN_OVER

    async with shell.database.reading() as connection:
        kept = (await connection.execute(select(reports.c.report))).scalars().all()
        told = (await connection.execute(select(operations.c.decline))).scalars().all()
    assert [SHOWN in one for one in kept if CARD[:6].encode() in one] == [True]
    assert [SHOWN in one for one in told if one] == [True]


async def test_nor_does_what_is_told_of_the_end(shell: Shell, first: Bank) -> None:
    first.says = Declined(Decline(code=DeclineCode.EXPIRED_CARD, processor_code=f"{CARD} is past its date"))

    reply = await charge(shell, await wanted(shell))

    assert (SHOWN in reply.body, CARD.encode() in reply.body) == (True, False)


async def test_accounts_that_cannot_be_reached_are_kept_away_from_although_others_take_over(
    shell: Shell, first: Bank
) -> None:
    first.says = NOBODY_THERE

    for _ in range(FAILED_IN_A_ROW):
        assert await charged(shell) == [("ma_1", OperationStatus.NOT_SENT), ("ma_2", OperationStatus.APPROVED)]

    assert await charged(shell) == [("ma_2", OperationStatus.APPROVED)]


async def test_what_follows_goes_to_the_account_that_took_over(shell: Shell, first: Bank, second: Bank) -> None:
    asked = await wanted(shell)
    await charge(shell, asked)

    await refund(shell, wish(Operation.REFUND, asked.payment_id), RefundRequest(amount=400))

    assert [(one.operation, one.parent_reference) for one in second.followed] == [(Operation.REFUND, "pi_1")]
    assert first.followed == []


async def test_so_does_a_cancel_that_had_to_wait(shell: Shell, first: Bank, second: Bank) -> None:
    second.says = SILENCE
    asked = await wanted(shell, capture="manual")
    await charge(shell, asked)
    second.says = Approved()
    await carry_out(shell, wish(Operation.VOID, asked.payment_id))  # Which finds out first what came of it.

    assert ([one.operation for one in second.followed], first.followed) == ([Operation.VOID], [])
    assert [one.merchant_account for one in await operations_of(shell.database, asked.payment_id)] == [
        "ma_1",
        "ma_2",
        "ma_2",
    ]


async def test_a_wish_to_cancel_is_carried_out_there_too(shell: Shell, first: Bank, second: Bank) -> None:
    second.says = SILENCE
    asked = await wanted(shell, capture="manual")
    await charge(shell, asked)
    await carry_out(shell, wish(Operation.VOID, asked.payment_id))
    told = report(Operation.AUTHORIZE, minor=1000, tag=second.asked[0].operation_id, processor_reference="pi_1")
    assert await record_delivered(shell, "ma_2", told, "webhook") is not None
    second.says = Approved()

    await cancel_due(shell)

    assert ([one.parent_reference for one in second.followed], first.followed) == (["pi_1"], [])


async def test_a_cancel_stops_the_challenge_of_the_account_that_took_over(
    opened: Shell, first: Bank, second: Bank
) -> None:
    second.says = ActionRequired(method="GET", url="https://bank.example/challenge", continuation="")
    shell = with_two(opened, Account(first), Account(second, REPLAY))
    asked = await wanted(shell, return_url="https://shop.example/done")
    await charge(shell, asked)
    await asyncio.gather(*shell.running)

    await carry_out(shell, wish(Operation.VOID, asked.payment_id))

    assert [name for name, _ in second.cancelled] == [second.asked[0].operation_id]


async def test_its_decline_keeps_what_was_advised(shell: Shell) -> None:
    asked = await wanted(shell)
    await charge(shell, asked)

    decline = (await operations_of(shell.database, asked.payment_id))[0].decline

    assert isinstance(decline, Advised)
    assert decline.retry is not None


@pytest.mark.parametrize(("elsewhere", "tried"), [(False, 1), (True, 2)])
async def test_a_card_without_funds_goes_elsewhere_where_that_is_set(
    shell: Shell, first: Bank, *, elsewhere: bool, tried: int
) -> None:
    first.says = NO_FUNDS
    settings = replace(shell.settings, failover_insufficient_funds=elsewhere)

    assert len(await charged(replace(shell, settings=settings))) == tried


async def test_a_merchants_policy_keeps_a_decline_where_it_is(shell: Shell) -> None:
    policy = Policy(no_failover=frozenset({DOWN.decline.code}))

    assert len(await charged(replace(shell, settings=replace(shell.settings, decline_policy=policy)))) == 1


@pytest.mark.parametrize("changes", [{"off_session": True}, {"recurring": Recurring.SUBSEQUENT}, {}], ids=str)
async def test_a_later_charge_without_its_payer_refers_to_the_first_at_every_account(
    shell: Shell, first: Bank, second: Bank, changes: dict[str, Any]
) -> None:
    asked = await wanted(shell, **changes)
    async with shell.database.transaction() as connection:
        await connection.execute(update(payment_methods).values(network_transaction_id="nti_1"))

    await charge(shell, asked)

    sent = [one.network_transaction_id for one in (*first.asked, *second.asked)]
    assert sent == ["nti_1" if changes else None] * 2
