"""What waits for a human is counted, for those who watch over the hub."""

from collections import Counter

from hub import metrics
from hub.exceptions.lists import open_counts
from hub.exceptions.types import DUE_AFTER, SEVERITY, TYPES
from hub.payments.shell import Shell


async def count_open(shell: Shell) -> int:
    """Set the gauges of open and overdue exceptions; returns 0, since there is no more to do now."""
    async with shell.database.reading() as connection:
        counts = await open_counts(connection, shell.clock())
    waiting = {(count.type, count.livemode): count.open for count in counts}
    overdue: Counter[tuple[str, bool]] = Counter()
    for count in counts:
        overdue[SEVERITY[count.type], count.livemode] += count.overdue
    for livemode in (False, True):
        mode = str(livemode).lower()
        for type_ in TYPES:
            gauge = metrics.EXCEPTIONS_OPEN.labels(type_, SEVERITY[type_], mode)
            gauge.set(waiting.get((type_, livemode), 0))
        for severity in DUE_AFTER:
            metrics.EXCEPTIONS_OVERDUE.labels(severity, mode).set(overdue[severity, livemode])
    return 0
