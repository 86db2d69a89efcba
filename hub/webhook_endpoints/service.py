"""Endpoints made, changed, deleted, given new secrets: each with its audit row in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import audit
from hub.errors import FieldError, ProblemError
from hub.events.types import nearest
from hub.ids import new_id
from hub.merchants.store import account_ids
from hub.payments.shell import Shell
from hub.webhook_endpoints import store
from hub.webhook_endpoints.addresses import UrlRefusedError, read_url
from hub.webhook_endpoints.rules import EndpointStatus
from hub.webhook_endpoints.secrets import previous_signs, seal_secret
from hub.webhook_endpoints.signing import new_secret


class Wanted(Struct, frozen=True, kw_only=True):
    """What an endpoint is to be."""

    url: str
    events: Sequence[str]
    description: str
    merchant_accounts: Sequence[str] | None
    ordered: bool


async def make(shell: Shell, caller: Caller, request_id: str, wanted: Wanted) -> tuple[RowMapping, bytes]:
    """Store a new endpoint; also gives its secret.

    Raises:
        ProblemError: validation_failed; forbidden for accounts beyond the key's.
    """
    _check(shell, caller, wanted.url, wanted.events)
    endpoint_id, secret, at = new_id("we_"), new_secret(), shell.clock()
    async with shell.database.transaction() as connection:
        await store.hold(connection)
        await _check_accounts(connection, caller, wanted.merchant_accounts)
        values = {
            "id": endpoint_id,
            "livemode": caller.livemode,
            "status": EndpointStatus.ENABLED,
            "reason": None,
            "secret": seal_secret(shell.sealer, endpoint_id, secret),
            "secret_previous": None,
            "previous_ends_at": None,
            "after_position": await store.newest_position(connection),
            "created_at": at,
            "updated_at": at,
        }
        await store.add(connection, values | _columns(msgspec.structs.asdict(wanted)))
        told = msgspec.structs.asdict(wanted)
        await audit(connection, caller, "webhook_endpoint.created", endpoint_id, told, request_id=request_id)
        return await _read(connection, caller, endpoint_id), secret


async def change(
    shell: Shell, caller: Caller, request_id: str, endpoint_id: str, changes: Mapping[str, Any]
) -> RowMapping:
    """Change an endpoint; disabling it skips what waits, enabling it begins with what is published next.

    Raises:
        ProblemError: not_found, and what `make` raises.
    """
    async with shell.database.transaction() as connection:
        await store.hold(connection)
        row = await _read(connection, caller, endpoint_id)
        _check(shell, caller, changes.get("url", row["url"]), changes.get("events", ()))
        if "merchant_accounts" in changes:
            await _check_accounts(connection, caller, changes["merchant_accounts"])
        values = {**_columns(changes), "updated_at": shell.clock()}
        if "status" in changes:
            values["reason"] = None if changes["status"] == EndpointStatus.ENABLED else "by_request"
        await store.change(connection, endpoint_id, values)
        told = dict(changes)
        if changes.get("status") == EndpointStatus.DISABLED:
            told["skipped"] = await store.skip_waiting(connection, endpoint_id)
        await audit(connection, caller, "webhook_endpoint.changed", endpoint_id, told, request_id=request_id)
        return await _read(connection, caller, endpoint_id)


async def remove(shell: Shell, caller: Caller, request_id: str, endpoint_id: str) -> None:
    """Delete an endpoint: its secrets are gone, its log stays.

    Raises:
        ProblemError: not_found.
    """
    async with shell.database.transaction() as connection:
        await store.hold(connection)
        await _read(connection, caller, endpoint_id)
        gone = {"status": store.DELETED, "secret": b"", "secret_previous": None, "previous_ends_at": None}
        await store.change(connection, endpoint_id, {**gone, "updated_at": shell.clock()})
        told = {"skipped": await store.skip_waiting(connection, endpoint_id)}
        await audit(connection, caller, "webhook_endpoint.deleted", endpoint_id, told, request_id=request_id)


class Rotation(Struct, frozen=True, kw_only=True):
    """How long the secret that is replaced signs too; with `force` not at all where an earlier one still does."""

    previous_valid_hours: int
    force: bool


async def rotate(
    shell: Shell, caller: Caller, request_id: str, endpoint_id: str, asked: Rotation
) -> tuple[RowMapping, bytes]:
    """Give an endpoint a new secret; the one it had signs too for so many hours.

    While an earlier one still signs, receivers may have no other: it is kept, and forcing replaces the newest alone.

    Raises:
        ProblemError: not_found; secret_being_rotated while an earlier one signs and nothing is forced.
    """
    secret, at = new_secret(), shell.clock()
    async with shell.database.transaction() as connection:
        row = await _read(connection, caller, endpoint_id, to_change=True)
        values = {"secret": seal_secret(shell.sealer, endpoint_id, secret), "updated_at": at}
        hours = asked.previous_valid_hours
        if not hours:
            values |= {"secret_previous": None, "previous_ends_at": None}
        elif not previous_signs(row, at):
            values |= {"secret_previous": row["secret"], "previous_ends_at": at + timedelta(hours=hours)}
        elif not asked.force:
            ends_at = row["previous_ends_at"].isoformat(timespec="seconds")
            detail = f"the secret before signs until {ends_at}; wait, or say force for another in place of the newest"
            raise ProblemError("secret_being_rotated", detail)
        await store.change(connection, endpoint_id, values)
        told = msgspec.structs.asdict(asked)
        await audit(connection, caller, "webhook_endpoint.secret_rotated", endpoint_id, told, request_id=request_id)
        return await _read(connection, caller, endpoint_id), secret


async def find(shell: Shell, caller: Caller, endpoint_id: str, *, deleted_too: bool = False) -> RowMapping:
    """Read an endpoint that the key reaches; a deleted one only for its log.

    Raises:
        ProblemError: not_found.
    """
    async with shell.database.reading() as connection:
        return await _read(connection, caller, endpoint_id, deleted_too=deleted_too)


def reaches(caller: Caller, row: RowMapping) -> bool:
    """Whether a key may see an endpoint: one for certain accounts only those that tell of nothing else."""
    if caller.merchant_accounts is None:
        return True
    accounts = store.subscription(row).merchant_accounts
    return accounts is not None and accounts <= caller.merchant_accounts


async def _read(
    connection: AsyncConnection,
    caller: Caller,
    endpoint_id: str,
    *,
    to_change: bool = False,
    deleted_too: bool = False,
) -> RowMapping:
    row = await store.endpoint(
        connection,
        livemode=caller.livemode,
        endpoint_id=endpoint_id,
        to_change=to_change,
        deleted_too=deleted_too,
    )
    if row is None or not reaches(caller, row):
        raise ProblemError("not_found", "there is no such webhook endpoint in this mode")
    return row


def _columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Write fields of the API as columns: lists as JSON, without duplicates."""
    columns = dict(changes)
    for name in ("events", "merchant_accounts"):
        if columns.get(name) is not None:
            columns[name] = msgspec.json.encode(list(dict.fromkeys(columns[name]))).decode()
    return columns


def _check(shell: Shell, caller: Caller, url: str, patterns: Sequence[str]) -> None:
    errors = []
    try:
        read_url(url, livemode=caller.livemode, allowed=shell.settings.endpoint_networks)
    except UrlRefusedError as refused:
        errors.append(FieldError("url", str(refused)))
    for number, pattern in enumerate(patterns):
        meant = nearest(pattern)
        if meant is not None:
            errors.append(FieldError(f"events[{number}]", f"is no type of an event; the nearest is {meant}"))
    if errors:
        raise ProblemError("validation_failed", "the endpoint would not be valid", errors=errors)


async def _check_accounts(connection: AsyncConnection, caller: Caller, accounts: Sequence[str] | None) -> None:
    if caller.merchant_accounts is not None and (accounts is None or not caller.merchant_accounts >= set(accounts)):
        raise ProblemError("forbidden", "the API key is for certain accounts only: name some of them, and no other")
    known = set(await account_ids(connection, livemode=caller.livemode)) if accounts else set()
    for number, account in enumerate(accounts or ()):
        if account not in known:
            error = FieldError(f"merchant_accounts[{number}]", "is no merchant account of this mode")
            raise ProblemError("validation_failed", "the endpoint would not be valid", errors=[error])
