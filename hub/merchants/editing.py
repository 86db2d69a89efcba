"""Adding and changing merchant accounts, each with its audit row and the word to every process in one transaction."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contract import Registration
from hub.access.rules import Caller
from hub.access.store import audit
from hub.database import ConflictError, Database
from hub.decoding_messages import field_error
from hub.errors import FieldError, ProblemError
from hub.ids import new_id
from hub.merchants import store
from hub.merchants.credentials import check_credentials, seal_credentials
from hub.merchants.profile import Profile
from hub.merchants.service import Directory
from hub.merchants.stored_profile import stored_fields
from hub.sealing import Sealer
from routing.accounts import AccountStatus


class AccountEditor(Struct, frozen=True, kw_only=True):
    """What changing accounts needs."""

    database: Database
    sealer: Sealer
    registrations: Mapping[str, Registration[Any]]
    directory: Directory
    clock: Callable[[], datetime]

    async def add(
        self,
        caller: Caller,
        request_id: str,
        profile: Profile,
        *,
        name: str,
        processor: str,
        credentials: Mapping[str, Any],
        status: AccountStatus,
    ) -> RowMapping:
        """Store a new account.

        Raises:
            ProblemError: validation_failed for its processor or credentials, name_taken.
        """
        checked = check_credentials(self._registration(processor), credentials, livemode=caller.livemode)
        account_id, at = new_id("ma_"), self.clock()
        row = {
            "id": account_id,
            "livemode": caller.livemode,
            "name": name,
            "processor": processor,
            "status": status,
            "profile": msgspec.json.encode(profile).decode(),
            "credentials": seal_credentials(self.sealer, account_id, checked),
            "credentials_version": 1,
            "created_at": at,
            "updated_at": at,
        }
        try:
            async with self.database.transaction() as connection:
                await store.add_account(connection, row)
                told = {"name": name, "processor": processor, "status": status}
                await audit(connection, caller, "merchant_account.created", account_id, told, request_id=request_id)
                stored = await self._finish(connection, caller, account_id)
        except ConflictError as taken:
            raise _name_taken() from taken
        await self.directory.changed()
        return stored

    async def check(self, caller: Caller, account_id: str, changes: Mapping[str, Any]) -> RowMapping:
        """Refuse what `change` would refuse, and change nothing; gives the account as it is.

        Raises:
            ProblemError: not_found, validation_failed.
        """
        async with self.database.reading() as connection:
            row = await store.account(connection, livemode=caller.livemode, account_id=account_id)
        if row is None or not caller.may_use(account_id):
            raise not_found()
        self._values(row, changes)
        return row

    async def change(
        self,
        caller: Caller,
        request_id: str,
        account_id: str,
        changes: Mapping[str, Any],
        *,
        also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> RowMapping:
        """Change an account; *also* is done in the same transaction.

        Raises:
            ProblemError: not_found, validation_failed, name_taken.
        """
        try:
            async with self.database.transaction() as connection:
                row = await store.account(connection, livemode=caller.livemode, account_id=account_id, to_change=True)
                if row is None or not caller.may_use(account_id):
                    raise not_found()
                values = self._values(row, changes)
                if also is not None:
                    await also(connection)
                await store.change_account(connection, livemode=caller.livemode, account_id=account_id, values=values)
                told = {name: value for name, value in changes.items() if name != "credentials"}
                told["changed"] = sorted(changes)
                await audit(connection, caller, "merchant_account.changed", account_id, told, request_id=request_id)
                stored = await self._finish(connection, caller, account_id)
        except ConflictError as taken:
            raise _name_taken() from taken
        await self.directory.changed()
        return stored

    def _values(self, row: RowMapping, changes: Mapping[str, Any]) -> dict[str, Any]:
        values = {name: changes[name] for name in ("name", "status") if name in changes}
        if "credentials" in changes:
            registration = self._registration(row["processor"])
            checked = check_credentials(registration, changes["credentials"], livemode=bool(row["livemode"]))
            values["credentials"] = seal_credentials(self.sealer, row["id"], checked)
            values["credentials_version"] = row["credentials_version"] + 1
        wanted = {name: value for name, value in changes.items() if name in Profile.__struct_fields__}
        if wanted:  # Else it stays as it is: an account of which something cannot be read must be paused, too.
            values["profile"] = _changed(row["profile"], wanted)
        return {**values, "updated_at": self.clock()}

    def _registration(self, processor: str) -> Registration[Any]:
        registration = self.registrations.get(processor)
        if registration is None:
            errors = [FieldError("processor", f"must be one of {', '.join(sorted(self.registrations))}")]
            raise ProblemError("validation_failed", "there is no adapter for this processor", errors=errors)
        return registration

    async def _finish(self, connection: AsyncConnection, caller: Caller, account_id: str) -> RowMapping:
        await store.bump(connection, livemode=caller.livemode)
        stored = await store.account(connection, livemode=caller.livemode, account_id=account_id)
        if stored is None:
            raise LookupError(f"{account_id} is gone")
        return stored


def not_found() -> ProblemError:
    """Say that an account is not there, or not for this key."""
    return ProblemError("not_found", "there is no such merchant account in this mode")


def _changed(stored: str, wanted: Mapping[str, Any]) -> str:
    """Change a profile.

    Raises:
        ProblemError: validation_failed where the whole would not be valid, or something of it cannot be read.
    """
    fields = stored_fields(stored)
    if fields is None:
        missing = [name for name in Profile.__struct_fields__ if name not in wanted]
        if missing:
            errors = [FieldError(name, "cannot be read as it is stored; send it too") for name in missing]
            raise ProblemError("validation_failed", "the account would not be complete", errors=errors)
    try:
        return msgspec.json.encode(msgspec.convert({**(fields or {}), **wanted}, Profile)).decode()
    except msgspec.ValidationError as invalid:
        errors = [field_error(str(invalid), Profile)]
        raise ProblemError("validation_failed", "the account would not be valid", errors=errors) from None


def _name_taken() -> ProblemError:
    errors = [FieldError("name", "is the name of another account of this mode")]
    return ProblemError("name_taken", "the name is taken", errors=errors)
