"""All SQL of the charge path.

The two commits of a charge are `Unit`s: one round trip on PostgreSQL. Every write to a payment or its operations is
guarded by the payment's version, so that of two writers one reads again and decides anew.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    Float,
    Insert,
    Integer,
    Table,
    Update,
    bindparam,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from hub.access.tables import audit_log
from hub.database import Database, Query, Unit, in_seconds
from hub.events.rows import event_row
from hub.events.tables import events
from hub.exceptions.opening import told_by
from hub.idempotency.store import (
    INSERT_KEY,
    STORE_ANSWER,
    Answer,
    Key,
    answer_values,
    key_values,
)
from hub.ledger.tables import transfers
from hub.payment_methods.tables import payment_methods
from hub.payments.changes import NOTHING_BESIDES, Actor, Change, Evidence, PassingOn
from hub.payments.references import FREE
from hub.payments.rows import (
    OF_SETTLEMENT,
    audit_values,
    booking_values,
    charged,
    exception_values,
    expected_values,
    operation_values,
    payment_values,
    prefixed,
    report_values,
    to_operation,
    to_payment,
)
from hub.payments.states import COUNTED, OperationState, OperationStatus, Payment, Status, Transition
from hub.payments.tables import operations, payments, reports
from hub.retries.rules import GOOD, Permit
from hub.retries.store import TAKE_PLACE, decline_values, keeping, place_values
from hub.settlement.tables import exceptions, expected_settlements
from normalization.outcome import Operation

SPREAD_S: Final = 30.0
"""Over how long the questions are spread that an account gets when it answers again."""


def _binds(table: Table, prefix: str, *, but: Iterable[str] = ()) -> dict[str, Any]:
    return {c.name: bindparam(f"{prefix}{c.name}", type_=c.type) for c in table.c if c.name not in but}


def _after(name: str) -> Any:  # noqa: ANN401 - an SQL expression
    return in_seconds(bindparam(name, type_=Float))


_PAYMENT_FIXED: Final = frozenset({
    "id", "livemode", "amount_minor", "currency", "capture", "reference", "customer", "payment_method", "country",
    "region", "risk_score", "brand", "return_url", "routing", "metadata", "facts", "created_by", "created_at",
    "ruleset", "rule",
})  # fmt: skip
_OPERATION_CHANGES: Final = (
    "status", "processor_reference", "decline", "avs", "cvc", "action", "action_url", "action_expires_at", "latency_ms",
)  # fmt: skip


def _insert_operation(prefix: str = "o_") -> Insert:
    values = _binds(operations, prefix, but=("lease_until", "due_at"))
    values |= {"lease_until": _after(f"{prefix}lease_s"), "due_at": _after(f"{prefix}due_s")}
    return insert(operations).values(values)


def _update_payment() -> Update:
    guard = (payments.c.id == bindparam("p_id"), payments.c.version == bindparam("p_version_read", type_=Integer))
    return update(payments).where(*guard).values(_binds(payments, "p_", but=_PAYMENT_FIXED))


def _update_operation(prefix: str = "o_", *, fenced: bool = False) -> Update:
    changes = {name: bindparam(f"{prefix}{name}", type_=operations.c[name].type) for name in _OPERATION_CHANGES}
    changed = update(operations).where(operations.c.id == bindparam(f"{prefix}id"))
    if fenced:
        changed = changed.where(operations.c.fence == bindparam(f"{prefix}fence", type_=Integer))
    # Whoever had the operation in hand has said what came of it: the next look is a matter of `due_at` alone.
    released = {"lease_until": in_seconds(literal_column("0")), "due_at": _after(f"{prefix}due_s")}
    return changed.values(changes | released)


_INSERT_AUDIT: Final = insert(audit_log).values(_binds(audit_log, "a_"))

_AS_KNOWN: Final = select(payment_methods.c.id).where(
    payment_methods.c.livemode == bindparam("p_livemode"),
    payment_methods.c.id == bindparam("p_payment_method"),
    payment_methods.c.version == bindparam("method_version", type_=Integer),
)
"""The payment method is still what the plan was made for."""
_OPENING: Final = (insert(payments).values(_binds(payments, "p_")), _insert_operation(), INSERT_KEY)


@cache
def _open_payment(once: bool, known: bool, declined: bool, overridden: bool) -> Unit:  # noqa: FBT001 - the key of a cache
    """A charge under a reference of its own, of a stored payment method, of a card with declines, against a rule."""
    held = ((FREE,) if once else ()) + ((_AS_KNOWN,) if known else ())
    opened = (*_OPENING, TAKE_PLACE) if declined else _OPENING
    return Unit(held, (*opened, _INSERT_AUDIT) if overridden else opened, locks="k_key")


_REFUSE: Final = Unit(
    (),
    (
        insert(payments).values(_binds(payments, "p_")),
        INSERT_KEY,
        insert(events).values(_binds(events, "e_")),
        _INSERT_AUDIT,
    ),
    locks="k_key",
)
_WISH: Final = Unit((_update_payment(),), (INSERT_KEY, _INSERT_AUDIT), locks="p_id")
_KEEP: Final = Unit((), (insert(reports).values(_binds(reports, "r_")),), locks="r_payment_id")
# Written as it stands, so that who takes it at the same instant waits for this commit, or this one for them.
_UNTOUCHED: Final = (
    update(operations)
    .where(operations.c.id == bindparam("waiting_id"), operations.c.fence == bindparam("waiting_fence", type_=Integer))
    .values(fence=operations.c.fence)
)


@cache
def _open_follow_up(keyed: bool, waiting: bool) -> Unit:  # noqa: FBT001 - the key of a cache
    held = (_update_payment(), _UNTOUCHED) if waiting else (_update_payment(),)
    inserts = (_insert_operation(), INSERT_KEY, _INSERT_AUDIT) if keyed else (_insert_operation(), _INSERT_AUDIT)
    return Unit(held, inserts, locks="p_id")


_EXPECT: Final = insert(expected_settlements).values(_binds(expected_settlements, "s0_", but=OF_SETTLEMENT))


@cache
def _open_next_attempt(kept: tuple[Insert | Update, ...]) -> Unit:
    opened = (_insert_operation(), insert(reports).values(_binds(reports, "r_")), _INSERT_AUDIT)
    return Unit((_update_payment(), _update_operation("c_")), (*opened, *kept), locks="p_id")


_CLAIMED: Final = (
    update(operations)
    .where(
        operations.c.id == bindparam("o_id"),
        operations.c.fence == bindparam("fence_read", type_=Integer),
        operations.c.status == bindparam("status_read"),  # What has ended meanwhile must not be sent again.
        operations.c.lease_until <= in_seconds(literal_column("0")),
    )
    .values(fence=operations.c.fence + 1, lease_until=_after("lease_s"))
)
_CLAIM: Final = {
    True: Unit((_CLAIMED.values(inquiries=operations.c.inquiries + 1, due_at=_after("due_s")),), locks="o_id"),
    False: Unit((_CLAIMED,), locks="o_id"),
}
_RELEASE: Final = Unit(
    (),
    (
        update(operations)
        .where(operations.c.id == bindparam("o_id"), operations.c.fence == bindparam("fence_read", type_=Integer))
        .values(lease_until=in_seconds(literal_column("0"))),
    ),
    locks="o_id",
)


class _Shape(Struct, frozen=True):
    """How many rows of each kind a second commit writes."""

    bookings: int
    expected: int
    events: int
    exceptions: int
    answers: bool
    fenced: bool
    opens: bool
    kept: tuple[Insert | Update, ...]  # What counts against the card.


@lru_cache(maxsize=64)
def _record(shape: _Shape) -> Unit:
    kept: list[Insert | Update] = [insert(reports).values(_binds(reports, "r_")), _INSERT_AUDIT]
    for table, prefix, count in (
        (transfers, "t", shape.bookings),
        (expected_settlements, "s", shape.expected),
        (events, "e", shape.events),
        (exceptions, "x", shape.exceptions),
    ):
        kept += [insert(table).values(_binds(table, f"{prefix}{n}_", but=OF_SETTLEMENT)) for n in range(count)]
    if shape.answers:
        kept.append(STORE_ANSWER)
    kept += shape.kept
    if shape.opens:
        return Unit((_update_payment(),), (_insert_operation(), *kept), locks="p_id")
    return Unit((_update_payment(), _update_operation(fenced=shape.fenced)), kept, locks="p_id")


async def open_payment(
    database: Database,
    payment: Payment,
    operation: OperationState,
    key: Key,
    lease_s: float,
    *,
    method_version: int | None,
    permit: Permit = GOOD,
    request_id: str | None = None,
) -> None:
    """Commit key, payment and attempt before the processor is called.

    *method_version* is that of the stored payment method which the plan was made for; None for one-time data. A card
    with declines takes the place that *permit* names; a rule that was overridden is written into the audit log.

    Raises:
        ConflictError: when the key, the open reference or the card's place is taken, or the payment method has changed;
            `table` says which of the first three, but for a reference whose payment does not hold it.
        CommitUnknownError: when the commit may have happened.
    """
    values = (
        payment_values(payment)
        | operation_values(operation, "o_", lease_s, lease_s)
        | key_values(key, operation.id, operation.livemode, operation.started_at)
    )
    values["method_version"] = method_version
    if permit.card is not None:
        values |= place_values(charged(payment, operation), permit.card, operation.started_at)
    rule = permit.overridden
    if rule is not None:
        actor = Actor(operation.key_id, operation.requested_by, request_id)
        details = {"rule": rule.rule, "text": rule.text, "until": rule.until.isoformat() if rule.until else ""}
        values |= audit_values(actor, payment, "payment.override_retry_rules", operation.started_at, details)
    shape = payment.holds_reference, method_version is not None, permit.card is not None, rule is not None
    await database.run(_open_payment(*shape), values)


async def refuse(
    database: Database, payment: Payment, key: Key, answer: Answer, event: tuple[str, bytes], actor: Actor
) -> None:
    """Store a payment that a routing rule refused, with its answer: no processor is asked.

    Raises:
        ConflictError: when the key is taken.
        CommitUnknownError: when the commit may have happened.
    """
    at = payment.created_at
    told = event_row(event[0], payment.id, event[1], livemode=payment.livemode, at=at)
    values = payment_values(payment) | prefixed("e_", told)
    values |= key_values(key, None, payment.livemode, at) | {"k_status": answer.status, "k_answer": answer.body}
    await database.run(_REFUSE, values | audit_values(actor, payment, "payment.refuse", at))


async def wish(database: Database, read: Payment, wished: Payment, key: Key, answer: Answer, actor: Actor) -> None:
    """Store what the caller wants done once an unresolved payment's outcome is known.

    Raises:
        ConflictError: when the payment changed since *read*, or the key is taken.
        CommitUnknownError: when the commit may have happened.
    """
    values = payment_values(wished) | {"p_version": read.version + 1, "p_version_read": read.version}
    values |= key_values(key, None, read.livemode, wished.updated_at)
    values |= {"k_status": answer.status, "k_answer": answer.body}
    await database.run(_WISH, values | audit_values(actor, read, "payment.cancel", wished.updated_at))


async def keep(database: Database, operation: OperationState, evidence: Evidence) -> None:
    """Keep a report that changed nothing."""
    await database.run(_KEEP, report_values(operation, evidence))


async def open_follow_up(
    database: Database,
    read: Payment,
    reserved: Payment,
    operation: OperationState,
    key: Key | None,
    actor: Actor,
    lease_s: float,
    *,
    waiting: OperationState | None = None,
) -> None:
    """Commit a capture, void or refund with the amount it reserves, before the processor is called.

    *waiting* is the challenge that is canceled, as it was read: nobody may have taken it since, to bring an answer.

    Raises:
        ConflictError: when the payment changed since *read*, *waiting* was taken, or the key is.
        CommitUnknownError: when the commit may have happened.
    """
    values = payment_values(reserved) | {"p_version": read.version + 1, "p_version_read": read.version}
    values |= operation_values(operation, "o_", lease_s, lease_s)
    values |= audit_values(actor, reserved, f"payment.{operation.kind}", operation.started_at)
    if key is not None:
        values |= key_values(key, operation.id, operation.livemode, operation.started_at)
    if waiting is not None:
        values |= {"waiting_id": waiting.id, "waiting_fence": waiting.fence}
    await database.run(_open_follow_up(key is not None, waiting is not None), values)


async def open_next_attempt(
    database: Database,
    read: Payment,
    transition: Transition,
    following: OperationState,
    evidence: Evidence,
    lease_s: float,
    besides: PassingOn = NOTHING_BESIDES,
) -> None:
    """Close the attempt that ended without money moving and open the next one, in one commit.

    Raises:
        ConflictError: when the payment changed since *read*, or the card's place is taken; `table` says so.
        CommitUnknownError: when the commit may have happened.
    """
    values = payment_values(transition.payment) | {"p_version": read.version + 1, "p_version_read": read.version}
    values |= operation_values(transition.operation, "c_", None, None) | operation_values(
        following, "o_", lease_s, lease_s
    )
    values |= report_values(transition.operation, evidence)
    counted, permit, billed = besides.counted, besides.permit, besides.billed
    actor = Actor(following.key_id, following.requested_by, following.id)
    details = {"overridden": permit.overridden.rule} if permit.overridden is not None else {}
    values |= audit_values(actor, transition.payment, "payment.failover", evidence.recorded_at, details)
    kept: tuple[Insert | Update, ...] = ()
    if counted is not None:
        kept += keeping(counted)
        values |= decline_values(counted)
    if permit.card is not None:
        kept += (TAKE_PLACE,)
        values |= place_values(charged(transition.payment, following), permit.card, evidence.recorded_at)
    if billed is not None:
        kept += (_EXPECT,)
        values |= prefixed("s0_", expected_values(transition.operation, billed, evidence.recorded_at))
    await database.run(_open_next_attempt(kept), values)


async def save(database: Database, read: Payment, change: Change) -> None:
    """Make the second commit: everything that one report changes, or nothing.

    Raises:
        ConflictError: when the payment changed since *read*.
        CommitUnknownError: when the commit may have happened.
    """
    transition = change.transition
    operation = transition.operation
    shape = _Shape(
        len(transition.bookings),
        len(change.expected),
        len(change.events) + len(transition.exceptions),
        len(transition.exceptions),
        change.answer is not None,
        change.fenced,
        change.opens,
        keeping(change.counted) if change.counted is not None else (),
    )
    at = change.evidence.recorded_at
    values = payment_values(transition.payment) | {"p_version": read.version + 1, "p_version_read": read.version}
    # An operation made outside the hub is in nobody's hands.
    values |= operation_values(operation, "o_", change.due_s, 0.0) | report_values(operation, change.evidence)
    actor = Actor(operation.key_id, operation.requested_by, operation.id)
    details = {"operation": operation.id, "source": change.evidence.source}
    values |= audit_values(actor, transition.payment, f"{operation.kind}.{operation.status}", at, details)
    owner = {"livemode": operation.livemode, "payment_id": operation.payment_id, "operation_id": operation.id}
    for n, booking in enumerate(transition.bookings):
        values |= prefixed(f"t{n}_", owner | booking_values(booking, at))
    for n, line in enumerate(change.expected):
        values |= prefixed(f"s{n}_", expected_values(operation, line, at))
    for n, (type_, object_id, data) in enumerate(change.events):
        values |= prefixed(f"e{n}_", event_row(type_, object_id, data, livemode=operation.livemode, at=at))
    for n, (kind, detail) in enumerate(transition.exceptions):
        opened = owner | exception_values(operation, kind, detail, at)
        told = told_by(opened, "exception.opened", at)
        values |= prefixed(f"x{n}_", opened) | prefixed(f"e{len(change.events) + n}_", told)
    if change.answer is not None:
        values |= answer_values(change.answer, operation.livemode)
    if change.counted is not None:
        values |= decline_values(change.counted)
    await database.run(_record(shape), values)


_PAYMENT: Final = Query(
    select(payments).where(payments.c.livemode == bindparam("livemode"), payments.c.id == bindparam("id"))
)
_OPERATIONS: Final = Query(
    select(operations).where(operations.c.payment_id == bindparam("payment_id")).order_by(operations.c.id)
)
_OPERATION: Final = Query(select(operations).where(operations.c.id == bindparam("id")))
_BY_REFERENCE: Final = Query(
    select(operations)
    .where(
        operations.c.merchant_account == bindparam("merchant_account"),
        operations.c.processor_reference == bindparam("processor_reference"),
    )
    .order_by(operations.c.external.desc(), operations.c.id)  # Ours come back with our tag.
)
_DUE: Final = Query(
    select(operations)
    .where(
        operations.c.due_at <= in_seconds(literal_column("0")),
        operations.c.lease_until <= in_seconds(literal_column("0")),
    )
    .order_by(operations.c.due_at)
    .limit(bindparam("most", type_=Integer))
)
_CANCELING: Final = Query(
    select(payments)
    .where(
        payments.c.canceling,
        or_(payments.c.status == Status.AUTHORIZED, payments.c.status == Status.REQUIRES_ACTION),
        ~exists().where(
            operations.c.payment_id == payments.c.id,
            operations.c.kind == Operation.VOID,
            or_(*(operations.c.status == status for status in sorted(COUNTED))),
        ),
    )
    .order_by(payments.c.id)
    .limit(bindparam("most", type_=Integer))
)


async def find_payment(database: Database, livemode: bool, payment_id: str) -> Payment | None:  # noqa: FBT001 - the mode
    """Read one payment of a mode."""
    rows = await database.fetch(_PAYMENT, {"livemode": livemode, "id": payment_id})
    return to_payment(rows[0]) if rows else None


async def operations_of(database: Database, payment_id: str) -> list[OperationState]:
    """Read a payment's operations, oldest first."""
    return [to_operation(row) for row in await database.fetch(_OPERATIONS, {"payment_id": payment_id})]


