"""API keys and audit rows as they are kept: each is of one mode, and a key for no account is for none."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from hub.access import store
from hub.access.rules import ROLES, Caller, Grant, Role
from hub.access.service import make_key
from hub.access.tables import audit_log
from hub.database import Database, open_database

AT = datetime(2026, 11, 22, tzinfo=UTC)
NARROW = Grant(principal="ada", scopes=frozenset({"payments:read"}), merchant_accounts=frozenset())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def test_a_key_is_read_and_revoked_in_its_own_mode_alone(database: Database) -> None:
    key_id, _ = await make_key(database, NARROW, name="one", role=None, livemode=True, by=None, at=AT)

    async with database.transaction() as connection:
        assert await store.key(connection, livemode=False, key_id=key_id) is None
        assert not await store.revoke(connection, livemode=False, key_id=key_id, at=AT)
        assert await store.revoke(connection, livemode=True, key_id=key_id, at=AT)
        assert not await store.revoke(connection, livemode=True, key_id=key_id, at=AT)


async def test_a_key_for_no_account_reaches_none_and_has_its_own_scopes(database: Database) -> None:
    key_id, _ = await make_key(database, NARROW, name="one", role=None, livemode=False, by=None, at=AT)

    async with database.reading() as connection:
        row = await store.key(connection, livemode=False, key_id=key_id)
    assert row is not None
    caller = store.to_caller(row)

    assert (caller.merchant_accounts, caller.scopes) == (frozenset(), NARROW.scopes)
    assert not caller.may_use("ma_1")


async def test_a_key_that_may_refund_no_currency_refunds_nothing(database: Database) -> None:
    grant = replace(NARROW, refund_max={})
    key_id, _ = await make_key(database, grant, name="one", role=None, livemode=False, by=None, at=AT)

    async with database.reading() as connection:
        row = await store.key(connection, livemode=False, key_id=key_id)
    assert row is not None

    assert not store.to_caller(row).may_refund(1, "EUR")


async def test_a_role_is_what_it_is_in_this_version_whatever_it_was_when_the_key_was_made(database: Database) -> None:
    key_id, _ = await make_key(database, NARROW, name="one", role=Role.SUPPORT, livemode=False, by=None, at=AT)

    async with database.reading() as connection:
        row = await store.key(connection, livemode=False, key_id=key_id)
    assert row is not None

    assert store.to_caller(row).scopes == ROLES[Role.SUPPORT]


@pytest.mark.parametrize("livemode", [True, False])
async def test_what_a_caller_does_is_on_record_in_the_callers_mode(database: Database, *, livemode: bool) -> None:
    caller = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, scopes=frozenset(), livemode=livemode)

    async with database.transaction() as connection:
        await store.audit(connection, caller, "webhook_endpoint.created", "we_1", {}, request_id="req_1")
        (row,) = (await connection.execute(select(audit_log))).mappings().all()

    assert (bool(row["livemode"]), row["key_id"], row["principal"]) == (livemode, "key_1", "ada")
    assert (row["action"], row["object_id"], row["request_id"]) == ("webhook_endpoint.created", "we_1", "req_1")
