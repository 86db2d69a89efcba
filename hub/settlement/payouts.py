"""What the lines of each payout add up to, counted as they come, and held against what was paid out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, and_, bindparam, select
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.opening import Opening
from hub.exceptions.store import close, open_exceptions
from hub.payments.shell import Shell
from hub.settlement.conserving import alarm
from hub.settlement.tables import exceptions, settlement_notices, settlement_payouts
from hub.settlement.turns import take_turn
from hub.settlement.values import Terms
from normalization.money import written
from normalization.settlements import LineType, SettlementLine

_payouts: Final = settlement_payouts.c
_SUMS: Final = ("lines", "net_minor", "paid_lines", "paid_minor")


class Sums(Struct):
    """What lines of one payout and currency add."""

    lines: int = 0
    net_minor: int = 0
    paid_lines: int = 0
    paid_minor: int = 0


def sums_of(lines: Iterable[SettlementLine]) -> Mapping[tuple[str, str], Sums]:
    """Add up *lines* by payout and currency; a payout that came back says nothing of what it was made of.

    What a payout costs itself goes off what its lines net.
    """
    found: dict[tuple[str, str], Sums] = {}
    for line in lines:
        if line.batch is None or line.type is LineType.PAYOUT_REVERSAL:
            continue
        of = line.batch, line.currency.value
        sums = found.get(of)
        if sums is None:
            sums = found[of] = Sums()
        if line.type is LineType.PAYOUT:
            sums.paid_lines += 1
            sums.paid_minor += line.net_minor
            sums.net_minor += line.net_minor - line.gross_minor
        else:
            sums.lines += 1
            sums.net_minor += line.net_minor
    return found


_COUNT: Final = (
    (made := insert_or_update(settlement_payouts)).values(
        {column.name: bindparam(f"b_{column.name}", type_=column.type) for column in settlement_payouts.c}
    )
).on_conflict_do_update(
    index_elements=["merchant_account", "payout", "currency"],
    set_={name: _payouts[name] + made.excluded[name] for name in _SUMS}
    | {"batch_id": made.excluded.batch_id, "updated_at": made.excluded.updated_at},
)


async def count(connection: AsyncConnection, terms: Terms, lines: Sequence[SettlementLine], sign: int = 1) -> None:
    """Add *lines* to their payouts, or take them away with a *sign* of -1."""
    rows = [
        {
            "b_merchant_account": terms.merchant_account,
            "b_payout": payout,
            "b_currency": currency,
            "b_livemode": terms.livemode,
            "b_batch_id": terms.batch_id,
            "b_updated_at": terms.now,
        }
        | {f"b_{name}": sign * getattr(sums, name) for name in _SUMS}
        for (payout, currency), sums in sorted(sums_of(lines).items())
    ]
    if rows:
        await connection.execute(_COUNT, rows)


async def check(shell: Shell, terms: Terms) -> int:
    """Open an exception for each payout of the batch that its lines do not add up to, once; close those that do now.

    Returns how many do not.
    """
    account = terms.merchant_account
    async with shell.database.transaction() as connection:
        await take_turn(connection, account)
        rows = (await connection.execute(_TOLD.where(_payouts.batch_id == terms.batch_id))).mappings().all()
        fresh = await _compare(connection, account, rows, terms.now)
    alarm(account, {("payout", one.currency): one.variance_minor or 0 for one in fresh})
    return sum(bool(off_by(row)) for row in rows)


async def check_told(connection: AsyncConnection, account: str, payout: str, at: datetime) -> None:
    """Hold what a processor has just said that it paid out against the lines of reports that came before."""
    await take_turn(connection, account)
    of = _payouts.merchant_account == account, _payouts.payout == payout
    rows = (await connection.execute(_TOLD.where(*of))).mappings().all()
    await _compare(connection, account, rows, at)


async def _compare(
    connection: AsyncConnection, account: str, rows: Sequence[RowMapping], at: datetime
) -> Sequence[Opening]:
    known = await _open(connection, account)
    right = [_name(row) for row in rows if off_by(row) == 0]
    await close(connection, [known[name] for name in right if name in known], "adds_up", at)
    fresh = [_opening(row) for row in rows if off_by(row) and _name(row) not in known]
    if fresh:
        await open_exceptions(connection, fresh, at)
    return fresh


_TOLD: Final = select(*_payouts, settlement_notices.c.amount_minor.label("told_minor")).select_from(
    settlement_payouts.outerjoin(
        settlement_notices,
        and_(
            settlement_notices.c.merchant_account == _payouts.merchant_account,
            settlement_notices.c.kind == "payout_paid",
            settlement_notices.c.processor_reference == _payouts.payout,
            settlement_notices.c.currency == _payouts.currency,
        ),
    )
)


def off_by(row: Mapping[Any, Any]) -> int | None:
    """Say how much more was paid out than the lines add up to; None where one of both is not known yet."""
    paid = row["paid_minor"] if row["paid_lines"] else row["told_minor"]
    if paid is None or not row["lines"]:
        return None
    return int(paid - row["net_minor"])


def _name(row: Mapping[Any, Any]) -> str:
    return f"{row['payout']} {row['currency']}"


async def _open(connection: AsyncConnection, account: str) -> Mapping[str, str]:
    """Read which payouts are in an open exception, by name."""
    found = select(exceptions.c.id, exceptions.c.context).where(
        exceptions.c.type == "batch_total_mismatch",
        exceptions.c.status == "open",
        exceptions.c.merchant_account == account,
    )
    rows: Sequence[RowMapping] = (await connection.execute(found)).mappings().all()
    told = [(_context(row), row["id"]) for row in rows]
    return {_name(payout): id_ for payout, id_ in told if "payout" in payout and "currency" in payout}


def _context(row: Mapping[Any, Any]) -> Mapping[str, Any]:
    told: Mapping[str, Any] = msgspec.json.decode(row["context"]) if row["context"] else {}
    return told


def _opening(row: Mapping[Any, Any]) -> Opening:
    off, currency = off_by(row) or 0, row["currency"]
    paid = row["net_minor"] + off
    lines = f"{row['lines']} lines add up to {written(row['net_minor'], currency)}"
    return Opening(
        type="batch_total_mismatch",
        livemode=bool(row["livemode"]),
        merchant_account=row["merchant_account"],
        amount_minor=abs(off),
        currency=currency,
        variance_minor=off,
        detail=f"{row['payout']}: {lines}, {written(paid, currency)} was paid out",
        batch_id=row["batch_id"],
        context={"payout": row["payout"], "currency": currency, "lines": row["net_minor"], "paid": paid},
    )