async def find_operation(database: Database, operation_id: str) -> OperationState | None:
    """Read one operation."""
    rows = await database.fetch(_OPERATION, {"id": operation_id})
    return to_operation(rows[0]) if rows else None


async def by_processor_reference(database: Database, merchant_account: str, reference: str) -> list[OperationState]:
    """Read an account's operations that the processor knows by *reference*, first those made by other hands."""
    values = {"merchant_account": merchant_account, "processor_reference": reference}
    return [to_operation(row) for row in await database.fetch(_BY_REFERENCE, values)]


async def due_operations(database: Database, most: int) -> list[OperationState]:
    """Read at most *most* operations that somebody has to look at now, the longest due first."""
    return [to_operation(row) for row in await database.fetch(_DUE, {"most": most})]


async def cancellations_due(database: Database, most: int) -> list[Payment]:
    """Read authorized payments whose cancellation was asked for while their outcome was unknown."""
    return [to_payment(row) for row in await database.fetch(_CANCELING, {"most": most})]


async def make_due(database: Database, merchant_account: str) -> None:
    """Have an account's unknown operations looked at within `SPREAD_S`, each at another moment: it answers again."""
    unknown = (operations.c.merchant_account == merchant_account, operations.c.status == OperationStatus.UNKNOWN)
    later = operations.c.due_at > in_seconds(literal_column(str(SPREAD_S)))
    wanted = select(operations.c.id).where(*unknown, later).order_by(operations.c.due_at)
    async with database.transaction() as connection:
        ids = (await connection.execute(wanted)).scalars().all()
        for n, id_ in enumerate(ids):
            soon = in_seconds(bindparam("soon_s", SPREAD_S * n / len(ids), type_=Float))
            await connection.execute(update(operations).where(operations.c.id == id_).values(due_at=soon))


async def claim(database: Database, operation: OperationState, *, due_s: float | None, lease_s: float) -> None:
    """Take *operation* for one inquiry: nobody else does for *lease_s*, and the job looks again after *due_s*.

    With *due_s* None the job's own schedule stays as it is.

    Raises:
        ConflictError: when somebody else has it or took it first, or something has come of it since it was read.
    """
    values = {"o_id": operation.id, "fence_read": operation.fence, "lease_s": lease_s, "due_s": due_s}
    await database.run(_CLAIM[due_s is not None], values | {"status_read": operation.status})


async def release(database: Database, operation: OperationState) -> None:
    """Let others take *operation*, unless somebody else has it by now."""
    await database.run(_RELEASE, {"o_id": operation.id, "fence_read": operation.fence})
