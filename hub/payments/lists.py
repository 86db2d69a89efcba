"""All SQL of lists: payments and refunds, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, CompoundSelect, RowMapping, Select, or_, select, union

from hub.database import Database
from hub.merchants.tables import merchant_accounts
from hub.payments.answers import PaymentBody, payment_body
from hub.payments.rows import to_operation, to_payment
from hub.payments.states import OperationState, Status
from hub.payments.tables import operations, payments
from hub.rulesets.tables import rulesets
from normalization.outcome import OPENING, Operation


class Filter(Struct, frozen=True, kw_only=True):
    """Which payments or refunds to list; None does not narrow. `before` is the id that was listed last.

    `ruleset` is the name of a ruleset or the id of one version; `rule` is one that decided.
    """

    livemode: bool
    before: str | None = None
    reference: str | None = None
    status: Status | None = None
    merchant_account: str | None = None
    customer: str | None = None
    payment: str | None = None
    tag: str | None = None
    ruleset: str | None = None
    ruleset_version: int | None = None
    rule: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    merchant_accounts: frozenset[str] | None = None


async def payments_before(database: Database, wanted: Filter, most: int) -> Sequence[RowMapping]:
    """Read at most *most* payments, newest first: ids ascend with time."""
    table = payments
    narrow: list[ColumnElement[bool]] = [table.c.livemode == wanted.livemode]
    for column, value in (
        (table.c.reference, wanted.reference),
        (table.c.status, wanted.status),
        (table.c.merchant_account, wanted.merchant_account),
        (table.c.customer, wanted.customer),
        (table.c.rule, wanted.rule),
    ):
        if value is not None:
            narrow.append(column == value)
    if wanted.tag is not None:
        narrow.append(table.c.id.in_(_tagged(wanted.tag, livemode=wanted.livemode)))
    if wanted.created_after is not None:
        narrow.append(table.c.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        narrow.append(table.c.created_at < wanted.created_before)
    if wanted.merchant_accounts is not None:
        narrow.append(table.c.merchant_account.in_(sorted(wanted.merchant_accounts)))
    if wanted.before is not None:
        narrow.append(table.c.id < wanted.before)
    async with database.reading() as connection:
        if any(one is not None for one in (wanted.ruleset, wanted.ruleset_version, wanted.rule)):
            # Named one by one, so that the database knows how many payments each of them has.
            narrow.append(table.c.ruleset.in_((await connection.execute(_versions(wanted))).scalars().all()))
        listed = select(table).where(*narrow).order_by(table.c.id.desc()).limit(most)
        return (await connection.execute(listed)).mappings().all()


def _versions(wanted: Filter) -> Select[tuple[str]]:
    """Find the versions of rulesets that may have decided what is wanted."""
    found = select(rulesets.c.id).where(rulesets.c.livemode == wanted.livemode)
    if wanted.ruleset is not None:
        found = found.where(or_(rulesets.c.id == wanted.ruleset, rulesets.c.name == wanted.ruleset))
    if wanted.ruleset_version is not None:
        found = found.where(rulesets.c.version == wanted.ruleset_version)
    return found


def _tagged(tag: str, *, livemode: bool) -> CompoundSelect[Any]:
    """Find payments by an operation's id, ours or the processor's; the latter by account, as they are indexed."""
    accounts = select(merchant_accounts.c.id).where(merchant_accounts.c.livemode == livemode)
    theirs = operations.c.merchant_account.in_(accounts), operations.c.processor_reference == tag
    ours = select(operations.c.payment_id).where(operations.c.id == tag)
    return union(ours, select(operations.c.payment_id).where(*theirs))


async def with_attempts(database: Database, rows: Sequence[Any]) -> list[PaymentBody]:
    """Show payments with their attempts, in the order given."""
    ids = [row["id"] for row in rows]
    attempts: dict[str, list[OperationState]] = {id_: [] for id_ in ids}
    if ids:
        wanted = select(operations).where(operations.c.payment_id.in_(ids), operations.c.kind.in_(sorted(OPENING)))
        async with database.reading() as connection:
            for row in (await connection.execute(wanted.order_by(operations.c.id))).mappings():
                attempts[row["payment_id"]].append(to_operation(row))
    return [payment_body(to_payment(row), attempts[row["id"]]) for row in rows]


async def refunds_before(database: Database, wanted: Filter, most: int) -> Sequence[RowMapping]:
    """Read at most *most* refunds, newest first."""
    table = operations
    narrow: list[ColumnElement[bool]] = [table.c.livemode == wanted.livemode, table.c.kind == Operation.REFUND]
    if wanted.payment is not None:
        narrow.append(table.c.payment_id == wanted.payment)
    if wanted.merchant_accounts is not None:
        narrow.append(table.c.merchant_account.in_(sorted(wanted.merchant_accounts)))
    if wanted.before is not None:
        narrow.append(table.c.id < wanted.before)
    async with database.reading() as connection:
        listed = select(table).where(*narrow).order_by(table.c.id.desc()).limit(most)
        return (await connection.execute(listed)).mappings().all()
