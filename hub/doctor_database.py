"""What `hub doctor` says of the database: whether it keeps what it confirms, takes writes, and has room."""

import shutil
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.doctor_findings import Finding, good, wrong
from hub.migrations.standing import Standing
from hub.settings import Settings

DURABLE: Final = {
    "sqlite": {"journal_mode": "wal", "synchronous": "2"},
    "postgresql": {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"},
}
"""What keeps a committed payment through a power cut; SQLite's 2 is FULL."""
BESIDES_CHARGES: Final = 15
"""Connections that a process may hold beside those of the charge path."""
APART_MAX: Final = timedelta(seconds=5)
"""How far a process's clock may be from the database's: answers from far off are told as early or late as that."""
ROOM_BYTES_MIN: Final = 1024**3
SQLITE_MIN: Final = (3, 35, 0)
"""Source: https://www.sqlite.org/lang_returning.html, since when a changed row can be read in the same statement."""


async def look_at_database(database: Database, settings: Settings, clock: datetime) -> list[Finding]:
    """Look at an open database; *clock* is the time of this process now."""
    async with database.reading() as connection:
        found = [await _durable(connection, "postgresql" if database.is_postgresql else "sqlite")]
        found.append(clocks(await database.now(connection) - clock))
        if database.is_postgresql:
            return [*found, *await _postgresql(connection, settings)]
    path = Path(settings.database_url.partition(":///")[2])
    return [*found, sqlite_version(sqlite3.sqlite_version_info), room(shutil.disk_usage(path.parent).free)]


async def _durable(connection: AsyncConnection, kind: str) -> Finding:
    ask = "SHOW" if kind == "postgresql" else "PRAGMA"
    found = {name: str((await connection.execute(text(f"{ask} {name}"))).scalar()) for name in DURABLE[kind]}
    if found == DURABLE[kind]:
        return good("database", f"{kind}; durable: {_listed(found)}")
    told = f"{kind} may lose what it has confirmed: {_listed(found)}"
    return wrong("database", told, f"set {_listed(DURABLE[kind])}")


async def _postgresql(connection: AsyncConnection, settings: Settings) -> list[Finding]:
    names = ("transaction_read_only", "server_encoding", "max_connections", "superuser_reserved_connections")
    shown = {name: str((await connection.execute(text(f"SHOW {name}"))).scalar()) for name in names}
    most = int(shown["max_connections"]) - int(shown["superuser_reserved_connections"])
    return [
        writable(read_only=shown["transaction_read_only"] == "on"),
        encoding(shown["server_encoding"]),
        connections(settings.database_connections_max + BESIDES_CHARGES, most),
    ]


def clocks(apart: timedelta) -> Finding:
    """Judge how far the database's clock is ahead of this process's."""
    if abs(apart) <= APART_MAX:
        return good("clocks", "this machine's and the database's agree")
    told = f"the database's is {apart.total_seconds():+.0f} s from this machine's"
    return wrong("clocks", told, "set both by the same time service: webhooks are refused by this machine's clock")


def writable(*, read_only: bool) -> Finding:
    """Judge whether the database takes writes."""
    if not read_only:
        return good("writes", "are taken")
    mend = "let HUB_DATABASE_URL name the primary: nothing about money may be read from a standby"
    return wrong("writes", "are refused: this is a standby, or set to be read only", mend)


def encoding(name: str) -> Finding:
    """Judge how the database writes text."""
    if name == "UTF8":
        return good("encoding", "UTF8")
    return wrong("encoding", f"{name}: names and references may not come back as they were", "make it with UTF8")


def connections(needed: int, most: int) -> Finding:
    """Judge whether one process has the connections that its settings allow it."""
    if needed <= most:
        return good("connections", f"{needed} for each process at most, of {most}")
    mend = "lower HUB_DATABASE_CONNECTIONS_MAX or raise max_connections; each further process needs as many again"
    return wrong("connections", f"one process may ask for {needed}, and PostgreSQL gives {most}", mend)


def sqlite_version(version: tuple[int, ...]) -> Finding:
    """Judge the SQLite that Python brings."""
    told = ".".join(str(part) for part in version)
    if version >= SQLITE_MIN:
        return good("sqlite", told)
    return wrong("sqlite", f"{told} is too old", "use a Python with SQLite 3.35 or newer, or PostgreSQL")


def room(free_bytes: int) -> Finding:
    """Judge the room that is left where SQLite writes."""
    told = f"{free_bytes / 1024**3:.1f} GiB free"
    if free_bytes >= ROOM_BYTES_MIN:
        return good("room", told)
    return wrong("room", f"{told}: once it is full every charge is refused", "make room on that disk")


def tables(found: Standing) -> Finding:
    """Judge how the tables stand to this code."""
    match found:
        case Standing.BEHIND:
            return wrong("tables", "are not this version's", "run `hub migrate`")
        case Standing.BEYOND:
            mend = "run that version, or the one before it that still can"
            return wrong("tables", "are a newer version's, which took away what this one uses", mend)
        case Standing.AHEAD:
            return good("tables", "are a newer version's, which this one can work with", "bring this one up to it soon")
        case Standing.RIGHT:
            return good("tables", "are this version's")


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
