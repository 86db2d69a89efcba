"""What a human books about money in suspense, and what finds its place by itself: never cleared twice in silence."""

from collections.abc import Mapping
from typing import Any, cast

import httpx
import pytest
from msgspec.structs import replace

from hub.database import Database, Unit
from hub.payments.recording import record_delivered
from normalization.money import Currency, Money
from normalization.outcome import Approved, Operation, Pending, Report
from tests.hub.exceptions.cabinet import resolve
from tests.hub.house import House
from tests.hub.settlement.cases import Case, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(kind: Operation, minor: int, reference: str, **named: str) -> Report:
    """Write what Stripe says that was done."""
    return Report(
        kind=kind,
        tag=named.get("tag"),
        processor_reference=reference,
        parent_reference=named.get("parent"),
        money=Money(minor, Currency.USD),
        livemode=False,
        outcome=Approved(),
    )


async def refunded_early(case: Case) -> tuple[Report, dict[str, Any]]:
    """A refund of 40.00 told before its charge, in suspense with an exception; gives what tells of the charge."""
    sent = await case.books.tell(await case.books.sent(10_000), Pending(), reference=f"pi_{case.account}")
    charge = said(Operation.PURCHASE, 10_000, f"pi_{case.account}", tag=sent.operation.id)
    refund = said(Operation.REFUND, 4_000, f"re_{case.account}", parent=f"pi_{case.account}")
    await record_delivered(case.made.hub.parts.shell, case.account, refund, "webhook")
    (early,) = await case.exceptions()
    return charge, early


async def written_off(case: Case, exception: dict[str, Any]) -> httpx.Response:
    held = f"suspense:{case.account}"
    return await resolve(case.made.hub, exception["id"], debit="write_offs", credit=held, amount=4_000)


async def test_what_a_human_wrote_off_and_a_late_capture_covers_is_told_to_a_human(quiet: House) -> None:
    """Suspense had paid for the refund of a charge that nobody knew of yet; it must not be cleared twice in silence."""
    case = await open_case(quiet)
    charge, early = await refunded_early(case)
    await written_off(case, early)

    await record_delivered(quiet.hub.parts.shell, case.account, charge, "webhook")

    (found,) = await case.exceptions()
    assert (await case.postings())["suspense", "USD"] == -4_000
    assert (found["type"], found["payment"]) == ("amount_mismatch", early["payment"])
    assert "where a human had booked 40.00 USD before" in found["detail"]


class HumanFirst:
    """A database before whose next commit a human settles an exception."""

    def __init__(self, case: Case, exception: dict[str, Any]) -> None:
        self._case = case
        self._exception: dict[str, Any] | None = exception

    def __getattr__(self, name: str) -> Any:
        """Do the rest as ever."""
        return getattr(self._case.made.hub.parts.database, name)

    async def run(self, unit: Unit, values: Mapping[str, Any]) -> None:
        """Commit, after the human."""
        exception, self._exception = self._exception, None
        if exception is not None:
            await written_off(self._case, exception)
        await self._case.made.hub.parts.database.run(unit, values)


async def test_what_a_human_writes_off_while_a_capture_is_recorded_is_told_to_a_human(quiet: House) -> None:
    case = await open_case(quiet)
    charge, early = await refunded_early(case)
    shell = replace(quiet.hub.parts.shell, database=cast("Database", HumanFirst(case, early)))

    await record_delivered(shell, case.account, charge, "webhook")

    assert (await case.postings())["suspense", "USD"] == -4_000
    assert [one["type"] for one in await case.exceptions()] == ["amount_mismatch"]


async def test_suspense_that_has_been_cleared_by_itself_is_not_cleared_once_more_by_a_human(quiet: House) -> None:
    case = await open_case(quiet)
    charge, early = await refunded_early(case)
    await record_delivered(quiet.hub.parts.shell, case.account, charge, "webhook")

    answer = await written_off(case, early)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "transfer")
    assert "0.00 USD of this payment is left there" in answer.json()["errors"][0]["message"]
    assert ("suspense", "USD") not in await case.postings()


async def test_a_refund_that_mends_a_double_charge_after_a_human_cleared_it_is_told_to_a_human(quiet: House) -> None:
    case, other = await open_case(quiet), await open_case(quiet)
    shell, held = quiet.hub.parts.shell, f"suspense:{case.account}"
    first = await case.books.sent(10_000)
    await case.books.passed_over(first, other.books)
    charged = said(Operation.PURCHASE, 10_000, "pi_twice", tag=first.operation.id)
    await record_delivered(shell, case.account, charged, "webhook")
    (double,) = await case.exceptions()
    await resolve(quiet.hub, double["id"], debit=held, credit="customer_refunds_payable", amount=10_000)

    await record_delivered(
        shell, case.account, said(Operation.REFUND, 10_000, "re_twice", parent="pi_twice"), "webhook"
    )

    assert (await case.postings())["suspense", "USD"] == 10_000
    assert [one["type"] for one in await case.exceptions()] == ["amount_mismatch"]
