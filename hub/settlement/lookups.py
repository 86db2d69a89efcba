"""Reading what lines may belong to: operations by id and reference, what they expect, and what is expected alike."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Select, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.disputes.tables import disputes
from hub.ledger.tables import transfers
from hub.payments.states import OperationStatus, Status
from hub.payments.tables import operations, payments
from hub.settlement.placing import Booked, Facts
from hub.settlement.tables import exceptions, expected_settlements, settlement_lines, settlement_matches
from hub.settlement.values import Known, Wanted
from normalization.outcome import Operation
from normalization.settlements import SettlementLine

ALIKE_MAX: Final = 20
"""How many expectations of one amount are read when a line names no operation: two are too many already."""
_expected: Final = expected_settlements.c
_WANTED: Final = (
    _expected.id,
    _expected.payment_id,
    _expected.operation_id,
    _expected.type,
    _expected.gross_minor,
    _expected.fee_minor,
    _expected.currency,
    _expected.settle_minor,
    _expected.settle_currency,
    _expected.due_on,
)
_JOINED: Final = expected_settlements.outerjoin(
    settlement_matches, settlement_matches.c.expected_id == expected_settlements.c.id
)


def among(column: Column[Any], name: str, *, postgresql: bool) -> ColumnElement[bool]:
    """Compare *column* with a list that is one parameter, so that the statement is the same for every length."""
    if postgresql:
        kind = BigInteger() if isinstance(column.type, BigInteger) else TEXT()
        return column == any_(bindparam(name, type_=ARRAY(kind)))
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def listed(connection: AsyncConnection, values: Iterable[Any]) -> Any:  # noqa: ANN401 - a driver's value
    """Write the list that `among` compares with."""
    given = list(values)
    return given if is_postgresql(connection) else msgspec.json.encode(given).decode()


def is_postgresql(connection: AsyncConnection) -> bool:
    """Tell the two databases apart."""
    return connection.dialect.name == "postgresql"


@cache
def _wanted_of(postgresql: bool) -> Select[Any]:  # noqa: FBT001 - the key of a cache
    return (
        select(*_WANTED, settlement_matches.c.line_id)
        .select_from(_JOINED)
        .where(
            among(_expected.operation_id, "ids", postgresql=postgresql),
            _expected.merchant_account == bindparam("account"),
        )
        .order_by(_expected.id)
    )


@cache
def _wanted_by_reference(postgresql: bool) -> Select[Any]:  # noqa: FBT001 - the key of a cache
    return (
        select(operations.c.processor_reference, *_WANTED, settlement_matches.c.line_id)
        .select_from(operations.join(_JOINED, _expected.operation_id == operations.c.id))
        .where(
            operations.c.merchant_account == bindparam("account"),
            among(operations.c.processor_reference, "references", postgresql=postgresql),
        )
        .order_by(_expected.id)
    )


async def wanted_of(connection: AsyncConnection, account: str, ids: Iterable[str]) -> Mapping[str, list[Wanted]]:
    """Read what operations expect at *account*, matched or not, by operation."""
    asked = {"ids": listed(connection, ids), "account": account}
    found: dict[str, list[Wanted]] = defaultdict(list)
    for row in await connection.execute(_wanted_of(is_postgresql(connection)), asked):
        found[row[2]].append(Wanted(*row))
    return found


async def wanted_by_reference(
    connection: AsyncConnection, account: str, references: Iterable[str]
) -> Mapping[str, list[Wanted]]:
    """Read what operations expect, matched or not, by the processor's reference of the operation."""
    asked = {"references": listed(connection, references), "account": account}
    found: dict[str, list[Wanted]] = defaultdict(list)
    for row in await connection.execute(_wanted_by_reference(is_postgresql(connection)), asked):
        found[row[0]].append(Wanted(*row[1:]))
    return found


