"""A balance as a processor states it is held against our books, and what is off becomes an exception."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.banking.payouts import payouts, returned_minor
from hub.banking.tables import processor_balances
from hub.exceptions.opening import OPEN, Opening
from hub.exceptions.store import close, open_exceptions
from hub.ids import new_id
from hub.ledger import chart
from hub.ledger.store import Wanted, totals
from hub.payments.shell import Shell
from hub.settlement.balances import Books, Drift, compare
from hub.settlement.tables import exceptions, expected_settlements, settlement_matches
from hub.settlement.turns import take_turn
from normalization.money import written

AGREES = "balance_agrees"
TOLD_AGAIN = "told_again"
_HELD = chart.receivable, chart.bank_clearing, chart.bank, chart.reserve


class Stated(Struct, frozen=True, kw_only=True):
    """What a processor says that it held for an account at an instant, in minor units by currency."""

    merchant_account: str
    as_of: datetime
    held: Mapping[str, int]


class BalanceBody(Struct, frozen=True, kw_only=True):
    """One currency: what the processor `held`, what our books say that it `owed`, and how far that is apart.

    Of `owed` the processor may have kept `fees_unsettled` already. `exception` is open while they disagree.
    """

    currency: str
    held: int
    owed: int
    fees_unsettled: int
    drift: int
    exception: str | None


async def check(shell: Shell, caller: Caller, stated: Stated, request_id: str) -> Sequence[BalanceBody]:
    """Compare a balance with our books, in both directions; one older than the last opens and closes nothing."""
    drifts = compare(stated.held, await _books(shell, caller, stated))
    at = shell.clock()
    async with shell.database.transaction() as connection:
        await take_turn(connection, stated.merchant_account)  # Of two balances at once each sees the other's exception.
        newest = await _newest(connection, stated.merchant_account)
        rows = [_row(caller, stated, drift, at) for drift in drifts]
        if rows:
            await connection.execute(insert(processor_balances), rows)
        if newest is None or newest <= stated.as_of:
            await _tell(connection, caller, stated, drifts, at)
        told = {"as_of": stated.as_of.isoformat(), "drift": {one.currency: one.drift_minor for one in drifts}}
        entry = audit_row(
            caller,
            "balance.stated",
            stated.merchant_account,
            told,
            livemode=caller.livemode,
            at=at,
            request_id=request_id,
        )
        await connection.execute(AUDIT, entry)
        standing = await _standing(connection, stated.merchant_account)
    return [_body(drift, standing.get(drift.currency)) for drift in drifts]


async def _books(shell: Shell, caller: Caller, stated: Stated) -> Mapping[str, Books]:
    """Add up what the processor should hold: what it owes and has settled, less what it paid out to our bank.

    What our bank received has left the account of what is on its way, so it counts again before the payouts are taken
    away.
    """
    account = stated.merchant_account
    wanted = Wanted(livemode=caller.livemode, merchant_accounts=frozenset({account}), created_before=stated.as_of)
    owed: dict[str, int] = defaultdict(int)
    names = {name(account) for name in _HELD}
    for (name, currency), sums in (await totals(shell.database, wanted)).items():
        if name in names:
            owed[currency] += sums.debits_minor - sums.credits_minor
    async with shell.database.reading() as connection:
        for payout in await payouts(connection, livemode=caller.livemode, merchant_account=account):
            if payout.paid_on <= stated.as_of.date():
                owed[payout.currency] -= payout.amount_minor
        for currency, minor in (await returned_minor(connection, account, stated.as_of)).items():
            owed[currency] -= minor
        fees = await _unsettled_fees(connection, account)
    return {
        currency: Books(owed_minor=owed[currency], fees_minor=max(fees.get(currency, 0), 0))
        for currency in {*owed, *fees}
        if owed[currency] or fees.get(currency)
    }


async def _unsettled_fees(connection: AsyncConnection, account: str) -> Mapping[str, int]:
    table = expected_settlements.c
    settled = select(settlement_matches.c.expected_id).where(settlement_matches.c.expected_id == table.id).exists()
    fees = func.coalesce(func.sum(table.fee_minor), 0)
    sums = select(table.currency, fees).where(table.merchant_account == account, ~settled)
    return {currency: int(minor) for currency, minor in await connection.execute(sums.group_by(table.currency))}


async def _newest(connection: AsyncConnection, account: str) -> datetime | None:
    newest = select(processor_balances.c.as_of).where(processor_balances.c.merchant_account == account)
    last: datetime | None = await connection.scalar(newest.order_by(processor_balances.c.as_of.desc()).limit(1))
    return last


async def _standing(connection: AsyncConnection, account: str) -> Mapping[str, tuple[str, int]]:
    """Read which currencies are in an open exception about a balance: its id, and how far it was off."""
    table = exceptions.c
    about = table.merchant_account == account, table.type.in_(("balance_over", "balance_short"))
    rows = await connection.execute(
        select(table.currency, table.id, table.variance_minor).where(*about, table.status == OPEN)
    )
    return {currency: (id_, int(off)) for currency, id_, off in rows}


async def _tell(
    connection: AsyncConnection, caller: Caller, stated: Stated, drifts: Sequence[Drift], at: datetime
) -> None:
    """Open an exception where a currency is off, once; close those that agree again, or are off otherwise now."""
    standing = await _standing(connection, stated.merchant_account)
    off = {drift.currency: drift for drift in drifts if drift.drift_minor}
    agreeing = [id_ for currency, (id_, _) in standing.items() if currency not in off]
    changed = {
        currency for currency, (_, was) in standing.items() if currency in off and was != off[currency].drift_minor
    }
    await close(connection, agreeing, AGREES, at)
    await close(connection, [standing[currency][0] for currency in changed], TOLD_AGAIN, at)
    fresh = [drift for currency, drift in off.items() if currency not in standing or currency in changed]
    if fresh:
        await open_exceptions(connection, [_opening(caller, stated, drift) for drift in fresh], at)


def _opening(caller: Caller, stated: Stated, drift: Drift) -> Opening:
    off = drift.drift_minor
    held, owed, fees = (
        written(minor, drift.currency) for minor in (drift.held_minor, drift.owed_minor, drift.fees_minor)
    )
    told = f"the processor held {held} at {stated.as_of.isoformat()}, our books say"
    return Opening(
        type="balance_over" if off > 0 else "balance_short",
        livemode=caller.livemode,
        merchant_account=stated.merchant_account,
        amount_minor=abs(off),
        currency=drift.currency,
        variance_minor=off,
        detail=f"{told} {owed}, of which {fees} are fees that may be kept already",
        context={"as_of": stated.as_of.isoformat(), "held": drift.held_minor, "owed": drift.owed_minor},
    )


def _row(caller: Caller, stated: Stated, drift: Drift, at: datetime) -> dict[str, object]:
    return msgspec.structs.asdict(drift) | {
        "id": new_id("bal_"),
        "livemode": caller.livemode,
        "merchant_account": stated.merchant_account,
        "as_of": stated.as_of,
        "stated_by": caller.principal,
        "created_at": at,
    }


def _body(drift: Drift, standing: tuple[str, int] | None) -> BalanceBody:
    return BalanceBody(
        currency=drift.currency,
        held=drift.held_minor,
        owed=drift.owed_minor,
        fees_unsettled=drift.fees_minor,
        drift=drift.drift_minor,
        exception=standing[0] if standing else None,
    )
