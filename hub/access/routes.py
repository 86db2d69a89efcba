"""`/v1/api_keys`: made, listed, revoked; the secret is shown once."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from sqlalchemy import RowMapping

from hub.access import service, store
from hub.access.guards import requires
from hub.access.rules import ROLES, SCOPES, Caller, Grant, Role, wider_in
from hub.database import Database
from hub.errors import FieldError, ProblemError, problems, request_id_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from normalization.money import AMOUNT_MAX, Currency

_YEARS: Final = (1970, 9999)  # Outside of them an instant with an offset may not exist in UTC.
Words = Annotated[str, Meta(min_length=1, max_length=100)]


class NewApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new key may do: a role, or scopes one by one."""

    name: Words
    principal: Words
    role: Role | None = None
    scopes: Annotated[list[str], Meta(min_length=1, max_length=100)] | None = None
    merchant_accounts: Annotated[list[Words], Meta(min_length=1, max_length=100)] | None = None
    refund_max: dict[Currency, Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        if (self.role is None) == (self.scopes is None):
            raise ValueError("role: send either role or scopes")
        unknown = set(self.scopes or ()) - SCOPES
        if unknown:
            raise ValueError("scopes: holds what is no scope; docs/api.md lists them")
        if self.expires_at is not None and not _YEARS[0] < self.expires_at.year < _YEARS[1]:
            raise ValueError("expires_at: is too far from now")


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key without its secret; `hint` is how it begins."""

    id: str
    object: str = "api_key"
    livemode: bool
    name: str
    principal: str
    role: Role | None
    scopes: list[str]
    merchant_accounts: list[str] | None
    refund_max: dict[str, int] | None
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class MadeApiKey(ApiKey, frozen=True, kw_only=True):
    """A new API key with its secret, which is never shown again."""

    key: str


class ApiKeys(Struct, frozen=True):
    """A page of API keys, newest first."""

    data: list[ApiKey]
    next_cursor: str | None


@post("/v1/api_keys", guards=[requires("api_keys:write")], tags=["API keys"], responses=problems(400, 413, 415, 422))
async def create_api_key(
    request: Request[Any, Any, Any],
    data: JSONBody[NewApiKey],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
) -> MadeApiKey:
    """Make a key of the caller's mode; none is wider than the caller's, but an admin makes keys for anybody."""
    at = datetime.now(UTC)
    grant = Grant(
        principal=data.principal,
        scopes=ROLES[data.role] if data.role else frozenset(data.scopes or ()),
        merchant_accounts=None if data.merchant_accounts is None else frozenset(data.merchant_accounts),
        refund_max=None if data.refund_max is None else {str(k): v for k, v in data.refund_max.items()},
        expires_at=data.expires_at.astimezone(UTC) if data.expires_at else None,
    )
    if grant.expires_at is not None and grant.expires_at <= at:
        error = FieldError("expires_at", "is in the past")
        raise ProblemError("validation_failed", "a key that has expired opens nothing", errors=[error])
    wider = wider_in(caller, grant)
    if wider:
        raise ProblemError("forbidden", f"{wider}: a key makes no key that is wider than itself")
    key_id, secret = await service.make_key(
        database,
        grant,
        name=data.name,
        role=data.role,
        livemode=caller.livemode,
        by=caller,
        at=at,
        request_id=request_id_of(request),
    )
    made = await _read(database, caller, key_id)
    return msgspec.convert({**msgspec.to_builtins(made), "key": secret}, MadeApiKey)


@get("/v1/api_keys", guards=[requires("api_keys:read")], tags=["API keys"], responses=problems(422))
async def list_api_keys(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ApiKeys:
    """List the keys of the caller's mode, revoked ones too; one for certain accounts sees those for no others."""
    before, only = read_cursor(cursor), caller.merchant_accounts
    async with database.reading() as connection:
        rows = await store.keys_before(connection, livemode=caller.livemode, before=before, only=only, limit=limit + 1)
    shown, following = page(rows, limit)
    return ApiKeys([_shown(row) for row in shown], following)


@get("/v1/api_keys/{key_id:str}", guards=[requires("api_keys:read")], tags=["API keys"], responses=problems(404))
async def get_api_key(
    key_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> ApiKey:
    """Show one key."""
    return await _read(database, caller, key_id)


@delete("/v1/api_keys/{key_id:str}", guards=[requires("api_keys:write")], tags=["API keys"], responses=problems(404))
async def revoke_api_key(
    request: Request[Any, Any, Any],
    key_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    api_keys: NamedDependency[service.Keys],
) -> None:
    """Revoke a key: at once in this process, within seconds in the others."""
    found = await _read(database, caller, key_id)
    if caller.role is not Role.ADMIN and found.principal != caller.principal:
        raise ProblemError("forbidden", "only an admin revokes another principal's key")
    async with database.transaction() as connection:
        revoked = await store.revoke(connection, livemode=caller.livemode, key_id=key_id, at=datetime.now(UTC))
        if revoked:
            details = {"principal": found.principal}
            request_id = request_id_of(request)
            await store.audit(connection, caller, "api_key.revoked", key_id, details, request_id=request_id)
    api_keys.forget(key_id)


async def _read(database: Database, caller: Caller, key_id: str) -> ApiKey:
    async with database.reading() as connection:
        row = await store.key(connection, livemode=caller.livemode, key_id=key_id)
    if row is None or not caller.may_use_all(store.to_caller(row).merchant_accounts):
        raise ProblemError("not_found", "there is no such API key in this mode")
    return _shown(row)


def _shown(row: RowMapping) -> ApiKey:
    caller = store.to_caller(row)
    return ApiKey(
        id=caller.key_id,
        livemode=caller.livemode,
        name=row["name"],
        principal=caller.principal,
        role=caller.role,
        scopes=sorted(caller.scopes),
        merchant_accounts=None if caller.merchant_accounts is None else sorted(caller.merchant_accounts),
        refund_max=None if caller.refund_max is None else dict(caller.refund_max),
        hint=row["hint"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


HANDLERS = [create_api_key, list_api_keys, get_api_key, revoke_api_key]