_KNOWN: Final = (
    operations.c.id,
    operations.c.payment_id,
    operations.c.attempt_id,
    operations.c.kind,
    operations.c.status,
    operations.c.merchant_account,
    operations.c.processor_reference,
    payments.c.attempt_id.label("standing"),
    payments.c.status.label("payment_status"),
    payments.c.captured_minor,
    (payments.c.refunded_minor + payments.c.refunded_externally_minor).label("refunded_minor"),
    payments.c.currency,
)


async def facts_of(connection: AsyncConnection, account: str, lines: Sequence[SettlementLine]) -> Facts:
    """Read what the books know of everything that *lines* name."""
    postgresql = is_postgresql(connection)
    tags = {line.tag for line in lines if line.tag}
    references = {one for line in lines for one in (line.processor_reference, line.parent_reference) if one}
    disputed = await _disputed(connection, account, references)
    ids = listed(connection, tags | {*disputed.values()})
    given = {"ids": ids, "account": account, "references": listed(connection, references)}
    named = select(operations.c.payment_id).where(among(operations.c.id, "ids", postgresql=postgresql))
    referred = select(operations.c.payment_id).where(
        operations.c.merchant_account == bindparam("account"),
        among(operations.c.processor_reference, "references", postgresql=postgresql),
    )
    of_payments = {row[0] for row in await connection.execute(named.union(referred), given)}
    family = (
        select(*_KNOWN)
        .join_from(operations, payments, payments.c.id == operations.c.payment_id)
        .where(among(operations.c.payment_id, "payments", postgresql=postgresql))
        .order_by(operations.c.id)
    )
    rows = (await connection.execute(family, {"payments": listed(connection, of_payments)})).mappings().all()
    known = {row["id"]: _to_known(row) for row in rows}
    by_reference: dict[str, list[Known]] = defaultdict(list)
    for one in known.values():
        if one.processor_reference is not None and one.merchant_account == account:
            by_reference[one.processor_reference].append(one)
    wanted: dict[str, list[Wanted]] = defaultdict(list)
    for operation_id, expected in (await wanted_of(connection, account, known)).items():
        wanted[known[operation_id].attempt_id] += expected
    settled = [one for expected in wanted.values() for one in expected if one.line_id is not None]
    matches, matched = {one.line_id for one in settled if one.line_id}, [one.id for one in settled]
    matters = any(not line.gross_minor or not line.fee_minor for line in lines)  # Fees may be told by other lines.
    return Facts(
        operations=known,
        by_reference=by_reference,
        disputed=disputed,
        wanted=wanted,
        uneven=await _uneven(connection, matches),
        booked=await _booked(connection, known) if matters else {},
        fees_off=await _fees_off(connection, matched) if matters else {},
    )


def _to_known(row: Mapping[Any, Any]) -> Known:
    values = {name: row[name] for name in Known.__struct_fields__}
    values |= {"kind": Operation(row["kind"]), "status": OperationStatus(row["status"])}
    return Known(**values | {"payment_status": Status(row["payment_status"])})


async def _disputed(connection: AsyncConnection, account: str, references: Iterable[str]) -> Mapping[str, str]:
    asked = select(disputes.c.processor_reference, disputes.c.operation_id).where(
        disputes.c.merchant_account == bindparam("account"),
        among(disputes.c.processor_reference, "references", postgresql=is_postgresql(connection)),
    )
    given = {"account": account, "references": listed(connection, references)}
    return {row[0]: row[1] for row in await connection.execute(asked, given)}


async def _uneven(connection: AsyncConnection, matches: Iterable[str]) -> Mapping[str, tuple[str, int]]:
    asked = select(exceptions.c.line_id, exceptions.c.id, exceptions.c.variance_minor).where(
        among(exceptions.c.line_id, "lines", postgresql=is_postgresql(connection)),
        exceptions.c.type == "amount_mismatch",
        exceptions.c.status == "open",
    )
    rows = await connection.execute(asked, {"lines": listed(connection, matches)})
    return {line_id: (id_, variance) for line_id, id_, variance in rows if variance is not None}


