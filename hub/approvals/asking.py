"""What passes a limit becomes an approval that waits: the caller gets 202, and nothing else happens."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.approvals import store
from hub.approvals.rules import ApprovalStatus, Kind
from hub.approvals.showing import approval_body
from hub.database import ConflictError
from hub.idempotency.service import Reply, look_up
from hub.idempotency.store import INSERT_KEY, Key, key_values
from hub.ids import new_id
from hub.payments.shell import Shell

ACCEPTED: Final = 202
IDENTITY: Final = "approvals/{}/request"


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody wants done; `request` is exactly that, to be sealed. `summary` holds no secret."""

    kind: Kind
    caller: Caller
    request_id: str
    object_id: str
    summary: str
    request: dict[str, Any]
    merchant_account: str | None = None
    amount_minor: int | None = None
    currency: str | None = None


class Sealed(Struct, frozen=True, kw_only=True):
    """What an approval does when it is carried out, and as whom."""

    caller: Caller
    request: dict[str, Any]


async def ask(shell: Shell, asked: Asked, key: Key | None = None) -> Reply:
    """Keep *asked* until somebody decides on it; *key* answers the same from now on.

    Raises:
        ProblemError: idempotency_key_reused.
    """
    at = shell.clock()
    row = _row(shell, asked, at)
    body = msgspec.json.encode(approval_body(row))
    reply = Reply(status=ACCEPTED, body=body, location=f"/v1/approvals/{row['id']}")
    try:
        async with shell.database.transaction() as connection:
            await store.add(connection, row)
            if key is not None:
                await keep_key(connection, key, reply, livemode=asked.caller.livemode, at=at)
            told = {"kind": asked.kind, "object": asked.object_id, "summary": asked.summary}
            entry = audit_row(
                asked.caller,
                "approval.requested",
                row["id"],
                told,
                livemode=asked.caller.livemode,
                at=at,
                request_id=asked.request_id,
            )
            await connection.execute(AUDIT, entry)
    except ConflictError:
        standing = None if key is None else await look_up(shell.database, key, livemode=asked.caller.livemode)
        if standing is None:
            raise
        return standing
    return reply


async def keep_key(connection: AsyncConnection, key: Key, reply: Reply, *, livemode: bool, at: datetime) -> None:
    """Store a caller's key with its answer; of two requests with one key the database lets one through.

    Raises:
        ConflictError: when the key is taken, at the end of the transaction.
    """
    standing = Key(key=key.key, fingerprint=key.fingerprint, location=reply.location)
    values = key_values(standing, None, livemode, at) | {"k_status": reply.status, "k_answer": reply.body}
    await connection.execute(INSERT_KEY, values)


def opened(shell: Shell, approval_id: str, sealed: bytes) -> Sealed:
    """Open what an approval does."""
    return msgspec.json.decode(shell.sealer.open(sealed, IDENTITY.format(approval_id)), type=Sealed)


def _row(shell: Shell, asked: Asked, at: datetime) -> dict[str, Any]:
    approval_id = new_id("apr_")
    plain = msgspec.json.encode(Sealed(caller=asked.caller, request=asked.request))
    unsaid = dict.fromkeys(("decided_by", "decision_reason", "decided_at", "result", "error", "due_at", "ended_at"))
    return unsaid | {
        "id": approval_id,
        "livemode": asked.caller.livemode,
        "kind": asked.kind,
        "status": ApprovalStatus.PENDING,
        "object_id": asked.object_id,
        "merchant_account": asked.merchant_account,
        "amount_minor": asked.amount_minor,
        "currency": asked.currency,
        "summary": asked.summary,
        "request": shell.sealer.seal(plain, IDENTITY.format(approval_id)),
        "requested_by": asked.caller.principal,
        "tries": 0,
        "expires_at": at + shell.settings.approval_expiry,
        "created_at": at,
    }
