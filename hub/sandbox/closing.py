"""Settling what moved: a batch is closed, paid out and reported; on demand with what can be wrong about one."""

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.batches import Batch, Batches, Paid
from hub.sandbox.book import Body
from hub.sandbox.lines import OTHER_MINOR, Digits, Line, dearer, line_of, of_account, sums
from hub.sandbox.processor import RefusedError, Sandbox
from hub.sandbox.terms import Terms


class Troubles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What shall be wrong with a batch; amounts in the processor's minor units of `currency`, else of the first payout's.

    `short_payout`: the payout is that much less than its lines. `leave_out`: these tags wait for the next batch.
    `unknown_charge` and `unknown_refund`: lines for payments that nobody knows. `fee_extra`: charges, by tag, that cost
    more than agreed. `reserve`: kept back as a security. `raw_type`: one line more, under that word. `restate`: the
    newest batch is told again with other fees, by `fee_extra`, else of one unit more on its first charge.
    """

    short_payout: int = 0
    leave_out: tuple[str, ...] = ()
    unknown_refund: int = 0
    unknown_charge: int = 0
    restate: bool = False
    fee_extra: dict[str, int] = {}
    reserve: int = 0
    raw_type: str = ""
    currency: str = ""


class Close(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /_control/settlements`: settle what an account has to settle by now."""

    account: str
    do: Literal["close"] = "close"
    troubles: Troubles = Troubles()


class Clerk(Struct, frozen=True, kw_only=True):
    """What closing a batch asks of a processor; `facts` are those of a payment by its reference."""

    terms: Callable[[str], Terms]
    digits: Digits
    facts: Callable[[str], Body]
    new_payout: Callable[[], str]
    stranger: Callable[[Line], Line]


def close(sandbox: Sandbox, clerk: Clerk, order: Close) -> Batch:
    """
    Close a batch of what the book says has moved and is due; a currency in which nothing is left over waits.

    Raises:
        RefusedError: when there is nothing to pay out.

    """
    if order.troubles.restate:
        return _restate(sandbox, order)
    batches, now, terms = Batches(sandbox.book), sandbox.clock.now(), clerk.terms(order.account)
    due = [
        moved
        for moved in batches.unsettled(order.account)
        if moved.settles_at(terms) <= now and moved.name not in order.troubles.leave_out
    ]
    settled = [
        (moved.seq, dearer(line_of(moved, terms, clerk.digits, clerk.facts(moved.payment)), order.troubles.fee_extra))
        for moved in due
    ]
    lines = [line for _, line in settled]
    currency = order.troubles.currency or (lines[0].currency if lines else "")
    lines += _troubled(order.troubles, clerk, currency, now)
    paid = paid_out(sums(lines), order.troubles, currency)
    batch = Batch(
        id=batches.next_id(), account=order.account, closed_at=now,
        payouts=tuple(Paid(id=clerk.new_payout(), currency=name, amount_minor=sum_) for name, sum_ in paid.items()),
        lines=sum(line.currency in paid for line in lines),
    )  # fmt: skip
    seqs = (seq for seq, line in settled if line.currency in paid)
    batches.keep(batch, [line for line in lines if line.currency in paid], seqs)
    return batch


def paid_out(left: dict[str, int], troubles: Troubles, currency: str) -> dict[str, int]:
    """
    Return what goes to the bank of what is *left* in each currency; one in which nothing is waits.

    Raises:
        RefusedError: when nothing goes.

    """
    paid = {name: sum_ - (troubles.short_payout if name == currency else 0) for name, sum_ in left.items() if sum_ > 0}
    if not paid or min(paid.values()) < 1:
        told = ", ".join(f"{sum_} {name}" for name, sum_ in left.items()) or "nothing has settled"
        raise RefusedError(f"there is nothing to pay out: {told}")
    return paid


def _troubled(troubles: Troubles, clerk: Clerk, currency: str, now: float) -> Iterator[Line]:
    """Make the lines that belong to nothing the merchant did."""
    if not currency:
        return
    if troubles.unknown_charge:
        yield clerk.stranger(of_account("charge", troubles.unknown_charge, currency, now))
    if troubles.unknown_refund:
        yield clerk.stranger(of_account("refund", -troubles.unknown_refund, currency, now))
    if troubles.reserve:
        yield of_account("reserve", -troubles.reserve, currency, now)
    if troubles.raw_type:
        yield of_account("other", OTHER_MINOR, currency, now, troubles.raw_type)


def _restate(sandbox: Sandbox, order: Close) -> Batch:
    """Tell the newest batch once more with other fees; its payouts are then what was due, not what was paid."""
    batches = Batches(sandbox.book)
    batch = next(batches.newest(order.account), None)
    if batch is None:
        raise RefusedError("no batch of this account has been closed that could be told again")
    before = list(batches.lines(batch.id))
    first = next((line.name for line in before if line.kind == "charge"), "")
    lines = [dearer(line, order.troubles.fee_extra or {first: 1}) for line in before]
    if lines == before:
        raise RefusedError("troubles.fee_extra: the newest batch has no charge of that tag")
    changes = {name: sum_ - sums(before)[name] for name, sum_ in sums(lines).items()}
    payouts = tuple(replace(paid, amount_minor=paid.amount_minor + changes[paid.currency]) for paid in batch.payouts)
    batch = replace(batch, payouts=payouts, told=batch.told + 1)
    batches.keep(batch, lines)
    return batch
