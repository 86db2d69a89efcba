"""`/v1/merchant_accounts`: made, listed, changed; credentials go in and never come out."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.approvals.changes import ask_to_change, change_waits
from hub.approvals.documented import WAITS
from hub.database import Database
from hub.errors import ProblemError, problems, request_id_of
from hub.idempotency.keyed import answer
from hub.merchants import editing, store
from hub.merchants.profile import Brand, Country, FeeRow, LimitsGiven, Profile, Risk, Tolerances
from hub.merchants.stored_profile import read_profile
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.shell import Shell
from normalization.money import Currency
from normalization.regions import Region
from routing.accounts import AccountStatus

Name = Annotated[str, Meta(min_length=1, max_length=100)]
CredentialsGiven = Annotated[dict[str, Any], Meta(description="What the processor's adapter asks for; write-only.")]


class NewMerchantAccount(Profile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to add, in the mode of the key that adds it."""

    name: Name
    processor: Name
    credentials: CredentialsGiven
    status: AccountStatus = AccountStatus.ACTIVE


class MerchantAccountChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays. New credentials replace the old ones altogether."""

    name: Name | UnsetType = UNSET
    credentials: CredentialsGiven | UnsetType = UNSET
    status: AccountStatus | UnsetType = UNSET
    region: Region | UnsetType | None = UNSET
    countries: Annotated[list[Country], Meta(max_length=300)] | UnsetType = UNSET
    currencies: Annotated[list[Currency], Meta(max_length=300)] | UnsetType = UNSET
    brands: Annotated[list[Brand], Meta(max_length=100)] | UnsetType = UNSET
    risk_min: Risk | UnsetType = UNSET
    risk_max: Risk | UnsetType = UNSET
    recurring: bool | UnsetType | None = UNSET
    fees: Annotated[list[FeeRow], Meta(max_length=100)] | UnsetType = UNSET
    settlement_currency: Currency | UnsetType | None = UNSET
    settlement_days: Annotated[int, Meta(ge=0, le=60)] | UnsetType = UNSET
    limits: LimitsGiven | UnsetType = UNSET
    tolerances: Tolerances | UnsetType = UNSET
    holidays: Annotated[list[date], Meta(max_length=400)] | UnsetType = UNSET


class MerchantAccountShown(Profile, frozen=True, kw_only=True):
    """An account without its credentials.

    `unreadable` names fields whose stored value this version cannot read: nothing is sent to such an account, and what
    is shown of them means nothing.
    """

    id: str
    object: str = "merchant_account"
    livemode: bool
    name: str
    processor: str
    status: AccountStatus
    unreadable: list[str]
    created_at: datetime
    updated_at: datetime


class MerchantAccounts(Struct, frozen=True):
    """A page of accounts, newest first."""

    data: list[MerchantAccountShown]
    next_cursor: str | None


@post(
    "/v1/merchant_accounts",
    guards=[requires("merchant_accounts:write")],
    tags=["merchant accounts"],
    responses=problems(400, 409, 413, 415, 422),
)
async def create_merchant_account(
    request: Request[Any, Any, Any],
    data: JSONBody[NewMerchantAccount],
    caller: NamedDependency[Caller],
    editor: NamedDependency[editing.AccountEditor],
) -> MerchantAccountShown:
    """Add an account; payments go to it from the next moment on if its status is active."""
    if caller.merchant_accounts is not None:
        raise ProblemError("forbidden", "the API key is for certain accounts only, so it adds none")
    given = msgspec.to_builtins(data)
    fields = {name: given[name] for name in Profile.__struct_fields__}
    profile = msgspec.convert(fields, Profile)
    row = await editor.add(
        caller,
        request_id_of(request),
        profile,
        name=data.name,
        processor=data.processor,
        credentials=data.credentials,
        status=data.status,
    )
    return _shown(row)


@get(
    "/v1/merchant_accounts",
    guards=[requires("merchant_accounts:read")],
    tags=["merchant accounts"],
    responses=problems(422),
)
async def list_merchant_accounts(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> MerchantAccounts:
    """List the accounts that the key reaches."""
    before, only = read_cursor(cursor), caller.merchant_accounts
    async with database.reading() as connection:
        rows = await store.accounts_before(
            connection, livemode=caller.livemode, before=before, only=only, limit=limit + 1
        )
    shown, following = page(rows, limit)
    return MerchantAccounts([_shown(row) for row in shown], following)


@get(
    "/v1/merchant_accounts/{account_id:str}",
    guards=[requires("merchant_accounts:read")],
    tags=["merchant accounts"],
    responses=problems(404),
)
async def get_merchant_account(
    account_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> MerchantAccountShown:
    """Show one account."""
    async with database.reading() as connection:
        row = await store.account(connection, livemode=caller.livemode, account_id=account_id)
    if row is None or not caller.may_use(account_id):
        raise editing.not_found()
    return _shown(row)


@patch(
    "/v1/merchant_accounts/{account_id:str}",
    guards=[requires("merchant_accounts:write")],
    tags=["merchant accounts"],
    responses=problems(400, 404, 409, 413, 415, 422) | WAITS,
)
async def change_merchant_account(
    request: Request[Any, Any, Any],
    account_id: FromPath[str],
    data: JSONBody[MerchantAccountChange],
    caller: NamedDependency[Caller],
    editor: NamedDependency[editing.AccountEditor],
    shell: NamedDependency[Shell],
) -> Response[MerchantAccountShown]:
    """Change an account: `draining` and `paused` keep new payments away, and what it holds goes on."""
    changes: dict[str, Any] = msgspec.to_builtins(data)
    if change_waits(shell, changes):
        account = await editor.check(caller, account_id, changes)
        return answer(await ask_to_change(shell, caller, request_id_of(request), account, changes))
    return Response(_shown(await editor.change(caller, request_id_of(request), account_id, changes)))


def _shown(row: RowMapping) -> MerchantAccountShown:
    profile, unreadable = read_profile(row["profile"])
    status = next((status for status in AccountStatus if status == row["status"]), None)
    if status is None:
        unreadable.append("status")
    return MerchantAccountShown(
        **structs.asdict(profile),
        **{name: row[name] for name in ("id", "name", "processor", "created_at", "updated_at")},
        livemode=bool(row["livemode"]),
        status=status or AccountStatus.PAUSED,
        unreadable=unreadable,
    )


HANDLERS = [create_merchant_account, list_merchant_accounts, get_merchant_account, change_merchant_account]
