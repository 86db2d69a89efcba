"""What `hub reconcile` and `hub statement` do."""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from hub.database import Database, open_database
from hub.merchants.named import account_named, livemode_of, read_here
from hub.reporting import showing, statement_showing
from hub.reporting.formats import as_csv
from hub.reporting.grouping import WAYS, GroupBy, Row
from hub.reporting.reconciling import CELLS_MAX, TooManyRowsError, Wanted, unbalanced
from hub.reporting.rules import unconserved
from hub.reporting.service import month_end, reconciliation
from hub.reporting.showing import Reconciliation
from hub.reporting.statement_pdf import statement_pdf
from hub.reporting.statement_showing import StatementBody
from hub.reporting.table import here, print_reconciliation
from hub.serving import CannotServeError, checked_settings, run_async


class Asked(Struct, frozen=True, kw_only=True):
    """What `hub reconcile` was asked for; `mode` None: the one that has merchant accounts."""

    first: date
    last: date
    ways: tuple[GroupBy, ...]
    account: str | None = None
    mode: str | None = None
    form: str = "table"


def ways_of(named: Sequence[str]) -> tuple[GroupBy, ...]:
    """Put ways of grouping into their order; by merchant account, where none is named."""
    return tuple(way for way in WAYS if way in (named or ("merchant_account",)))


def reconcile_here(asked: Asked) -> int:
    """Print a reconciliation, and what does not agree; gives the command's exit code: 1 where anything does not.

    Raises:
        CannotServeError: for an account that is not there, where both modes have accounts and none is named, and
            for too many rows.
    """
    (body, findings), names = read_here(lambda database: _reconciled(database, asked))
    if asked.form == "json":
        told = msgspec.json.encode({**msgspec.to_builtins(body), "findings": findings})
        sys.stdout.write(msgspec.json.format(told, indent=2).decode() + "\n")
    elif asked.form == "csv":
        sys.stdout.write(as_csv([*showing.COLUMNS], showing.cells(body.data)).decode())
    else:
        print_reconciliation(here(), body, asked.ways, names)
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    return 1 if findings else 0


def state(account: str, month: datetime, *, form: str, file: Path | None) -> int:
    """Print a month-end statement, or write it into *file*; gives the command's exit code.

    Raises:
        CannotServeError: for an account that is not there, and a file that cannot be written.
    """
    settings = checked_settings()

    async def read() -> StatementBody:
        database = await open_database(settings.database_url)
        try:
            row = await account_named(database, account)
            return await month_end(database, row, year=month.year, month=month.month, now=datetime.now(UTC))
        finally:
            await database.close()

    body = run_async(read())
    if file is not None:
        _write(file, statement_pdf(body))
    elif form == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
    else:
        sys.stdout.write(as_csv(statement_showing.COLUMNS, statement_showing.rows(body)).decode())
    if not body.ended:
        sys.stderr.write(f"{body.month} has not ended: this is what was booked until {body.until:%Y-%m-%d %H:%M} UTC\n")
    return 0


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as failure:
        raise CannotServeError(f"{file}: cannot be written: {failure.strerror}") from failure


async def _reconciled(database: Database, asked: Asked) -> tuple[Reconciliation, list[str]]:
    named = await account_named(database, asked.account) if asked.account is not None else None
    livemode = await livemode_of(database, named, asked.mode)
    wanted = Wanted(
        livemode=livemode,
        first=asked.first,
        last=asked.last,
        ways=asked.ways,
        merchant_accounts=None if named is None else frozenset({named["id"]}),
    )
    try:
        made = await reconciliation(database, wanted)
    except TooManyRowsError as many:
        raise CannotServeError(f"that makes more than {CELLS_MAX:,} rows; ask for fewer days or fewer ways") from many
    return made.body, [*_unconserved(made.rows), *await unbalanced(database, livemode=livemode)]


def _unconserved(rows: Sequence[Row]) -> list[str]:
    named = ((" ".join(str(part) for part in row.group if part), row) for row in rows)
    return [told for of, row in named for told in unconserved(row.figures, row.group.currency, of)]
