"""All SQL of API keys and the audit log; the caller owns the transaction."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    RowMapping,
    and_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    not_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import ROLES, Caller, Role
from hub.access.tables import api_keys, audit_log
from hub.database import Query
from hub.ids import new_id

BY_HASH: Final = Query(select(api_keys).where(api_keys.c.hash == bindparam("hash"), api_keys.c.revoked_at.is_(None)))
AUDIT: Final = insert(audit_log).values(
    {name: bindparam(name) for name in ("id", "livemode", "key_id", "principal", "action", "object_id", "details")}
    | {name: bindparam(name) for name in ("request_id", "created_at")}
)
"""For units of the charge path; `audit_row` makes its values."""


def audit_row(
    caller: Caller | None,
    action: str,
    object_id: str,
    details: Mapping[str, Any],
    *,
    livemode: bool,
    at: datetime,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Say who did what to which object; *caller* None is the hub itself. Details hold no secret and no card data."""
    return {
        "id": new_id("aud_"),
        "livemode": livemode,
        "key_id": caller.key_id if caller else None,
        "principal": caller.principal if caller else "hub",
        "action": action,
        "object_id": object_id,
        "details": msgspec.json.encode(details).decode(),
        "request_id": request_id,
        "created_at": at,
    }


async def audit(
    connection: AsyncConnection,
    caller: Caller,
    action: str,
    object_id: str,
    details: Mapping[str, Any],
    *,
    request_id: str | None = None,
) -> None:
    """Record a change in the transaction that makes it."""
    at = datetime.now(UTC)
    row = audit_row(caller, action, object_id, details, livemode=caller.livemode, at=at, request_id=request_id)
    await connection.execute(AUDIT, row)


def to_caller(row: Mapping[str, Any] | RowMapping) -> Caller:
    """Read a row of `api_keys` as who is asking."""
    accounts = row["merchant_accounts"]
    role = Role(row["role"]) if row["role"] else None  # A role's scopes are those of this version of the hub.
    return Caller(
        key_id=row["id"],
        principal=row["principal"],
        role=role,
        scopes=ROLES[role] if role else frozenset(msgspec.json.decode(row["scopes"], type=list[str])),
        livemode=bool(row["livemode"]),
        merchant_accounts=frozenset(msgspec.json.decode(accounts, type=list[str])) if accounts else None,
        refund_max=msgspec.json.decode(row["refund_max"], type=dict[str, int]) if row["refund_max"] else None,
        expires_at=row["expires_at"],
    )


async def add_key(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert an API key."""
    await connection.execute(insert(api_keys), dict(row))


async def key(connection: AsyncConnection, *, livemode: bool, key_id: str) -> RowMapping | None:
    """Read one key."""
    found = await connection.execute(select(api_keys).where(api_keys.c.livemode == livemode, api_keys.c.id == key_id))
    return found.mappings().one_or_none()


async def keys_before(
    connection: AsyncConnection,
    *,
    livemode: bool,
    before: str | None,
    only: Collection[str] | None,
    limit: int,
) -> list[RowMapping]:
    """Read keys, newest first, from the one before *before* on; *only*: those that reach no other accounts."""
    wanted = select(api_keys).where(api_keys.c.livemode == livemode)
    if before is not None:
        wanted = wanted.where(api_keys.c.id < before)
    if only is not None:
        wanted = wanted.where(names_only(connection, api_keys.c.merchant_accounts, only))
    return list((await connection.execute(wanted.order_by(api_keys.c.id.desc()).limit(limit))).mappings())


def names_only(
    connection: AsyncConnection, accounts: ColumnElement[str | None], only: Collection[str]
) -> ColumnElement[bool]:
    """Tell rows whose *accounts*, a JSON list of merchant accounts where NULL is all of them, are among *only*."""
    if connection.dialect.name == "postgresql":
        each = func.json_array_elements_text(cast(accounts, JSON)).table_valued("value")
    else:
        each = func.json_each(accounts).table_valued("value")
    further = exists(select(each.c.value).where(each.c.value.not_in(sorted(only))))
    return and_(accounts.is_not(None), not_(further))


async def revoke(connection: AsyncConnection, *, livemode: bool, key_id: str, at: datetime) -> bool:
    """Revoke a key that is not revoked yet."""
    done = await connection.execute(
        update(api_keys)
        .where(api_keys.c.livemode == livemode, api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return bool(done.rowcount)
