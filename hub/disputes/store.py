"""All SQL of disputes but of their lists; the caller owns the transaction where a connection is taken.

Whoever writes to a dispute has locked its payment: so one dispute has one writer, and a refund that is decided at the
same moment finds the payment changed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import RowMapping, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import ConflictError, Database, Query
from hub.disputes.rows import dispute_values, to_dispute, to_file, to_movement, to_submission, to_told
from hub.disputes.tables import dispute_files, dispute_movements, dispute_reports, dispute_submissions, disputes
from hub.disputes.values import Dispute, FileKept, Submission, Told
from hub.payments.rows import to_operation, to_payment
from hub.payments.states import OperationState, Payment
from hub.payments.tables import operations, payments
from normalization.disputes import FundsMovement

_BY_REFERENCE: Final = Query(
    select(disputes).where(
        disputes.c.merchant_account == bindparam("merchant_account"),
        disputes.c.processor_reference == bindparam("processor_reference"),
    )
)
_OF_PAYMENT: Final = Query(
    select(disputes)
    .where(
        disputes.c.payment_id == bindparam("payment_id"), disputes.c.merchant_account == bindparam("merchant_account")
    )
    .order_by(disputes.c.id.desc())
)


class Place(Struct, frozen=True, kw_only=True):
    """Which dispute is meant, and of which payment it is."""

    payment_id: str
    operation_id: str
    merchant_account: str
    processor_reference: str


class Held(Struct, frozen=True, kw_only=True):
    """A dispute and its payment as read under the payment's lock; `dispute` None: nobody has told of it yet.

    `events` are what has just happened to it.
    """

    payment: Payment
    operation: OperationState
    dispute: Dispute | None
    history: tuple[Told, ...] = ()
    movements: tuple[FundsMovement, ...] = ()
    events: tuple[str, ...] = ()


async def find(database: Database, merchant_account: str, processor_reference: str) -> Dispute | None:
    """Find a dispute by the processor's id of it."""
    values = {"merchant_account": merchant_account, "processor_reference": processor_reference}
    rows = await database.fetch(_BY_REFERENCE, values)
    return to_dispute(rows[0]) if rows else None


async def of_payment(database: Database, payment_id: str, merchant_account: str) -> list[Dispute]:
    """Read a payment's disputes at an account, the newest first."""
    values = {"payment_id": payment_id, "merchant_account": merchant_account}
    return [to_dispute(row) for row in await database.fetch(_OF_PAYMENT, values)]


async def read(connection: AsyncConnection, livemode: bool, dispute_id: str) -> Dispute | None:  # noqa: FBT001 - the mode
    """Read one dispute of a mode."""
    wanted = select(disputes).where(disputes.c.livemode == livemode, disputes.c.id == dispute_id)
    row = (await connection.execute(wanted)).mappings().one_or_none()
    return to_dispute(row) if row is not None else None


async def hold(connection: AsyncConnection, place: Place) -> Held:
    """Lock the payment, then read it with everything about the dispute."""
    locked = select(payments).where(payments.c.id == place.payment_id).with_for_update()
    payment = to_payment((await connection.execute(locked)).mappings().one())
    about = select(operations).where(operations.c.id == place.operation_id)
    operation = to_operation((await connection.execute(about)).mappings().one())
    named = (
        disputes.c.merchant_account == place.merchant_account,
        disputes.c.processor_reference == place.processor_reference,
    )
    row = (await connection.execute(select(disputes).where(*named))).mappings().one_or_none()
    if row is None:
        return Held(payment=payment, operation=operation, dispute=None)
    dispute = to_dispute(row)
    if dispute.payment_id != payment.id:
        raise ConflictError("disputes")  # Somebody else has just found another payment for it.
    return Held(
        payment=payment,
        operation=operation,
        dispute=dispute,
        history=tuple(await history_of(connection, dispute.id)),
        movements=tuple(await movements_of(connection, dispute.id)),
    )


async def history_of(connection: AsyncConnection, dispute_id: str) -> list[Told]:
    """Read every word about a dispute, in the order in which they came."""
    return (await histories_of(connection, [dispute_id]))[dispute_id]


async def histories_of(connection: AsyncConnection, dispute_ids: Sequence[str]) -> Mapping[str, list[Told]]:
    """Read every word about each of some disputes."""
    found = await _of(connection, dispute_reports, dispute_ids)
    return {one: [to_told(row) for row in rows] for one, rows in found.items()}


async def movements_of(connection: AsyncConnection, dispute_id: str) -> list[FundsMovement]:
    """Read what money a dispute moved."""
    return (await all_movements_of(connection, [dispute_id]))[dispute_id]


async def all_movements_of(
    connection: AsyncConnection, dispute_ids: Sequence[str]
) -> Mapping[str, list[FundsMovement]]:
    """Read what money each of some disputes moved."""
    found = await _of(connection, dispute_movements, dispute_ids)
    return {one: [to_movement(row) for row in rows] for one, rows in found.items()}


async def submissions_of(connection: AsyncConnection, dispute_id: str) -> list[Submission]:
    """Read what was answered to the payer's bank, oldest first; the files without what is in them."""
    return (await all_submissions_of(connection, [dispute_id]))[dispute_id]


async def all_submissions_of(connection: AsyncConnection, dispute_ids: Sequence[str]) -> Mapping[str, list[Submission]]:
    """Read what was answered in each of some disputes."""
    found = await _of(connection, dispute_submissions, dispute_ids)
    ids = [row["id"] for rows in found.values() for row in rows]
    described = [column for column in dispute_files.c if column is not dispute_files.c.content]
    wanted = select(*described).where(dispute_files.c.submission_id.in_(ids))
    files: dict[str, list[FileKept]] = defaultdict(list)
    if ids:
        for row in (await connection.execute(wanted.order_by(dispute_files.c.id))).mappings():
            files[row["submission_id"]].append(to_file(row))
    return {one: [to_submission(row, files[row["id"]]) for row in rows] for one, rows in found.items()}


async def _of(
    connection: AsyncConnection, table: Table, dispute_ids: Sequence[str]
) -> Mapping[str, Sequence[RowMapping]]:
    found: dict[str, list[RowMapping]] = {one: [] for one in dispute_ids}
    wanted = select(table).where(table.c.dispute_id.in_(dispute_ids)).order_by(table.c.id)
    for row in (await connection.execute(wanted)).mappings() if dispute_ids else ():
        found[row["dispute_id"]].append(row)
    return found


async def add(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert *rows*."""
    if rows:
        await connection.execute(insert(table), [dict(row) for row in rows])


async def write_dispute(connection: AsyncConnection, before: Dispute | None, after: Dispute) -> None:
    """Insert or change a dispute.

    Raises:
        ConflictError: when somebody else changed it, which the payment's lock forbids.
    """
    if before is None:
        await connection.execute(insert(disputes).values(dispute_values(after)))
        return
    same = disputes.c.id == before.id, disputes.c.version == before.version
    written = await connection.execute(update(disputes).where(*same).values(dispute_values(after)))
    if written.rowcount != 1:
        raise ConflictError


async def write_disputed(connection: AsyncConnection, before: Payment, after: Payment) -> None:
    """Say in the payment what is disputed of it.

    Raises:
        ConflictError: when somebody else changed it, which its lock forbids.
    """
    changes = {name: asdict(after)[name] for name in ("disputed_minor", "version", "updated_at")}
    same = payments.c.id == before.id, payments.c.version == before.version
    written = await connection.execute(update(payments).where(*same).values(changes))
    if written.rowcount != 1:
        raise ConflictError
