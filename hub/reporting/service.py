"""The two reports as they are answered and printed: put together once for the API and the commands."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import RowMapping

from hub.database import Database
from hub.reporting import showing
from hub.reporting.grouping import Row, totals_of
from hub.reporting.reconciling import Wanted, reconcile, versions_of
from hub.reporting.showing import Reconciliation
from hub.reporting.statement_showing import Owner, StatementBody, statement_body
from hub.reporting.statements import statement_of


class Reconciled(Struct, frozen=True):
    """A reconciliation as it is shown, and the rows it was made from."""

    body: Reconciliation
    rows: list[Row]


async def reconciliation(database: Database, wanted: Wanted) -> Reconciled:
    """Make the reconciliation that *wanted* asks for.

    Raises:
        TooManyRowsError: where it would have more than `CELLS_MAX` rows.
    """
    rows = await reconcile(database, wanted)
    versions = await versions_of(database, (row.group.ruleset for row in rows))
    body = Reconciliation(
        livemode=wanted.livemode,
        first=wanted.first,
        last=wanted.last,
        group_by=[*wanted.ways],
        data=[showing.shown(row, versions) for row in rows],
        totals=[showing.shown(row, versions) for row in totals_of(rows)],
    )
    return Reconciled(body, rows)


async def month_end(database: Database, account: RowMapping, *, year: int, month: int, now: datetime) -> StatementBody:
    """Make the statement of a merchant account, its row being *account*, for one month of UTC."""
    livemode = bool(account["livemode"])
    owner = Owner(id=account["id"], name=account["name"], processor=account["processor"], livemode=livemode)
    statement = await statement_of(database, owner.id, livemode=livemode, year=year, month=month, now=now)
    return statement_body(owner, statement)
