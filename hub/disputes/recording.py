"""Where every word about a dispute ends: one commit with all that it changes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import metrics
from hub.access.tables import audit_log
from hub.database import ConflictError
from hub.disputes import rules, store
from hub.disputes.answers import dispute_body
from hub.disputes.closing import Closing, answer, close
from hub.disputes.rows import movement_values, told_values
from hub.disputes.store import Held, Place
from hub.disputes.tables import dispute_movements, dispute_reports
from hub.disputes.values import DECIDED, Case, Decided, Dispute, SubmissionStatus, Told
from hub.events.rows import event_row
from hub.events.tables import events
from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.exceptions.types import ExceptionType
from hub.ids import new_id
from hub.ledger.tables import transfers
from hub.pan import mask
from hub.payments.changes import Actor
from hub.payments.recording import patiently, settlement_terms
from hub.payments.rows import audit_values, booking_values, expected_values
from hub.payments.shell import TRIES, Shell
from hub.payments.states import OperationState
from hub.payments.store import by_processor_reference, find_operation
from hub.settlement.expecting import lines_of
from hub.settlement.tables import expected_settlements
from normalization.disputes import DisputeReport, FundsMovement
from normalization.outcome import OPENING, Operation

_ABOUT = OPENING | {Operation.CAPTURE}


class Recorded(Struct, frozen=True, kw_only=True):
    """A dispute as it stands after a word, and as the API shows it."""

    dispute: Dispute
    body: bytes


async def record_dispute(shell: Shell, merchant_account: str, report: DisputeReport, source: str) -> str | None:
    """Record what a processor says of a dispute; returns its payment's id, None where no payment of ours is meant.

    `source` is webhook, answer, inquiry or listed. What was heard before changes nothing.
    """
    place = await _find(shell, merchant_account, report)
    if place is None:
        return None
    await commit(shell, place, report, source)
    return place.payment_id


async def _find(shell: Shell, merchant_account: str, report: DisputeReport) -> Place | None:
    """Find what is disputed: as it was found before, else by our tag, else by the processor's id of the payment."""
    known = await store.find(shell.database, merchant_account, report.processor_reference)
    if known is not None:
        return place_of(known) if known.livemode == report.livemode else None
    parents = await _parents(shell, merchant_account, report.parent_reference)
    operation = await _tagged(shell, merchant_account, report.tag) or next(iter(parents), None)
    if operation is None or operation.livemode != report.livemode:
        return None
    if parents and report.parent_reference == report.processor_reference:
        # The payment alone is named: its dispute is meant, which another word has to have told of.
        theirs = await store.of_payment(shell.database, operation.payment_id, merchant_account)
        waiting = [dispute for dispute in theirs if dispute.standing.status not in DECIDED]
        meant = next(iter(waiting or theirs), None)
        return place_of(meant) if meant is not None else None
    return Place(
        payment_id=operation.payment_id,
        operation_id=operation.id,
        merchant_account=merchant_account,
        processor_reference=report.processor_reference,
    )


def place_of(dispute: Dispute) -> Place:
    """Say where *dispute* belongs."""
    return Place(
        payment_id=dispute.payment_id,
        operation_id=dispute.operation_id,
        merchant_account=dispute.merchant_account,
        processor_reference=dispute.processor_reference,
    )


async def _tagged(shell: Shell, merchant_account: str, tag: str | None) -> OperationState | None:
    tagged = await find_operation(shell.database, tag) if tag else None
    if tagged is not None and tagged.kind not in _ABOUT:
        tagged = await find_operation(shell.database, tagged.attempt_id)
    return tagged if tagged is not None and tagged.merchant_account == merchant_account else None


async def _parents(shell: Shell, merchant_account: str, reference: str | None) -> list[OperationState]:
    """Find what took the money that the processor knows by *reference*, attempts first."""
    if reference is None:
        return []
    found = await by_processor_reference(shell.database, merchant_account, reference)
    return sorted((o for o in found if o.kind in _ABOUT), key=lambda o: o.kind not in OPENING)


async def commit(
    shell: Shell, place: Place, report: DisputeReport | None, source: str, closing: Closing | None = None
) -> Recorded:
    """Commit all that *report* changes, and with it what became of a submission; a repetition changes nothing."""
    for _ in range(TRIES):
        try:
            # A lost connection may have committed: said again, it changes nothing.
            return await patiently(partial(_commit, shell, place, report, source, closing))
        except ConflictError:
            continue
    raise ConflictError("disputes")


async def _commit(
    shell: Shell, place: Place, report: DisputeReport | None, source: str, closing: Closing | None
) -> Recorded:
    at = shell.clock()
    async with shell.database.transaction() as connection:
        held = await store.hold(connection, place)
        now = held if report is None else await _hear(shell, connection, held, _heard(place, report, source, at))
        if now.dispute is None:
            raise LookupError(f"there is no dispute {place.processor_reference}")
        ended = await close(connection, closing, at) if closing is not None else None
        if closing is not None and closing.status is SubmissionStatus.EXCEPTION and ended is not None:
            unknown = _openings(now.operation, now.dispute, (("outcome_unknown", closing.why),))
            await open_exceptions(connection, unknown, at)
        submissions = await store.submissions_of(connection, now.dispute.id)
        body = msgspec.json.encode(dispute_body(now.dispute, now.history, now.movements, submissions))
        told = now.events or (("dispute.updated",) if ended else ())
        await store.add(connection, events, [event_values(now.dispute, name, body, at) for name in told])
        if closing is not None:
            await answer(connection, closing, body)
    return Recorded(dispute=now.dispute, body=body)


