"""Going through everything that is kept about an erased person, at once and again later for what is told since."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from hub.access.store import AUDIT, audit_row
from hub.due_rows import claim_due
from hub.erasure import store
from hub.erasure.asking import words_of
from hub.erasure.tables import erasures
from hub.payments.shell import Shell

AT_ONCE: Final = 5
LEASE_S: Final = 600.0
PAGE: Final = 5
"""Payments that are gone through in one commit."""
SEARCHED: Final = 500
"""Deliveries that are searched at a time."""
_DAY_S: Final = 86_400.0
AGAIN_AFTER_S: Final = (_DAY_S, 7 * _DAY_S, 30 * _DAY_S, 120 * _DAY_S, 400 * _DAY_S)
"""When what processors told since is gone through: a dispute may come a year after its payment."""
_log = structlog.get_logger(__name__)


async def erase_due(shell: Shell) -> int:
    """Go through what is kept about persons who are due; returns how many there were."""
    rows = await claim_due(shell.database, erasures, AT_ONCE, LEASE_S)
    for row in rows:
        try:
            await _pass(shell, row)
        except Exception as failure:  # noqa: BLE001 - tried again when its lease ends; the others go on
            _log.warning("erasure_failed", erasure=row["id"], exc_info=failure)
    return len(rows)


async def _pass(shell: Shell, row: Mapping[Any, Any]) -> None:
    """Go through everything once; killed in between, it is begun anew, and what is done is done."""
    is_last = row["passes"] >= len(AGAIN_AFTER_S)
    count = await _payments(shell, row["customer"], finally_=is_last)
    await _search(shell, words_of(shell.sealer, row["id"], row["needles"]))
    at, passes = shell.clock(), row["passes"] + 1
    details = {"payments": count, "pass": passes, "last": is_last}
    told = audit_row(None, "customer.gone_through", row["customer"], details, livemode=bool(row["livemode"]), at=at)
    again_s = None if is_last else AGAIN_AFTER_S[row["passes"]]
    async with shell.database.transaction() as connection:
        await store.clean_methods(connection, row["customer"])
        if await store.passed(connection, row["id"], passes, at, again_s):
            await connection.execute(AUDIT, told)


async def _payments(shell: Shell, customer: str, *, finally_: bool) -> int:
    after, count = "", 0
    while True:
        async with shell.database.reading() as connection:
            ids = await store.payments_after(connection, customer, after, PAGE)
        if not ids:
            return count
        async with shell.database.transaction() as connection:
            for payment_id in ids:
                await store.clean_payment(connection, payment_id, finally_=finally_)
        after, count = ids[-1], count + len(ids)


async def _search(shell: Shell, words: Sequence[str]) -> None:
    """Look for the person in what names no payment of ours."""
    if not words:
        return
    sought, after = [word.encode() for word in words], ""
    while True:
        async with shell.database.reading() as connection:
            found = await store.deliveries_after(connection, after, SEARCHED)
        if not found:
            break
        theirs = [id_ for id_, body in found if any(word in body for word in sought)]
        if theirs:
            async with shell.database.transaction() as connection:
                await store.clean_deliveries(connection, theirs)
        after = found[-1][0]
    async with shell.database.transaction() as connection:
        await store.clean_broken_rows(connection, words)
