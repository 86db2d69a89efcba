"""What the worker does for disputes: sends again what may not have arrived, and reminds of evidence that is due."""

import asyncio
from datetime import timedelta
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import ColumnElement, or_, select

from hub.database import ConflictError
from hub.disputes import store, submissions
from hub.disputes.answers import dispute_body
from hub.disputes.recording import event_values, place_of
from hub.disputes.rows import to_dispute
from hub.disputes.submissions import Waiting
from hub.disputes.submitting import resend
from hub.disputes.tables import disputes
from hub.disputes.values import Dispute
from hub.events.tables import events
from hub.payments.shell import Shell
from normalization.disputes import DisputeStatus

EVIDENCE_DUE: Final = "dispute.evidence_due"
BATCH: Final = 50
AT_ONCE: Final = 4
"""Submissions on their way at the same time; each holds its files in memory."""
_log = structlog.get_logger(__name__)


async def answer_due(shell: Shell) -> int:
    """Send again what may not have arrived; returns how many there were."""
    due = await submissions.claim(shell.database, AT_ONCE, shell.lease_s)

    async def one(waiting: Waiting) -> None:
        try:
            await resend(shell, waiting)
        except Exception:  # noqa: BLE001 - one dispute's trouble must not keep the others; its lease ends by itself
            _log.exception("submission_failed", submission=waiting.id)

    await asyncio.gather(*(one(waiting) for waiting in due))
    return len(due)


async def remind_due(shell: Shell) -> int:
    """Tell applications of evidence that is due soon, once for each stage; returns how many disputes there were."""
    at = shell.clock()
    soon = at + timedelta(days=shell.settings.evidence_due_days)
    waits: tuple[ColumnElement[bool], ...] = (
        disputes.c.status == DisputeStatus.NEEDS_RESPONSE,
        disputes.c.evidence_due_at > at,
        disputes.c.evidence_due_at <= soon,
        or_(disputes.c.reminded_stage.is_(None), disputes.c.reminded_stage != disputes.c.stage),
    )
    wanted = select(disputes).where(*waits).order_by(disputes.c.evidence_due_at).limit(BATCH)
    async with shell.database.reading() as connection:
        due = [to_dispute(row) for row in (await connection.execute(wanted)).mappings()]
    for dispute in due:
        try:
            await _remind(shell, dispute)
        except ConflictError:
            continue  # The next round looks again.
    return len(due)


async def _remind(shell: Shell, read: Dispute) -> None:
    at = shell.clock()
    async with shell.database.transaction() as connection:
        held = await store.hold(connection, place_of(read))
        dispute = held.dispute
        if dispute is None or dispute.version != read.version:
            return  # Something was told meanwhile: the next round looks again.
        reminded = replace(dispute, reminded_stage=dispute.standing.stage, version=dispute.version + 1)
        await store.write_dispute(connection, dispute, reminded)
        said = await store.submissions_of(connection, dispute.id)
        body = msgspec.json.encode(dispute_body(reminded, held.history, held.movements, said))
        await store.add(connection, events, [event_values(reminded, EVIDENCE_DUE, body, at)])
