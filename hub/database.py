"""One door to PostgreSQL and SQLite: transactions, and statements compiled once for the charge path.

On PostgreSQL a `Unit` is one statement and so one round trip; on SQLite its statements run one after the other inside
one BEGIN IMMEDIATE. Both take effect altogether or not at all.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, cast

import asyncpg
from sqlalchemy import (
    BigInteger,
    Boolean,
    CursorResult,
    Delete,
    Dialect,
    Insert,
    Label,
    LargeBinary,
    MetaData,
    Select,
    Update,
    and_,
    case,
    event,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.dialects.sqlite.aiosqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from hub.commits import Commits
from hub.connections import Connections, Kept

STATEMENT_S_MAX: Final = 120.0
"""How long a statement's answer is waited for: whatever lies between may take everything and pass on nothing.

The charge path's own connections wait less.
"""
POSTGRESQL: Final = asyncpg_dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves its dialects untyped
SQLITE: Final = sqlite_dialect()
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Every table of the hub; the domains' `tables.py` add theirs."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class ConflictError(Exception):
    """A row was not as expected or a unique value was taken: somebody else was first, and nothing has changed.

    `table` names the table whose unique value was taken; None where an expected row was not found.
    """

    def __init__(self, table: str | None = None) -> None:
        super().__init__(f"taken in {table}" if table else "a row was not as expected")
        self.table = table


class CommitUnknownError(Exception):
    """The connection was lost while committing: the change may or may not stand. Read it back by its own id."""


class Instant(TypeDecorator[datetime]):
    """A UTC instant: TIMESTAMPTZ on PostgreSQL, whole microseconds since 1970 on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 - a driver's value
        """Write an aware datetime."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - as above
        """Read an aware datetime."""
        if value is None or isinstance(value, datetime):
            return value
        return _EPOCH + int(value) * _MICROSECOND


AS_THEY_ARE: Final = (Boolean, LargeBinary, Instant)
"""Types that SQLAlchemy converts or checks in Python and that asyncpg takes, and checks, itself."""


class in_seconds(FunctionElement[datetime]):  # noqa: N801 - reads as an SQL function
    """The database's clock, so many seconds from now: leases and expiries go by it."""

    type = Instant()
    inherit_cache = True


