"""Where a transfer stands among all: its position, which no clock decides, and its day."""

from datetime import date
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Date, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from hub.database import Database
from hub.ledger.tables import transfers

_ROWID: Final = literal_column("transfers.rowid", BigInteger)


def position(database: Database) -> ColumnElement[int]:
    """Give the position of a transfer: larger than that of every transfer that was written before."""
    return transfers.c.position if database.is_postgresql else _ROWID


class utc_day(FunctionElement[date]):  # noqa: N801 - reads as an SQL function
    """The day in UTC of an instant's column."""

    type = Date()
    inherit_cache = True


@compiles(utc_day, "postgresql")
def _utc_day_postgresql(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - as passed on
    return f"CAST({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC' AS DATE)"


@compiles(utc_day, "sqlite")
def _utc_day_sqlite(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - as passed on
    return f"date({compiler.process(element.clauses, **options)} / 1000000, 'unixepoch')"
