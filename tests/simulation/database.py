"""The hub's own SQL on one SQLite database in memory, without a thread: SQLite is called where it is awaited.

What the hub sees is what it sees on PostgreSQL: a connection that cannot be had, and a commit of which nobody knows
whether it happened. Transactions are carried out one after the other; whoever is killed leaves nothing of an open one.
"""

import asyncio
import re
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util.concurrency import await_only

from hub.database import CommitUnknownError, ConflictError, Database, Query, Unit, is_lost, read_clock
from tests.simulation.faults import Fault
from tests.simulation.statements import statement_of, statements_of

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

LOST: Final = "no active connection"
"""What SQLAlchemy takes for a lost connection."""
OWNER: Final[ContextVar["Instance | None"]] = ContextVar("owner", default=None)
"""The process of the hub that the running task belongs to; None: the world outside."""
_EPOCH_DAY: Final = 2440587.5
_DAY_S: Final = 86_400.0


class Store:
    """One database in memory, which outlives every process; *now* is its clock, in seconds since 1970."""

    def __init__(self, template: bytes, now: Any) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1024, check_same_thread=False)
        self.raw.deserialize(template)
        self.raw.execute("PRAGMA foreign_keys=ON")
        self.raw.create_function("julianday", 1, lambda _now: _EPOCH_DAY + now() / _DAY_S, deterministic=True)
        self.changes = 0
        self._held_by: asyncio.Task[Any] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for the turn of a transaction."""
        me = asyncio.current_task()
        if self._held_by is not None and self._held_by is me:
            raise RuntimeError("a transaction is begun inside of another one of the same task")
        while self._held_by is not None:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if self._held_by is None:
                    self._wake()  # The turn that was this one's is the next one's.
                raise
        self._held_by = me

    def give(self) -> None:
        """Let the next one have its turn."""
        self._held_by = None
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look from outside; an open transaction is not seen, since whoever looks waits for none."""
        return self.raw.execute(statement, values).fetchall()

    def close(self) -> None:
        """Forget everything."""
        self.raw.close()


async def _nothing() -> None:
    """SQLAlchemy insists that something is awaited."""


class _Cursor(sqlite3.Cursor):
    """A cursor as SQLAlchemy's asynchronous face takes it."""

    owner: "Transaction"

    def execute(self, statement: str, values: Any = ()) -> "_Cursor":
        self.owner.note(statement)
        super().execute(statement, values)
        await_only(_nothing())
        return self

    def executemany(self, statement: str, values: Any) -> "_Cursor":
        self.owner.note(statement)
        super().executemany(statement, values)
        await_only(_nothing())
        return self

    async def _async_soft_close(self) -> None:
        """The rows have to be read still."""


class Transaction:
    """One transaction's connection, as a DBAPI's; only its beginning and its commit are awaited."""

    def __init__(self, owner: "Instance") -> None:
        self._owner = owner
        self._store = owner.world.store
        self._open = False
        self._step: str | None = None

    def cursor(self, *_: Any) -> _Cursor:
        cursor = self._store.raw.cursor(_Cursor)
        cursor.owner = self
        return cursor

    def plainly(self) -> sqlite3.Cursor:
        """Give a cursor for what is not asked by SQLAlchemy."""
        return self._store.raw.cursor()

    def note(self, statement: str) -> None:
        """Remember what is being done, for faults that wait for it."""
        if self._step is None:
            self._step = step_of(statement)

    def begin(self) -> None:
        """Begin when it is this one's turn."""
        await_only(self.wait())

    async def wait(self) -> None:
        """Wait for the turn, and begin."""
        await self._owner.awaiting()
        await self._store.take()
        if self._owner.gone():
            self._store.give()
        self._owner.check()
        self._store.raw.execute("BEGIN IMMEDIATE")
        self._open = True
        self._owner.transactions.add(self)

    def commit(self) -> None:
        if self._open:
            self.end(None if self._step is None else self._owner.world.struck_anywhere(self._step))
            await_only(self._owner.awaiting())

    def end(self, fault: Fault | None) -> None:
        """Commit; what goes wrong with it is *fault*."""
        self._owner.check()
        if fault in {Fault.UNDONE, Fault.CRASH_INSIDE, Fault.CRASH_BEFORE, Fault.AWAY}:
            self.rollback()
        else:
            self._end("COMMIT")
            self._store.changes += 1
            self._owner.world.committed()
        if fault in {Fault.UNDONE, Fault.DONE, Fault.AWAY}:
            raise sqlite3.OperationalError(LOST)
        if fault is Fault.STALLED:
            self._owner.freeze()
        elif fault is not None:
            self._owner.kill()

    def rollback(self) -> None:
        if self._open:
            self._end("ROLLBACK")

    def close(self) -> None:
        self.rollback()

    terminate = close

    def create_function(self, *_: Any, **__: Any) -> None:
        """What SQLAlchemy adds is there for nobody."""

    def _end(self, how: str) -> None:
        self._open = False
        self._step = None
        self._owner.transactions.discard(self)
        self._store.raw.execute(how)
        self._store.give()


