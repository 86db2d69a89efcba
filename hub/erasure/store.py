"""All SQL of taking a person out of rows that stay; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Float,
    Select,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import in_seconds
from hub.disputes.tables import dispute_files, dispute_submissions, disputes
from hub.erasure.rules import ERASED, is_erased, without_person
from hub.erasure.tables import erasures
from hub.events.tables import events
from hub.idempotency.tables import idempotency_keys
from hub.payment_methods.tables import payment_methods, verifications
from hub.payment_sessions.tables import payment_sessions
from hub.payments.states import OperationStatus, Status
from hub.payments.tables import operations, payments, reports
from hub.payments.timeline_sources import lines_of
from hub.settlement.tables import broken_rows, exceptions, settlement_lines
from hub.webhooks.tables import webhook_deliveries
from normalization.outcome import Operation

ENDED: Final = (Status.CANCELED, Status.CAPTURED, Status.FAILED)
"""Where a payment needs no address to send its payer back to."""
_UNDER_WAY: Final = (
    OperationStatus.SENDING, OperationStatus.UNKNOWN, OperationStatus.REQUIRES_ACTION, OperationStatus.PENDING,
)  # fmt: skip
_READ: Final = ("done", "ignored")
"""What became of deliveries that nobody has to read again."""


async def order(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Write the order to go through what is kept about a person, due at once."""
    await connection.execute(insert(erasures).values(**row, due_at=in_seconds(literal_column("0"))))


async def passed(
    connection: AsyncConnection, erasure_id: str, passes: int, at: datetime, again_s: float | None
) -> bool:
    """Write down that all was gone through for the time *passes*, and when it is again; False if somebody else has.

    *again_s* None: never again, and the words that were searched for are forgotten.
    """
    after: dict[str, Any] = {"due_at": None, "needles": None}
    if again_s is not None:
        after = {"due_at": in_seconds(bindparam("again_s", again_s, type_=Float))}
    mine = erasures.c.id == erasure_id, erasures.c.passes == passes - 1
    done = update(erasures).where(*mine).values(**after, passes=passes, passed_at=at)
    return bool((await connection.execute(done)).rowcount)


async def payments_after(connection: AsyncConnection, customer: str, after: str, most: int) -> Sequence[str]:
    """List a customer's payments by their ids, those after *after*."""
    table = payments.c
    mine = select(table.id).where(table.customer == customer, table.id > after).order_by(table.id).limit(most)
    return (await connection.execute(mine)).scalars().all()


async def clean_payment(connection: AsyncConnection, payment_id: str, *, finally_: bool) -> None:
    """Take the person out of a payment and all that belongs to it; *finally_*: also out of what nobody has read."""
    await _clean_payment(connection, payment_id)
    await _clean_operations(connection, payment_id)
    await _clean_json(connection, reports, "report", reports.c.payment_id == payment_id)
    about = [_ids(one, payment_id) for one in (operations, disputes, exceptions)]
    named = or_(events.c.object_id == payment_id, *(events.c.object_id.in_(ids) for ids in about))
    await _clean_json(connection, events, "data", named, also=("reason",), of="refund")
    deliveries = webhook_deliveries.c
    read = [] if finally_ else [deliveries.status.in_(_READ)]
    whole = deliveries.payment_id == payment_id, deliveries.body != ERASED
    await connection.execute(update(webhook_deliveries).where(*whole, *read).values(body=ERASED))
    await _clean_lines(connection, lines_of(payment_id))
    own = _keys_of(operations, operations.c.payment_id == payment_id)
    located = idempotency_keys.c.operation_id.is_(None), idempotency_keys.c.location == f"/v1/payments/{payment_id}"
    await _clean_answers(connection, idempotency_keys.c.key.in_(own))
    await _clean_answers(connection, *located)
    await _clean_disputes(connection, payment_id)


async def clean_methods(connection: AsyncConnection, customer: str) -> None:
    """Take the person out of what is told of a customer's payment methods, deleted ones too, and of sessions."""
    methods = select(payment_methods.c.id).where(payment_methods.c.customer == customer)
    await _clean_json(connection, events, "data", events.c.object_id.in_(methods))
    sessions = select(payment_sessions.c.id).where(payment_sessions.c.customer == customer)
    mine = or_(verifications.c.payment_method.in_(methods), verifications.c.session.in_(sessions))
    ended = mine, verifications.c.finished_at.is_not(None)
    await connection.execute(update(verifications).where(*ended).values(request=None))
    theirs = payment_sessions.c.customer == customer
    await connection.execute(update(payment_sessions).where(theirs).values(customer_reference=None))


async def deliveries_after(connection: AsyncConnection, after: str, most: int) -> Sequence[tuple[str, bytes]]:
    """Read deliveries that name no payment of ours and were read, by their ids, those after *after*."""
    table = webhook_deliveries.c
    nobodys = table.payment_id.is_(None), table.status.in_(_READ), table.id > after
    found = select(table.id, table.body).where(*nobodys).order_by(table.id).limit(most)
    return [(id_, bytes(body)) for id_, body in (await connection.execute(found)).all()]


