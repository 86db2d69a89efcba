"""`/v1/ledger/…`: accounts, transfers, and balances at any instant."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.database import Database
from hub.errors import problems
from hub.ledger import chart, store
from hub.ledger.chart import Side
from hub.ledger.store import Wanted
from hub.ledger.summing import Sums, Totals
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, read_position, write_cursor, write_position
from hub.payments.routes import instant

READ: Final = [requires("ledger:read")]
_UNKNOWN: Final = "It stands in no chart of accounts: tell whoever runs the hub."
Account = Annotated[str | None, QueryParameter(description="An account's name, such as `sales`.")]
At = Annotated[
    datetime | None,
    QueryParameter(description="What was booked before this instant counts; now, where it is left out."),
]


class LedgerBalance(Struct, frozen=True, kw_only=True):
    """What stands on an account in one currency; `balance` is the surplus of the side that `grows_by` names."""

    account: str
    merchant_account: str | None
    currency: str
    debits: int
    credits: int
    balance: int
    grows_by: Side


class LedgerAccount(LedgerBalance, frozen=True, kw_only=True):
    """An account in one currency, with what its balance means."""

    object: Literal["ledger_account"] = "ledger_account"
    kind: str
    meaning: str


class LedgerAccounts(Struct, frozen=True):
    """A page of accounts, by name and currency."""

    data: list[LedgerAccount]
    next_cursor: str | None


class LedgerBalances(Struct, frozen=True, kw_only=True):
    """A page of balances, by account and currency; `at` as it was asked for."""

    at: datetime | None
    data: list[LedgerBalance]
    next_cursor: str | None


class LedgerTransfer(Struct, frozen=True, kw_only=True):
    """One debit and one credit of one amount; `code` says why, and the ids name what caused it."""

    id: str
    object: Literal["ledger_transfer"] = "ledger_transfer"
    livemode: bool
    debit: str
    credit: str
    amount: int
    currency: str
    code: str
    payment: str | None
    operation: str | None
    line: str | None
    exception: str | None
    approval: str | None
    bank_entry: str | None
    created_at: datetime


class LedgerTransfers(Struct, frozen=True):
    """A page of transfers, newest first."""

    data: list[LedgerTransfer]
    next_cursor: str | None


@get("/v1/ledger/accounts", guards=READ, tags=["ledger"], responses=problems(422))
async def list_accounts(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    merchant_account: FromQuery[str | None] = None,
    currency: FromQuery[str | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> LedgerAccounts:
    """List the accounts that anything was ever booked on, with what stands there now and what it means."""
    wanted = replace(_visible(caller, merchant_account), currency=currency)
    shown, further = _page(await store.totals(database, wanted), limit, cursor)
    return LedgerAccounts([_account(*one) for one in shown], further)


@get("/v1/ledger/balances", guards=READ, tags=["ledger"], responses=problems(422))
async def list_balances(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    at: At = None,
    merchant_account: FromQuery[str | None] = None,
    account: Account = None,
    currency: FromQuery[str | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> LedgerBalances:
    """List balances as they stood at any instant."""
    before = instant("at", at)
    wanted = replace(_visible(caller, merchant_account), account=account, currency=currency, created_before=before)
    shown, further = _page(await store.totals(database, wanted), limit, cursor)
    return LedgerBalances(at=before, data=[_balance(*one) for one in shown], next_cursor=further)


@get("/v1/ledger/transfers", guards=READ, tags=["ledger"], responses=problems(422))
async def list_transfers(  # noqa: PLR0913, PLR0917 - one argument for each query parameter of the API
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    payment: FromQuery[str | None] = None,
    operation: FromQuery[str | None] = None,
    line: FromQuery[str | None] = None,
    exception: FromQuery[str | None] = None,
    merchant_account: FromQuery[str | None] = None,
    account: Account = None,
    currency: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    created_after: FromQuery[datetime | None] = None,
    created_before: FromQuery[datetime | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> LedgerTransfers:
    """List transfers, newest first."""
    wanted = replace(
        _visible(caller, merchant_account),
        payment=payment,
        operation=operation,
        line=line,
        exception=exception,
        account=account,
        currency=currency,
        code=code,
        created_after=instant("created_after", created_after),
        created_before=instant("created_before", created_before),
    )
    before = read_position(cursor) if cursor is not None else None
    rows = await store.transfers_before(database, wanted, before, limit + 1)
    further = write_position(rows[limit - 1]["place"]) if len(rows) > limit else None
    return LedgerTransfers([_transfer(row) for row in rows[:limit]], further)


def _visible(caller: Caller, merchant_account: str | None) -> Wanted:
    """Narrow to one merchant account, where one is named, and to those that the key reaches."""
    if merchant_account is None:
        reached = caller.merchant_accounts
    else:
        reached = frozenset({merchant_account} if caller.may_use(merchant_account) else ())
    return Wanted(livemode=caller.livemode, merchant_accounts=reached)


def _page(totals: Totals, limit: int, cursor: str | None) -> tuple[list[tuple[str, str, Sums]], str | None]:
    after = read_cursor(cursor)
    listed: Iterable[tuple[str, str]] = sorted(totals)
    if after is not None:
        account, _, currency = after.partition(" ")
        listed = (key for key in listed if key > (account, currency))
    keys = list(listed)
    shown = [(*key, totals[key]) for key in keys[:limit]]
    return shown, write_cursor(" ".join(keys[limit - 1])) if len(keys) > limit else None


def _balance(name: str, currency: str, sums: Sums) -> LedgerBalance:
    account = chart.read(name)
    grows_by: Side = account.kind.grows_by if account else "debit"
    surplus = sums.debits_minor - sums.credits_minor
    return LedgerBalance(
        account=name,
        merchant_account=account.merchant_account if account else None,
        currency=currency,
        debits=sums.debits_minor,
        credits=sums.credits_minor,
        balance=surplus if grows_by == "debit" else -surplus,
        grows_by=grows_by,
    )


def _account(name: str, currency: str, sums: Sums) -> LedgerAccount:
    balance, account = _balance(name, currency, sums), chart.read(name)
    return LedgerAccount(
        account=balance.account,
        merchant_account=balance.merchant_account,
        currency=balance.currency,
        debits=balance.debits,
        credits=balance.credits,
        balance=balance.balance,
        grows_by=balance.grows_by,
        kind=account.kind.name if account else name.partition(":")[0],
        meaning=account.kind.meaning if account else _UNKNOWN,
    )


def _transfer(row: RowMapping) -> LedgerTransfer:
    return LedgerTransfer(
        id=row["id"],
        livemode=row["livemode"],
        debit=row["debit"],
        credit=row["credit"],
        amount=row["amount_minor"],
        currency=row["currency"],
        code=row["code"],
        payment=row["payment_id"],
        operation=row["operation_id"],
        line=row["line_id"],
        exception=row["exception_id"],
        approval=row["approval_id"],
        bank_entry=row["bank_entry_id"],
        created_at=row["created_at"],
    )


HANDLERS = [list_accounts, list_balances, list_transfers]