class _Dbapi:
    """The module that SQLAlchemy takes for aiosqlite."""

    paramstyle = "qmark"
    has_stop = False
    sqlite_version = sqlite3.sqlite_version
    sqlite_version_info = sqlite3.sqlite_version_info
    Error = sqlite3.Error
    DatabaseError = sqlite3.DatabaseError
    IntegrityError = sqlite3.IntegrityError
    NotSupportedError = sqlite3.NotSupportedError
    OperationalError = sqlite3.OperationalError
    ProgrammingError = sqlite3.ProgrammingError
    InterfaceError = sqlite3.InterfaceError
    PARSE_COLNAMES = sqlite3.PARSE_COLNAMES
    PARSE_DECLTYPES = sqlite3.PARSE_DECLTYPES
    Binary = sqlite3.Binary

    @staticmethod
    def connect(*_: Any, **__: Any) -> Transaction:
        owner = OWNER.get()
        if owner is None:
            raise RuntimeError("only a process of the hub opens connections")
        return Transaction(owner)


@cache
def engine() -> AsyncEngine:
    """Give the one engine of this process: statements are compiled once, and connections belong to whoever asks."""
    made = create_async_engine(
        "sqlite+aiosqlite:///world", module=_Dbapi, poolclass=NullPool, hide_parameters=True, query_cache_size=5_000
    )

    @event.listens_for(made.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.connection.dbapi_connection.begin()

    return made


class SimulatedDatabase(Database):
    """A process's database; faults that wait for a step of a payment hit its commit."""

    def __init__(self, owner: "Instance") -> None:
        super().__init__(engine(), engine(), None, read_clock)
        self._owner = owner

    async def run(self, unit: Unit, values: Mapping[str, Any]) -> None:
        """Commit *unit*, or what is struck of it."""
        step, fault = self._owner.world.committing(values)
        if fault is Fault.CRASH_BEFORE:
            self._owner.kill()
        if fault is Fault.STALLED:
            self._owner.freeze()
        if fault is Fault.AWAY:
            raise CommitUnknownError
        transaction = Transaction(self._owner)
        await transaction.wait()
        world, wrong = self._owner.world, None
        try:
            wrong = world.watch.before(step, transaction.plainly(), values)
            for position, statement in enumerate(statements_of(unit)):
                touched = statement.touched(transaction.plainly(), values)
                if position < unit.checked and touched != 1:
                    raise ConflictError
            transaction.end(fault)
            world.check(step, values, wrong)
        except sqlite3.IntegrityError as broken:
            raise _conflict(broken) from broken
        except sqlite3.OperationalError as lost:
            if str(lost) == LOST:
                if fault is Fault.DONE:
                    world.check(step, values, wrong)
                raise CommitUnknownError from lost
            raise
        finally:
            transaction.rollback()
        world.tell(f"{self._owner.name} committed {step}")
        await self._owner.awaiting()

    async def fetch(self, query: Query, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Read rows."""
        transaction = Transaction(self._owner)
        await transaction.wait()
        try:
            return statement_of(query.statement).rows(transaction.plainly(), values)
        finally:
            transaction.rollback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Read one state."""
        async with super().reading() as connection:
            yield connection

    async def close(self) -> None:
        """Leave the engine to the next."""


def _conflict(broken: sqlite3.IntegrityError) -> Exception:
    """Tell a unique value that is taken from a broken rule, as the hub's own door does."""
    if broken.sqlite_errorname in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return ConflictError(str(broken).rsplit(": ", 1)[-1].split(".", 1)[0])
    return broken


_STEPS_OF: Final = (
    (re.compile(r"UPDATE events SET position"), "relay"),
    (re.compile(r"UPDATE webhook_deliveries SET tries=\("), "webhook.claim"),
    (re.compile(r"UPDATE webhook_deliveries SET"), "webhook.end"),
    (re.compile(r"INSERT INTO settlement_files|UPDATE settlement_batches SET status=\?, file_hash"), "settlement.take"),
    (re.compile(r"(INSERT INTO|UPDATE) settlement_(lines|matches)"), "settlement.import"),
)


@cache
def step_of(statement: str) -> str | None:
    """Tell from the first telling statement of a transaction which step it commits."""
    return next((step for pattern, step in _STEPS_OF if pattern.match(statement)), None)


def is_away(failure: BaseException) -> bool:
    """Whether *failure* is one that the API answers with a 503, and that a job tries again after."""
    return is_lost(failure)
