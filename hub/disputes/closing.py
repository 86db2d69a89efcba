"""What became of a submission, written in the commit of what the processor said."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Float, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import in_seconds
from hub.disputes.tables import dispute_files, dispute_submissions
from hub.disputes.values import UNDER_WAY, SubmissionStatus
from hub.idempotency.store import STORE_ANSWER, Answer, answer_values
from normalization.disputes import AnswerRefused

_table = dispute_submissions


class Closing(Struct, frozen=True, kw_only=True):
    """Where a submission stands now, and with which HTTP status its caller is answered.

    `due_s` is when the worker sends it again, in seconds; `why` is for the human who must look.
    """

    submission_id: str
    livemode: bool
    idempotency_key: str
    status: SubmissionStatus
    http_status: int
    refusal: AnswerRefused | None = None
    due_s: float | None = None
    why: str = ""

    @property
    def ends(self) -> bool:
        """Whether it is not sent again."""
        return self.status not in UNDER_WAY


async def close(connection: AsyncConnection, closing: Closing, at: datetime) -> bool | None:
    """Write down where the submission stands; what ended already stays so.

    Returns None where it had ended before, else whether it ends now after its caller was told that it is unknown.
    """
    mine = _table.c.id == closing.submission_id
    before = await connection.scalar(select(_table.c.status).where(mine))
    if before not in UNDER_WAY:
        return None
    changes: dict[str, Any] = {
        "status": closing.status,
        "refusal": msgspec.json.encode(closing.refusal) if closing.refusal else None,
        "due_at": None if closing.due_s is None else in_seconds(bindparam("due_s", closing.due_s, type_=Float)),
    }
    if closing.ends:
        changes |= {"request": None, "finished_at": at}
        files = dispute_files.c.submission_id == closing.submission_id
        await connection.execute(update(dispute_files).where(files).values(content=None))
    await connection.execute(update(_table).where(mine).values(changes))
    return closing.ends and before == SubmissionStatus.UNKNOWN


async def answer(connection: AsyncConnection, closing: Closing, body: bytes) -> None:
    """Store the caller's answer, unless one stands."""
    given = Answer(closing.idempotency_key, closing.http_status, body)
    await connection.execute(STORE_ANSWER, answer_values(given, closing.livemode))
