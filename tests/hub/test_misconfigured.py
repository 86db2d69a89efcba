"""Each way to set a hub up wrongly is found by `hub doctor`, which says what to do about it."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Table

from hub.access.tables import api_keys
from hub.database import Instant, open_database
from hub.doctor import examine
from hub.doctor_database import clocks, connections, encoding, room, sqlite_version, writable
from hub.doctor_findings import Finding
from hub.merchants.profile import Profile
from hub.merchants.tables import merchant_accounts
from hub.migrations.tables import metadata
from hub.sealing import Sealer
from hub.settings import DEVELOPMENT_KEYS
from tests.hub.commands import DEVELOPMENT_KEY
from tests.processes import free_port
from tests.servers import Postgres

NOW = datetime.now(UTC)
NOBODY = f"127.0.0.1:{free_port()}"
GOOD = {"api_key": "sk_test_desk", "webhook_secret": "whsec_desk"}


class Wrong(Struct, frozen=True, kw_only=True):
    """What is set up wrongly, and what the doctor is to say: where it looked, and words of the mend."""

    check: str
    mend: str
    settings: Mapping[str, str] = {}
    without: Sequence[str] = ()
    rows: Sequence[tuple[Table, Mapping[str, Any]]] = ()
    sql: Sequence[str] = ()


def account(credentials: Mapping[str, Any] = GOOD, **changes: Any) -> tuple[Table, Mapping[str, Any]]:
    sealed = Sealer(DEVELOPMENT_KEYS).seal(msgspec.json.encode(credentials), "merchant_accounts:ma_1:credentials")
    row = {"id": "ma_1", "name": "desk", "processor": "stripe", "status": "active", "credentials": sealed}
    return merchant_accounts, row | {"profile": msgspec.json.encode(Profile()).decode()} | changes


def key(**changes: Any) -> tuple[Table, Mapping[str, Any]]:
    scopes = msgspec.json.encode(["approvals:write"]).decode()
    return api_keys, {"id": "key_1", "hash": "h", "principal": "ada", "scopes": scopes} | changes


def waiting(table: str, **columns: Any) -> tuple[Table, Mapping[str, Any]]:
    return metadata.tables[table], {"id": "x_1", "due_at": NOW - timedelta(hours=1)} | columns


SOUND = (account(), key())
APPROVALS = '{"refund": {"EUR": 100}}'
DEAF = {"api_key": "sk_test_desk"}
WRONG = {
    "a variable that is misspelt": Wrong(
        check="settings", mend="docs/settings.md", settings={"HUB_KEYZ": "1"}
    ),
    "a lease that ends before its request": Wrong(
        check="settings", mend="correct the variable", settings={"HUB_LEASE_MS": "1000"}
    ),
    "a sealing key that is too short": Wrong(
        check="settings", mend="correct the variable", settings={"HUB_KEYS": "first:AAAA"}
    ),
    "the sealing key that everybody knows": Wrong(
        check="sealing keys", mend="set HUB_KEYS", without=["HUB_DEVELOPMENT"]
    ),
    "a Redis that does not answer": Wrong(
        check="redis", mend="HUB_REDIS_URL", settings={"HUB_REDIS_URL": f"redis://{NOBODY}"}
    ),
    "a database file that is not there": Wrong(
        check="database", mend="hub migrate", settings={"HUB_DATABASE_URL": "sqlite:////nowhere/hub.db"}
    ),
    "a database that does not answer": Wrong(
        check="database", mend="HUB_DATABASE_URL", settings={"HUB_DATABASE_URL": f"postgresql://hub@{NOBODY}/hub"}
    ),
    "tables of an older version": Wrong(
        check="tables", mend="hub migrate", sql=["UPDATE alembic_version SET version_num = '0003'"]
    ),
    "tables of a newer version that lack something": Wrong(
        check="tables", mend="run that version",
        sql=["UPDATE alembic_version SET version_num = '9998'", "UPDATE schema_floor SET revision = '9998'"],
    ),
    "processes that stop before their charges end": Wrong(
        check="stopping", mend="HUB_SHUTDOWN_MS", settings={"HUB_SHUTDOWN_MS": "1000"}
    ),
    "an address in live mode without https": Wrong(
        check="public_url", mend="HUB_PUBLIC_URL", rows=[account(), key(livemode=True)],
        settings={"HUB_PUBLIC_URL": "http://pay.example.com"},
    ),
    "an address that leads everybody to himself": Wrong(
        check="public_url", mend="HUB_PUBLIC_URL", without=["HUB_DEVELOPMENT"],
        settings={"HUB_PUBLIC_URL": "https://localhost"},
    ),
    "live mode on a machine for trying things out": Wrong(
        check="development", mend="unset HUB_DEVELOPMENT", rows=[account(), key(livemode=True)]
    ),
    "no API key": Wrong(check="API keys", mend="hub keys create", rows=[account()]),
    "an API key that has expired": Wrong(
        check="API keys", mend="hub keys create", rows=[account(), key(expires_at=NOW - timedelta(days=1))]
    ),
    "approvals with one person": Wrong(
        check="approvals in test mode", mend="second principal", settings={"HUB_APPROVALS": APPROVALS}
    ),
    "no merchant account": Wrong(check="merchant accounts", mend="POST /v1/merchant_accounts", rows=[key()]),
    "merchant accounts that are all paused": Wrong(
        check="merchant accounts", mend='{"status": "active"}', rows=[account(status="paused"), key()]
    ),
    "an account without its adapter": Wrong(
        check="account desk", mend="install the package", rows=[account(processor="paypal"), key()]
    ),
    "credentials whose key is gone": Wrong(
        check="account desk", mend="put the key that sealed it back", settings={"HUB_KEYS": DEVELOPMENT_KEY}
    ),
    "credentials that lack something": Wrong(
        check="account desk", mend="send its credentials anew", rows=[account({"api_key": None}), key()]
    ),
    "credentials of the other mode": Wrong(
        check="account desk", mend="send its credentials anew", rows=[account(GOOD | {"api_key": "sk_live_x"}), key()]
    ),
    "an account that hears nothing": Wrong(
        check="account desk", mend="/webhooks/ma_1", rows=[account(DEAF), key()]
    ),
    "an endpoint that is gone": Wrong(
        check="endpoint x_1", mend="PATCH /v1/webhook_endpoints/x_1",
        rows=[*SOUND, (metadata.tables["webhook_endpoints"], {"id": "x_1", "status": "disabled", "reason": "gone"})],
    ),
    "no worker for webhooks": Wrong(
        check="webhooks", mend="run `hub worker`", rows=[*SOUND, waiting("webhook_deliveries", status="waiting")]
    ),
    "no worker for unknown outcomes": Wrong(
        check="unknown outcomes", mend="run `hub worker`", rows=[*SOUND, waiting("operations", status="unknown")]
    ),
}  # fmt: skip


def filled(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a row, with nothing in what may not be NULL."""
    return {column.name: _plain(values.get(column.name, _nothing(column))) for column in table.columns}