async def clean_deliveries(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Leave nothing of these deliveries but that they came."""
    if ids:
        await connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.id.in_(ids)).values(body=ERASED))


async def clean_broken_rows(connection: AsyncConnection, words: Sequence[str]) -> None:
    """Leave nothing of rows that could not be read and hold one of *words*."""
    for word in words:
        holding = func.instr(broken_rows.c.raw, word) > 0
        if connection.dialect.name == "postgresql":
            holding = func.strpos(broken_rows.c.raw, word) > 0
        await connection.execute(update(broken_rows).where(holding).values(raw="[]"))


async def _clean_payment(connection: AsyncConnection, payment_id: str) -> None:
    one = payments.c.id == payment_id
    facts, status = (await connection.execute(select(payments.c.facts, payments.c.status).where(one))).one()
    if not is_erased(bytes(facts)):
        values = {"metadata": b"{}", "facts": without_person(bytes(facts))}
        await connection.execute(update(payments).where(one).values(values))
    if status in ENDED:
        await connection.execute(update(payments).where(one).values(return_url=None))


async def _clean_operations(connection: AsyncConnection, payment_id: str) -> None:
    """Take the person out of requests that are sent no more."""
    table = operations.c
    ended = table.payment_id == payment_id, table.status.not_in(_UNDER_WAY), table.due_at.is_(None)
    found = await connection.execute(select(table.id, table.kind, table.request).where(*ended))
    for id_, kind, request in found.all():
        if is_erased(bytes(request)):
            continue
        values = {"request": without_person(bytes(request), also=("reason",)), "action": None, "action_url": None}
        if kind == Operation.REFUND:
            values["reason"] = None  # The caller's own words; of what else is done, it is the hub's or the processor's.
        await connection.execute(update(operations).where(table.id == id_).values(values))


async def _clean_disputes(connection: AsyncConnection, payment_id: str) -> None:
    """Take the person out of the names of files; what was in them was forgotten when they had been sent."""
    mine = select(disputes.c.id).where(disputes.c.payment_id == payment_id)
    submissions = dispute_submissions.c.dispute_id.in_(mine), dispute_submissions.c.due_at.is_(None)
    ended = select(dispute_submissions.c.id).where(*submissions)
    files = dispute_files.c.submission_id.in_(ended)
    await connection.execute(update(dispute_files).where(files).values(name="erased"))
    await _clean_answers(connection, idempotency_keys.c.key.in_(_keys_of(dispute_submissions, *submissions)))


async def _clean_lines(connection: AsyncConnection, ids: CompoundSelect[Any]) -> None:
    """Leave of settlement lines what is booked by: the rows they were read from go."""
    table = settlement_lines.c
    for id_, facts in (await connection.execute(select(table.id, table.facts).where(table.id.in_(ids)))).all():
        left = None if facts is None else without_person(facts.encode()).decode()
        await connection.execute(update(settlement_lines).where(table.id == id_).values(raw="[]", facts=left))


async def _clean_answers(connection: AsyncConnection, *which: ColumnElement[bool]) -> None:
    """Take the person out of stored answers; from then on their keys answer so."""
    table = idempotency_keys.c
    found = await connection.execute(
        select(table.livemode, table.key, table.answer).where(*which, table.answer.is_not(None))
    )
    for livemode, key, answer in found.all():
        if not is_erased(bytes(answer)):
            same = table.livemode == livemode, table.key == key
            values = {"answer": without_person(bytes(answer), also=_words_of(bytes(answer), "refund", ("reason",)))}
            await connection.execute(update(idempotency_keys).where(*same).values(values))


async def _clean_json(
    connection: AsyncConnection,
    table: Table,
    name: str,
    which: ColumnElement[bool],
    *,
    also: Sequence[str] = (),
    of: str = "",
) -> None:
    """Take the person out of JSON objects; *also* names fields of objects that are called *of*."""
    for id_, stored in (await connection.execute(select(table.c.id, table.c[name]).where(which))).all():
        if not is_erased(bytes(stored)):
            left = without_person(bytes(stored), also=_words_of(bytes(stored), of, also))
            await connection.execute(update(table).where(table.c.id == id_).values({name: left}))


def _words_of(stored: bytes, of: str, names: Sequence[str]) -> Sequence[str]:
    told = msgspec.json.decode(stored)
    return names if isinstance(told, dict) and told.get("object") == of else ()


def _ids(table: Table, payment_id: str) -> Select[Any]:
    return select(table.c.id).where(table.c.payment_id == payment_id)


def _keys_of(table: Table, *which: ColumnElement[bool]) -> Select[Any]:
    return select(table.c.idempotency_key).where(*which, table.c.idempotency_key.is_not(None))
