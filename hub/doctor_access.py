"""What `hub doctor` says of who may come in: whether anybody can, and whether two can where two are needed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.tables import api_keys
from hub.approvals.rules import NO_APPROVALS, ApprovalLimits
from hub.doctor_findings import Finding, good, wrong


class Key(Struct, frozen=True):
    """An API key that opens the hub now."""

    livemode: bool
    principal: str
    approves: bool


async def keys_in_effect(connection: AsyncConnection, at: datetime) -> list[Key]:
    """Read the keys that are neither revoked nor expired *at* an instant."""
    columns = api_keys.c
    wanted = select(columns.livemode, columns.principal, columns.scopes).where(
        columns.revoked_at.is_(None), or_(columns.expires_at.is_(None), columns.expires_at > at)
    )
    return [
        Key(bool(row.livemode), row.principal, "approvals:write" in msgspec.json.decode(row.scopes))
        for row in await connection.execute(wanted)
    ]


def look_at_access(keys: Sequence[Key], limits: ApprovalLimits) -> list[Finding]:
    """Judge whether anybody can use the hub, and whether what needs two people can be done at all."""
    if not keys:
        return [wrong("API keys", "none opens the hub", "make one with `hub keys create`")]
    found = [good("API keys", f"{len(keys)} open the hub")]
    if limits == NO_APPROVALS:
        return found
    for livemode in sorted({key.livemode for key in keys}):
        mode = "live" if livemode else "test"
        people = {key.principal for key in keys if key.approves and key.livemode is livemode}
        told = f"HUB_APPROVALS asks for two people, and {len(people)} may approve in {mode} mode"
        if len(people) > 1:
            found.append(good(f"approvals in {mode} mode", f"{len(people)} people may decide"))
        else:
            mend = "make a key of a role that approves for a second principal, or what waits expires"
            found.append(wrong(f"approvals in {mode} mode", told, mend))
    return found
