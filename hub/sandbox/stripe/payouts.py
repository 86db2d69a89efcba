"""
Payouts: what Stripe sends to the merchant's bank, out of the balance that the balance transactions make.

Source: docs.stripe.com/api/payouts/object, docs.stripe.com/payouts/payout-reconciliation.
"""

from collections.abc import Sequence

from hub.sandbox.book import Body
from hub.sandbox.processor import RefusedError
from hub.sandbox.stripe import balances, objects
from hub.sandbox.stripe.call import Call

ARRIVES_S = 2 * 86_400


def make(call: Call, amount: int | None, currency: str) -> Body:
    """
    Send *amount* to the bank, or all there is in that currency.

    Raises:
        RefusedError: when there is nothing to send.

    """
    lines = call.book.newest(balances.KIND, call.account)
    balance = sum(line["net"] for line in lines if line["currency"] == currency.lower())
    wanted = balance if amount is None else amount
    if wanted < 1:
        raise RefusedError(f"there is nothing to pay out in {currency}: the balance is {balance}")
    waiting = unpaid(call) if amount is None else []
    return send(call, [line for line in waiting if line["currency"] == currency.lower()], wanted, currency.lower())


def unpaid(call: Call) -> list[Body]:
    """List the balance transactions that no payout is made of yet, oldest first."""
    return list(call.book.orphans(balances.KIND, call.account))


def send(call: Call, lines: Sequence[Body], amount: int, currency: str) -> Body:
    """
    Send *amount* to the bank, made of *lines*.

    Without lines it is one of the merchant's own: Stripe tells of none what it is made of, and the next payout that is
    made of lines has it among them.
    """
    made = objects.payout(amount, currency, call.now(), arrives_at=call.now() + ARRIVES_S)
    line = balances.enter(call, "payout", made, -amount)
    made["balance_transaction"] = line["id"]
    call.save(made)
    if lines:
        call.book.adopt(balances.KIND, (line["id"], *(one["id"] for one in lines)), made["id"])
    call.tell("payout.created", of=made)
    return made


def go_on(call: Call, made: Body, status: str) -> Body:
    """
    Take a payout as far as *status*.

    Raises:
        RefusedError: when it has failed, or is that far already.

    """
    if made["status"] == "failed":
        raise RefusedError("the payout has failed")
    match status:
        case "failed":
            _fail(call, made)
        case "paid" | "reconciliation_completed":
            _pay(call, made, reconciled=status != "paid")
    return made


def _pay(call: Call, made: Body, *, reconciled: bool) -> None:
    if made["reconciliation_status"] == "completed" or (made["status"] == "paid" and not reconciled):
        raise RefusedError("the payout is that far already")
    if made["status"] != "paid":
        made["status"] = "paid"
        call.tell("payout.paid", of=made)
    if reconciled:
        made["reconciliation_status"] = "completed"
        call.tell("payout.reconciliation_completed", of=made)
    call.save(made)


def _fail(call: Call, made: Body) -> None:
    line = balances.enter(call, "payout_failure", made, made["amount"])
    told = "The bank account has been closed."
    made.update(
        status="failed", failure_code="account_closed", failure_message=told, failure_balance_transaction=line["id"]
    )
    call.save(made)
    call.tell("payout.failed", of=made)