async def _hear(shell: Shell, connection: AsyncConnection, held: Held, told: Told) -> Held:
    """Write what one more word changes; nothing where it was heard before."""
    before = Case(words=tuple(one.report for one in held.history), movements=held.movements)
    if held.dispute is not None and told.report in before.words:
        return held
    known = held.dispute
    after, decided = rules.decide(
        before,
        told.report,
        held.payment,
        held.operation,
        contested=known.contested_minor if known else 0,
        raised=known.concerns if known else frozenset(),
    )
    dispute = _dispute(held, told, decided)
    await _write(shell, connection, held, dispute, decided, told)
    return replace(
        held, dispute=dispute, history=(*held.history, told), movements=after.movements, events=decided.events
    )


def _heard(place: Place, report: DisputeReport, source: str, at: datetime) -> Told:
    named = replace(report, processor_reference=place.processor_reference)
    return Told(report=rules.plain(_masked(named)), source=source, recorded_at=at)


def _dispute(held: Held, told: Told, decided: Decided) -> Dispute:
    """Make the dispute as it is to be kept."""
    operation, known, at = held.operation, held.dispute, told.recorded_at
    return Dispute(
        id=known.id if known else new_id("dp_"),
        livemode=operation.livemode,
        payment_id=operation.payment_id,
        operation_id=operation.id,
        merchant_account=operation.merchant_account,
        processor=operation.processor,
        processor_reference=told.report.processor_reference,
        standing=decided.standing,
        contested_minor=decided.contested_minor,
        concerns=decided.concerns,
        reminded_stage=known.reminded_stage if known else None,
        version=known.version + 1 if known else 1,
        created_at=known.created_at if known else at,
        updated_at=at,
    )


async def _write(
    shell: Shell, connection: AsyncConnection, held: Held, dispute: Dispute, decided: Decided, told: Told
) -> None:
    at, operation = told.recorded_at, held.operation
    await store.write_dispute(connection, held.dispute, dispute)
    if decided.payment != held.payment:
        changed = replace(decided.payment, version=held.payment.version + 1, updated_at=at)
        await store.write_disputed(connection, held.payment, changed)
    owner = {"livemode": operation.livemode, "payment_id": operation.payment_id, "operation_id": operation.id}
    word = {"id": new_id("rep_"), "dispute_id": dispute.id, "payment_id": dispute.payment_id} | told_values(told)
    await store.add(connection, dispute_reports, [word])
    moved = [(movement, owner | booking_values(booking, at)) for movement, booking in decided.moved]
    besides = [owner | booking_values(booking, at) for booking in decided.bookings]
    await store.add(connection, transfers, [*(transfer for _, transfer in moved), *besides])
    await store.add(connection, dispute_movements, [_movement_row(dispute, *one, at) for one in moved])
    terms, rates = settlement_terms(shell, operation)
    lines = lines_of((booking for _, booking in decided.moved), terms, at, rates=rates)
    expected = [expected_values(operation, line, at) for line in lines]
    await store.add(connection, expected_settlements, expected)
    await open_exceptions(connection, _openings(operation, dispute, decided.exceptions), at)
    now = dispute.standing
    details = {"dispute": dispute.id, "source": told.source, "stage": now.stage, "status": now.status}
    actor = Actor("", dispute.processor, dispute.id)
    audit = audit_values(actor, held.payment, "dispute.told", at, details)
    await store.add(connection, audit_log, [{name.removeprefix("a_"): value for name, value in audit.items()}])


def _movement_row(
    dispute: Dispute, movement: FundsMovement, transfer: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    owned = {"id": new_id("dpm_"), "dispute_id": dispute.id, "transfer_id": transfer["id"], "created_at": at}
    return owned | movement_values(movement)


def _openings(operation: OperationState, dispute: Dispute, found: Sequence[tuple[ExceptionType, str]]) -> list[Opening]:
    money = dispute.standing.money
    return [
        Opening(
            type=type_,
            livemode=operation.livemode,
            merchant_account=operation.merchant_account,
            amount_minor=money.minor,
            currency=money.currency,
            detail=f"{dispute.id}: {why}",
            payment_id=operation.payment_id,
            operation_id=operation.id,
        )
        for type_, why in found
    ]


def event_values(dispute: Dispute, name: str, body: bytes, at: datetime) -> dict[str, Any]:
    """Make the row of an event that shows a dispute."""
    return event_row(name, dispute.id, body, livemode=dispute.livemode, at=at)


def _masked(report: DisputeReport) -> DisputeReport:
    """Keep no card number in what is free text; the processor's references are no such thing."""
    texts = (report.processor_reason or "", report.network_reason or "", report.raw_status)
    found = sum(mask(text)[1] for text in texts)
    if not found:
        return report
    metrics.MASKED.inc(found)
    processor, network, status = (mask(text)[0] for text in texts)
    return replace(report, processor_reason=processor or None, network_reason=network or None, raw_status=status)
