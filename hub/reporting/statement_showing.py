"""A month-end statement as the API shows it, and as a flat table."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import asdict

from hub.reporting.adding_up import PARTS, Month, Standing
from hub.reporting.parquet import Cell
from hub.reporting.statements import OpenExceptions, Statement

COLUMNS: Final = ("currency", "item", "amount", "count")


class BalanceShown(Struct, frozen=True, kw_only=True):
    """What stood on the merchant account, in minor units; `balance` is what is outstanding and in clearing."""

    balance: int
    outstanding: int
    clearing: int
    reserve: int
    unexplained: int


class CurrencyMonth(Struct, frozen=True, kw_only=True):
    """One currency's month, in minor units: `opening.balance` and all the parts add up to `closing.balance`."""

    currency: str
    opening: BalanceShown
    captured: int
    refunded: int
    disputed: int
    fees: int
    reserve: int
    own_funds: int
    exchanged: int
    unexplained: int
    adjusted: int
    received: int
    closing: BalanceShown


class StatementBody(Struct, frozen=True, kw_only=True):
    """A month of one merchant account, in UTC; `until` is when it `ended`, else when it was read."""

    object: Literal["statement"] = "statement"
    livemode: bool
    merchant_account: str
    name: str
    processor: str
    month: str
    until: datetime
    ended: bool
    data: list[CurrencyMonth]
    exceptions: list[OpenExceptions]


class Owner(Struct, frozen=True, kw_only=True):
    """Whose statement it is."""

    id: str
    name: str
    processor: str
    livemode: bool


def statement_body(owner: Owner, statement: Statement) -> StatementBody:
    """Show a statement."""
    return StatementBody(
        livemode=owner.livemode,
        merchant_account=owner.id,
        name=owner.name,
        processor=owner.processor,
        month=f"{statement.first:%Y-%m}",
        until=statement.until,
        ended=statement.ended,
        data=[_month(month) for month in statement.months],
        exceptions=[*statement.exceptions],
    )


def rows(body: StatementBody) -> Iterator[list[Cell]]:
    """Lay a statement out as a table with `COLUMNS`: an item a row, in each currency."""
    for month in body.data:
        yield [month.currency, "opening", month.opening.balance, None]
        for part in PARTS:
            yield [month.currency, part, getattr(month, part), None]
        yield [month.currency, "closing", month.closing.balance, None]
        for name in ("outstanding", "clearing", "reserve", "unexplained"):
            yield [month.currency, f"closing_{name}", getattr(month.closing, name), None]
    for one in body.exceptions:
        yield [one.currency or None, f"exceptions_{one.type}", one.amount, one.count]


def _month(month: Month) -> CurrencyMonth:
    return CurrencyMonth(
        currency=month.currency,
        opening=_balance(month.opening),
        closing=_balance(month.closing),
        **asdict(month.parts),
    )


def _balance(standing: Standing) -> BalanceShown:
    return BalanceShown(balance=standing.balance, **asdict(standing))