def _nothing(column: Any) -> Any:
    if column.nullable:
        return None
    if isinstance(column.type, Instant):
        return NOW
    if isinstance(column.type, (BigInteger, Boolean, Integer)):
        return 0
    return b"" if isinstance(column.type, LargeBinary) else "{}" if column.name in {"scopes", "profile"} else ""


def _plain(value: Any) -> Any:
    return int(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value


def prepare(url: str, wrong: Wrong) -> None:
    """Put into the database what belongs to the case, whatever it refers to."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as opened, opened:
        for table, values in wrong.rows or SOUND:
            row = filled(table, values)
            places = ", ".join("?" * len(row))
            opened.execute(f"INSERT INTO {table.name} VALUES ({places})", list(row.values()))  # noqa: S608 - our names
        for statement in wrong.sql:
            opened.execute(statement)


async def found(url: str, wrong: Wrong) -> dict[str, Finding]:
    """Everything that is wrong, by where it was found."""
    environment = {"HUB_DATABASE_URL": url, "HUB_DEVELOPMENT": "yes"} | dict(wrong.settings)
    told = await examine({name: value for name, value in environment.items() if name not in wrong.without})
    return {finding.check: finding for finding in told if not finding.ok}


@pytest.mark.parametrize("name", WRONG)
async def test_it_is_found_with_its_mend(name: str, sqlite_url: str) -> None:
    prepare(sqlite_url, WRONG[name])

    told = await found(sqlite_url, WRONG[name])

    assert WRONG[name].check in told
    assert WRONG[name].mend in (told[WRONG[name].check].mend or "")


async def test_nothing_is_found_where_nothing_is_wrong(sqlite_url: str) -> None:
    sound = Wrong(check="", mend="")
    prepare(sqlite_url, sound)

    assert await found(sqlite_url, sound) == {}


@pytest.mark.parametrize(
    ("finding", "mend"),
    [
        (clocks(timedelta(seconds=-40)), "time service"),
        (writable(read_only=True), "HUB_DATABASE_URL"),
        (encoding("SQL_ASCII"), "UTF8"),
        (connections(35, 20), "HUB_DATABASE_CONNECTIONS_MAX"),
        (room(10**8), "make room"),
        (sqlite_version((3, 34, 1)), "PostgreSQL"),
    ],
    ids=["clocks apart", "a standby", "another encoding", "too few connections", "a full disk", "an old SQLite"],
)
def test_what_is_wrong_with_a_database_is_told_with_its_mend(finding: Finding, mend: str) -> None:
    assert not finding.ok
    assert mend in (finding.mend or "")


async def test_a_postgresql_that_takes_no_writes_is_found(postgres_url: str, postgres: Postgres) -> None:
    database = await open_database(postgres_url)
    async with database.writer.connect() as connection:
        raw = await connection.get_raw_connection()
        name = postgres_url.rpartition("/")[2]
        driver: Any = raw.driver_connection
        await driver.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await database.close()

    told = await found(postgres_url, Wrong(check="", mend=""))

    assert "the primary" in (told["writes"].mend or "")
    assert postgres.pid


def test_there_are_more_than_twenty() -> None:
    assert len(WRONG) > 20