async def _booked(connection: AsyncConnection, known: Mapping[str, Known]) -> Mapping[str, list[Booked]]:
    """Read the lines that were booked for operations before, by attempt."""
    postgresql = is_postgresql(connection)
    moved = select(transfers.c.line_id).where(among(transfers.c.payment_id, "payments", postgresql=postgresql))
    line = settlement_lines.c
    asked = select(line.match_id, line.operation_id, line.processor_reference, line.fee_minor).where(
        line.id.in_(moved), line.status.in_(("matched", "posted")), line.operation_id.is_not(None)
    )
    found: dict[str, list[Booked]] = defaultdict(list)
    for row in await connection.execute(
        asked, {"payments": listed(connection, {one.payment_id for one in known.values()})}
    ):
        if row[1] in known:
            found[known[row[1]].attempt_id].append(Booked(*row))
    return found


async def _fees_off(connection: AsyncConnection, expected: Iterable[str]) -> Mapping[str, tuple[str, int]]:
    """Read the open differences of fees, by the expectation that they are told of."""
    asked = select(exceptions.c.expected_id, exceptions.c.id, exceptions.c.variance_minor).where(
        among(exceptions.c.expected_id, "expected", postgresql=is_postgresql(connection)),
        exceptions.c.type.in_(("fee_unexpected", "fee_variance")),
        exceptions.c.status == "open",
    )
    rows = await connection.execute(asked, {"expected": listed(connection, expected)})
    return {expected_id: (id_, variance) for expected_id, id_, variance in rows if variance is not None}


async def alike(
    connection: AsyncConnection, account: str, amounts: Iterable[int], first: date, last: date
) -> list[tuple[str | None, Wanted]]:
    """Read what is still expected of such *amounts*, due from *first* to *last*, at most `ALIKE_MAX` of each.

    With each comes the processor's reference of its operation.
    """
    nth = func.row_number().over(
        partition_by=(_expected.type, _expected.currency, _expected.gross_minor), order_by=_expected.id
    )
    open_ = (
        select(operations.c.processor_reference, *_WANTED, nth.label("nth"))
        .select_from(_JOINED.join(operations, operations.c.id == _expected.operation_id))
        .where(
            _expected.merchant_account == bindparam("account"),
            _expected.due_on.between(first, last),
            among(_expected.gross_minor, "amounts", postgresql=is_postgresql(connection)),
            settlement_matches.c.expected_id.is_(None),
        )
        .subquery()
    )
    few = select(*(column for column in open_.c if column.name != "nth")).where(open_.c.nth <= ALIKE_MAX)
    rows = await connection.execute(few, {"account": account, "amounts": listed(connection, amounts)})
    return [(row[0], Wanted(*row[1:])) for row in rows]


async def bundles(
    connection: AsyncConnection, account: str, types: Iterable[str], first: date, last: date
) -> list[tuple[str, str, date, int]]:
    """Add up what is still expected of each of *types*, by currency and day."""
    total = func.sum(_expected.gross_minor)
    summed = (
        select(_expected.type, _expected.currency, _expected.due_on, total)
        .select_from(_JOINED)
        .where(
            _expected.merchant_account == account,
            _expected.due_on.between(first, last),
            _expected.type.in_(sorted(types)),
            settlement_matches.c.expected_id.is_(None),
        )
        .group_by(_expected.type, _expected.currency, _expected.due_on)
        .having(func.count() > 1)
    )
    return [(type_, currency, day, int(sum_)) for type_, currency, day, sum_ in await connection.execute(summed)]


async def unsettled(connection: AsyncConnection, account: str, type_: str, first: date, last: date) -> list[Wanted]:
    """Read what of one type is still expected, due from *first* to *last*."""
    asked = (
        select(*_WANTED)
        .select_from(_JOINED)
        .where(
            _expected.merchant_account == account,
            _expected.type == type_,
            _expected.due_on.between(first, last),
            settlement_matches.c.expected_id.is_(None),
        )
        .order_by(_expected.id)
    )
    return [Wanted(*row) for row in await connection.execute(asked)]
