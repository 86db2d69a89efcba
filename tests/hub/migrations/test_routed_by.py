"""Payments that were made before say by which ruleset and rule as well."""

from datetime import UTC, datetime
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, select
from sqlalchemy.sql.sqltypes import Boolean, Text

from hub.database import Instant, open_database
from hub.payments.tables import payments

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NEW = {"ruleset", "rule", "lost_minor", "beyond_minor"}
TOLD = {"pay_1": b'{"ruleset":"rs_1","version":3,"rule":"eu-cards"}', "pay_2": b'{"ruleset":null,"rule":null}'}


def bring(connection: Connection, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "hub:migrations")
    command.upgrade(config, revision)


def value_of(column: Any) -> Any:
    if isinstance(column.type, Instant):
        return AT
    if isinstance(column.type, Boolean):
        return False
    return "x" if isinstance(column.type, Text) else 0


async def test_what_decided_older_payments_is_taken_from_what_they_say(empty_database_url: str) -> None:
    database = await open_database(empty_database_url)
    columns = [column for column in payments.c if not column.nullable and column.name not in NEW]
    async with database.writer.begin() as connection:
        await connection.run_sync(bring, "0021")
        for id_, routing in TOLD.items():
            row = {column.name: value_of(column) for column in columns}
            row |= {"id": id_, "amount_minor": 1, "routing": routing, "metadata": b"{}", "facts": b"{}"}
            await connection.execute(insert(payments).values(row))

    async with database.writer.begin() as connection:
        await connection.run_sync(bring, "head")
        found = (await connection.execute(select(payments.c.id, payments.c.ruleset, payments.c.rule))).all()
    await database.close()

    assert sorted(found) == [("pay_1", "rs_1", "eu-cards"), ("pay_2", None, None)]
