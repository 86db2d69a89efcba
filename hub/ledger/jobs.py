"""What the worker does for the ledger: adding up what is final, and checking the books once a day."""

from datetime import date

from hub import metrics
from hub.database import ConflictError
from hub.ledger import checks, closing
from hub.ledger.closing import STRETCH_MAX, Closing
from hub.payments.shell import Shell


async def close_ledger(shell: Shell) -> int:
    """Add up a stretch of transfers where a day has ended or enough are open; returns how many there were."""
    at = shell.clock()
    async with shell.database.reading() as connection:
        last = await closing.last_closing(connection)
    if not is_due(last, await closing.newest(shell.database), at.date()):
        return 0
    try:
        return await closing.close_next(shell.database, at)
    except ConflictError:
        return 0  # Another worker did it.


def is_due(last: Closing, newest: int, today: date) -> bool:
    """Whether transfers up to the position *newest* are worth a closing after *last*; pure."""
    of_earlier = last.closed_at is None or last.closed_at.date() < today
    return newest > last.position and (of_earlier or newest - last.position >= STRETCH_MAX)


async def check_ledger(shell: Shell) -> int:
    """Check the books where nobody did today, and show what the last check found; returns 0: once a day will do."""
    today = shell.clock().date()
    last = await checks.last_check(shell.database)
    if last is None or last.day < today:
        last = await checks.check(shell.database, shell.clock())
    metrics.LEDGER_FINDINGS.set(last.findings)
    return 0
