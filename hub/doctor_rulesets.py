"""What `hub doctor` says of rulesets: whether those that decide, or are to, can be read."""

import asyncio
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.doctor_findings import Finding, good, wrong
from hub.errors import ProblemError
from hub.rulesets import reading, store
from hub.rulesets.deciding import shares
from routing.rollout import standing


async def look_at_rulesets(connection: AsyncConnection, at: datetime) -> Finding:
    """Read every ruleset that decides in either mode *at* an instant, shadows one, or is scheduled."""
    used: set[str] = set()
    for livemode in (False, True):
        now = standing(await store.changes(connection, livemode=livemode), at)
        used |= {share.ruleset for share in (*shares(now), *now.scheduled)}
    told: list[str] = []
    for name, (version, document) in (await store.documents(connection, used)).items():
        try:
            await asyncio.to_thread(reading.compiled, document, id=name, version=version)
        except ProblemError as unreadable:
            told.append(unreadable.detail)
    if told:
        mend = "run the version of the hub that stored it, or write and activate it anew"
        return wrong("rulesets", "; ".join(sorted(told)), mend)
    return good("rulesets", f"{len(used)} in use, all can be read" if used else "none decides: every account that fits")