@compiles(in_seconds, "postgresql")
def _in_seconds_postgresql(element: in_seconds, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - as passed on
    seconds = compiler.process(element.clauses, **options)
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(in_seconds, "sqlite")
def _in_seconds_sqlite(element: in_seconds, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - as passed on
    seconds = compiler.process(element.clauses, **options)
    # unixepoch('subsec') is NULL before SQLite 3.42.
    return f"CAST(((julianday('now') - 2440587.5) * 86400.0 + {seconds}) * 1000000 AS INTEGER)"


async def read_clock(connection: AsyncConnection) -> datetime:
    """Ask the database for the time: all processes get it from one place, however far their own clocks are apart."""
    at: datetime = (await connection.execute(select(in_seconds(literal_column("0"))))).scalar_one()
    return at


DatabaseClock = Callable[[AsyncConnection], Awaitable[datetime]]


class _Compiled:
    """A statement as asyncpg takes it, with the order of its parameters."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        compiled = statement.compile(dialect=POSTGRESQL)
        self.sql = str(compiled)
        names = compiled.positiontup or ()
        self._fixed = {name: compiled.params[name] for name in names if compiled.params[name] is not None}
        self._in_order = itemgetter(*names) if len(names) > 1 else lambda values: tuple(values[name] for name in names)
        self._converted = [(name, process) for name in names if (process := _converter(compiled.binds[name].type))]

    def row(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Put *values* into the statement's order."""
        if self._fixed or self._converted:
            values = {**values, **self._fixed}
            for name, process in self._converted:
                values[name] = process(values[name])
        return cast("Sequence[Any]", self._in_order(values))


def _converter(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """Tell how a value must be changed for asyncpg, which takes and checks most types as they are."""
    if isinstance(kind, AS_THEY_ARE):
        return None
    return kind.dialect_impl(POSTGRESQL).bind_processor(POSTGRESQL)


class Query:
    """A SELECT made once, with bindparam() for every value; reads one committed state."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement
        self.compiled = _Compiled(statement)


class Unit:
    """Statements made once, with bindparam() for every value, that take effect altogether or not at all.

    Each of `hits` must touch exactly one row, read or written; an update among `inserts` may touch none. No two
    statements may write one row and none may read what another writes: PostgreSQL runs them at one instant. `locks`
    names the value that tells units of this kind apart by the row they compete for.
    """

    def __init__(
        self,
        hits: Sequence[Select[Any] | Insert | Update | Delete],
        inserts: Sequence[Insert | Update] = (),
        *,
        locks: str,
    ) -> None:
        self.locks = locks
        self.checked = len(hits)
        self.statements = [
            (statement, [name for name, value in statement.compile(dialect=SQLITE).params.items() if value is None])
            for statement in (*hits, *inserts)
        ]
        one_row: Label[int] = literal_column("1", BigInteger).label("one")
        found = [
            (s.with_only_columns(one_row) if isinstance(s, Select) else s.returning(one_row)).cte(f"hit_{n}")
            for n, s in enumerate(hits)
        ]
        one, none = literal_column("1", BigInteger), literal_column("0", BigInteger)
        right = and_(true(), *(select(func.count()).select_from(f).scalar_subquery() == one for f in found))
        whole = select(one // case((right, one), else_=none))  # A wrong count divides by zero, which undoes it all.
        self.compiled = _Compiled(whole.add_cte(*(s.cte(f"insert_{n}") for n, s in enumerate(inserts))))


class Database:
    """An open database; made with `open_database`. `now` asks for its time."""

    def __init__(
        self, writer: AsyncEngine, reader: AsyncEngine, pool: Connections | None, clock: DatabaseClock
    ) -> None:
        self.now = clock
        self.writer = writer
        self.reader = reader
        self.pool = pool
        self._commits = Commits(pool) if pool else None

    @property
    def is_postgresql(self) -> bool:
        """Tell the two databases apart, for the few statements that one of them lacks."""
        return self.pool is not None

    async def run(self, unit: Unit, values: Mapping[str, Any]) -> None:
        """Commit *unit*.

        Raises:
            ConflictError: when a row was not as expected or a unique value is taken; nothing has changed.
            CommitUnknownError: when the connection was lost and the commit may have happened.
        """
        if self._commits is None:
            return await self._run_in_turn(unit, values)
        try:
            await self._commits.run(unit.compiled.sql, unit.compiled.row(values), values[unit.locks])
        except asyncpg.DivisionByZeroError as conflict:
            raise ConflictError from conflict
        except asyncpg.UniqueViolationError as taken:
            raise ConflictError(taken.table_name) from taken
        except (
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.OperatorInterventionError,
            OSError,
        ) as e:
            raise CommitUnknownError from e

    async def fetch(self, query: Query, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Read rows."""
        rows: Sequence[Mapping[str, Any]]
        if self.pool is not None:
            rows = await self.pool.fetch(query.compiled.sql, *query.compiled.row(values))
            return rows
        async with self.reader.connect() as connection:
            rows = (await connection.execute(query.statement, dict(values))).mappings().all()
            return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; commits at the end of the block, rolls back when it raises.

        Raises:
            ConflictError: when a unique value is taken.
        """
        try:
            async with self.writer.begin() as connection:
                yield connection
        except IntegrityError as failure:
            raise _conflict(failure) from failure

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection that only reads."""
        async with self.reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        if self.pool is not None and self._commits is not None:
            await self._commits.close()
            await self.pool.close()
        await self.writer.dispose()
        if self.reader is not self.writer:
            await self.reader.dispose()

    async def _run_in_turn(self, unit: Unit, values: Mapping[str, Any]) -> None:
        async with self.transaction() as connection:
            for position, (statement, names) in enumerate(unit.statements):
                result = await connection.execute(statement, {name: values[name] for name in names})
                if position < unit.checked and _touched(result) != 1:
                    raise ConflictError


def _touched(result: CursorResult[Any]) -> int:
    return len(result.all()) if result.returns_rows else result.rowcount


def _conflict(failure: IntegrityError) -> Exception:
    """Tell a taken unique value from a broken rule, on both databases."""
    cause: Any = failure.orig
    if getattr(cause, "sqlite_errorname", "") in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return ConflictError(str(cause).rsplit(": ", 1)[-1].split(".", 1)[0])
    if getattr(cause, "sqlstate", "") == "23505":
        return ConflictError(getattr(cause.__cause__, "table_name", None))
    return failure


async def open_database(
    url: str,
    *,
    connections_max: int = 20,
    statement_s: float | None = STATEMENT_S_MAX,
    clock: DatabaseClock = read_clock,
) -> Database:
    """Open `sqlite:///file` or `postgresql://…`; *connections_max* bounds the charge path's pool.

    A statement of PostgreSQL's is given up after *statement_s*, with a TimeoutError; None: never. What goes by the
    database's time in Python asks *clock* for it.

    Raises:
        ValueError: for another kind of URL.
        OSError: when PostgreSQL does not answer.
    """
    kind, _, rest = url.partition("://")
    if kind == "sqlite":
        writer = _sqlite(f"sqlite+aiosqlite://{rest}", "BEGIN IMMEDIATE", connections=1)
        return Database(writer, _sqlite(f"sqlite+aiosqlite://{rest}", "BEGIN", connections=4), None, clock)
    if kind in {"postgresql", "postgres"}:
        engine = create_async_engine(
            f"postgresql+asyncpg://{rest}",
            pool_size=15,
            max_overflow=0,  # One that is opened is kept: opening costs more than most of what is asked over it.
            pool_use_lifo=True,
            pool_pre_ping=True,
            hide_parameters=True,  # An error is logged: no token and nobody's name may stand in it.
            connect_args={"connection_class": Kept, "command_timeout": statement_s},
        )
        return Database(engine, engine, await Connections(f"postgresql://{rest}", connections_max).started(), clock)
    raise ValueError(f"database: {kind!r} is no kind of database; write sqlite:///file or postgresql://…")


def is_missing(url: str) -> bool:
    """Whether *url* names an SQLite file that is not there; opening it would make an empty one."""
    kind, _, path = url.partition(":///")
    return kind == "sqlite" and not Path(path).exists()


def _sqlite(url: str, begin: str, *, connections: int) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=connections, max_overflow=0, pool_timeout=30, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
        connection.isolation_level = None  # We begin by ourselves, see below.
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's connection
        # A deferred BEGIN that turns into a write fails with "database is locked" despite the timeout.
        connection.exec_driver_sql(begin)

    return engine


def is_lost(failure: BaseException) -> bool:
    """Whether *failure* says that the database cannot be reached now."""
    return isinstance(failure, (CommitUnknownError, asyncpg.PostgresConnectionError, OSError)) or (
        isinstance(failure, DBAPIError) and failure.connection_invalidated
    )
