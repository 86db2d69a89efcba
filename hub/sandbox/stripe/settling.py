"""Closing a batch at the pretend Stripe: what is available is paid out, with what a test wants wrong about it."""

from collections.abc import Iterator
from typing import Any

from hub.sandbox.batches import Batch, Batches, Paid
from hub.sandbox.book import Body
from hub.sandbox.closing import Close, Troubles, paid_out
from hub.sandbox.lines import OTHER_MINOR
from hub.sandbox.processor import RefusedError, Sandbox
from hub.sandbox.stripe import balances, cards, objects, payouts, reports
from hub.sandbox.stripe.call import Call

REPORTS = ("itemized", "payouts")


def close(sandbox: Sandbox, order: Close) -> Batch:
    """
    Pay out what has become available, one payout for each currency in which something is left.

    Raises:
        RefusedError: when nothing is.

    """
    call, troubles, batches = Call(sandbox, order.account), order.troubles, Batches(sandbox.book)
    if troubles.restate:
        return _restate(call, batches, troubles)
    left_out = set(troubles.leave_out)
    lines = [
        line for line in payouts.unpaid(call) if line["available_on"] <= call.now() and line["_tag"] not in left_out
    ]
    currency = troubles.currency.lower() or (lines[0]["currency"] if lines else "")
    lines = _dearer(call, lines, troubles.fee_extra)
    if currency:
        lines += _troubled(call, troubles, currency)
    made = [_payout(call, lines, name, sum_) for name, sum_ in paid_out(_sums(lines), troubles, currency).items()]
    paid = [Paid(id=one["id"], currency=one["currency"].upper(), amount_minor=one["amount"]) for one in made]
    named = {one["currency"] for one in made}
    count = sum(line["currency"] in named for line in lines)
    batch = Batch(
        id=batches.next_id(), account=order.account, closed_at=sandbox.clock.now(), payouts=tuple(paid), lines=count
    )
    batches.keep(batch)
    return batch


def report(sandbox: Sandbox, batch: Batch, kind: str) -> str:
    """Write a batch's report, as if it had been asked for as a report run."""
    call = Call(sandbox, batch.account)
    made = [call.find("payout", paid.id) for paid in batch.payouts]
    return reports.payouts(call, made) if kind == "payouts" else reports.itemized(call, made)


def _payout(call: Call, lines: list[Body], currency: str, amount: int) -> Body:
    made = payouts.send(call, [line for line in lines if line["currency"] == currency], amount, currency)
    return payouts.go_on(call, made, "reconciliation_completed")


def _sums(lines: list[Body]) -> dict[str, int]:
    left: dict[str, int] = {}
    for line in lines:
        left[line["currency"]] = left.get(line["currency"], 0) + line["net"]
    return left


def _dearer(call: Call, lines: list[Body], extra: dict[str, int]) -> list[Body]:
    """Charge more for the charges that are named."""
    found = []
    for line in lines:
        more = extra.get(line["_tag"], 0) if line["type"] == "charge" else 0
        found.append(_with_fee(call, line, line["fee"] + more) if more else line)
    return found


def _with_fee(call: Call, line: Body, fee: int) -> Body:
    told = {"fee": fee, "net": line["amount"] - fee, "fee_details": objects.fee_details(fee, line["currency"])}
    changed = {**line, **told}
    call.save(changed)
    return changed


def _troubled(call: Call, troubles: Troubles, currency: str) -> Iterator[Body]:
    """Make the lines that belong to nothing the merchant did."""
    nothing: Body = {"id": None, "currency": currency}
    if amount := troubles.unknown_charge:
        yield balances.enter(call, "charge", _stranger(call, amount, currency), amount)
    if amount := troubles.unknown_refund:
        refund = objects.refund(_stranger(call, amount, currency), amount, call.now())
        call.save(refund)
        yield balances.enter(call, "refund", refund, -amount)
    if troubles.reserve:
        yield balances.enter(call, "reserve_transaction", nothing, -troubles.reserve)
    if troubles.raw_type:
        yield balances.enter(call, troubles.raw_type, nothing, OTHER_MINOR)


def _stranger(call: Call, amount: int, currency: str) -> Body:
    """Make a charge for a PaymentIntent that nobody knows."""
    card = cards.BY_NAME["visa"]
    intent = objects.payment_intent(amount, currency, call.now())
    charge = objects.charge(intent, objects.payment_method(card, call.now()), card, call.now(), challenged=False)
    call.save(charge)
    return charge


def _restate(call: Call, batches: Batches, troubles: Troubles) -> Batch:
    """Tell the newest batch once more with other fees; its payouts are then what was due, not what was paid."""
    batch = next(batches.newest(call.account), None)
    if batch is None:
        raise RefusedError("no batch of this account has been closed that could be told again")
    lines = {paid: list(call.book.newest(balances.KIND, call.account, parent=paid.id)) for paid in batch.payouts}
    charges = [line for of in lines.values() for line in reversed(of) if line["type"] == "charge"]
    extra = troubles.fee_extra or {line["_tag"]: 1 for line in charges[:1]}
    now = [
        _corrected(call, paid, sum(line["net"] for line in _dearer(call, of, extra)) - sum(line["net"] for line in of))
        for paid, of in lines.items()
    ]
    if tuple(now) == batch.payouts:
        raise RefusedError("troubles.fee_extra: the newest batch has no charge of that tag")
    batch = Batch(
        id=batch.id, account=batch.account, closed_at=batch.closed_at, payouts=tuple(now), lines=batch.lines,
        told=batch.told + 1,
    )  # fmt: skip
    batches.keep(batch)
    return batch


def _corrected(call: Call, paid: Paid, changed: int) -> Paid:
    """Let a payout be what its lines now come to."""
    if not changed:
        return paid
    made: dict[str, Any] = call.find("payout", paid.id)
    line = call.find(balances.KIND, made["balance_transaction"])
    made["amount"] += changed
    line.update(amount=-made["amount"], net=-made["amount"])
    call.save(made)
    call.save(line)
    call.tell("payout.reconciliation_completed", of=made)
    return Paid(id=paid.id, currency=paid.currency, amount_minor=made["amount"])
