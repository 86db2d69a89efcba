"""Sealing keys are rotated: all that is sealed, from wherever a run was killed, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import LargeBinary, select, update

from hub.database import Database, open_database
from hub.doctor_keys import look_at_keys
from hub.idempotency.service import settle
from hub.idempotency.store import Key, Stored
from hub.key_rotation import store
from hub.key_rotation.columns import SEALED, Sealed
from hub.key_rotation.service import Values, census, left, rotate
from hub.merchants.tables import merchant_accounts
from hub.migrations.tables import metadata
from hub.sealing import Sealer
from tests.hub.commands import DEVELOPMENT_KEY, hub
from tests.hub.planting import plant

OLD = {"first": bytes(32)}  # The key that `DEVELOPMENT_KEY` writes.
NEW = {"a-newer-key": bytes(range(32)), **OLD}
NEW_ALONE = {"a-newer-key": NEW["a-newer-key"]}
WRITTEN = f"a-newer-key:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,{DEVELOPMENT_KEY}"
EACH = 3
AS_IT_IS = {
    "backtests.result": "figures",
    "backtests.tally": "figures",
    "card_declines.decline": "codes and advice",
    "dispute_reports.report": "what a processor said, card numbers masked",
    "dispute_submissions.refusal": "what a processor said",
    "events.data": "objects as the API shows them",
    "idempotency_keys.answer": "an answer of the API",
    "idempotency_keys.fingerprint": "a hash",
    "operations.decline": "codes and advice",
    "operations.request": "what is sent again; one-time data is taken out before",
    "payments.decline": "codes and advice",
    "payments.facts": "what routing goes by",
    "payments.metadata": "the caller's own, without card numbers",
    "payments.routing": "what routing decided",
    "reports.report": "what a processor said, card numbers masked",
    "settlement_files.content": "a report until it is imported, which processors give out without card numbers",
    "verifications.decline": "codes and advice",
    "verifications.request": "what is sent again; one-time data is taken out before",
    "webhook_deliveries.body": "what a processor said, card numbers masked",
}
"""Columns of bytes that hold no secret, and what they hold."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def planted(database: Database) -> dict[str, bytes]:
    """Seal three secrets of each kind with the old key; gives them by their identities."""
    secrets: dict[str, bytes] = {}
    by_table = {one.table.name: [same for same in SEALED if same.table is one.table] for one in SEALED}
    async with database.transaction() as connection:
        for columns in by_table.values():
            for n in range(EACH):
                id_ = f"{columns[0].table.name}-{n}"
                values: dict[str, Any] = {"id": id_}
                if columns[0].table is merchant_accounts:
                    values["name"] = id_
                for one in columns:
                    secret = f"secret \0\xff of {one} {n}".encode("latin-1")
                    secrets[f"{one} {id_}"] = secret
                    values[one.name] = Sealer(OLD).seal(secret, one.identity(id_))
                if columns[0].table.name == "dispute_submissions":
                    values["status"] = "done"  # One at a time may be under way.
                await plant(connection, columns[0].table, **values)
    return secrets


async def opened(database: Database, sealer: Sealer) -> dict[str, bytes]:
    """Open everything that was planted."""
    found: dict[str, bytes] = {}
    async with database.reading() as connection:
        for one in SEALED:
            rows = await connection.execute(select(one.table.c.id, one.column).where(one.column.is_not(None)))
            found |= {f"{one} {id_}": sealer.open(sealed, one.identity(id_)) for id_, sealed in rows}
    return found


def test_every_column_of_bytes_is_rotated_or_holds_no_secret() -> None:
    bytes_ = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }

    assert bytes_ == {str(one) for one in SEALED} | AS_IT_IS.keys()
    assert not {str(one) for one in SEALED} & AS_IT_IS.keys()


@pytest.mark.fault_case(id="SEC-02")
async def test_everything_opens_with_the_new_key_alone_afterwards(database: Database) -> None:
    secrets = await planted(database)

    done = await rotate(database, Sealer(NEW), batch=2)

    assert (done.rewrapped, done.failed) == (len(secrets), 0)
    assert await opened(database, Sealer(NEW_ALONE)) == secrets
    assert left(await census(database, Sealer(NEW_ALONE)), Sealer(NEW_ALONE)) == []
    assert (await rotate(database, Sealer(NEW))).rewrapped == 0


@pytest.mark.fault_case(id="CR-12")
async def test_killed_in_the_middle_it_goes_on_where_it_was(database: Database) -> None:
    class KilledError(Exception): ...

    def kill(column: Sealed, _values: int) -> None:
        if column.table.name == "approvals":
            raise KilledError

    secrets = await planted(database)
    with pytest.raises(KilledError):
        await rotate(database, Sealer(NEW), kill, batch=2)
    before = sum(one.values for one in left(await census(database, Sealer(NEW)), Sealer(NEW)))
    assert 0 < before < len(secrets)
    assert await opened(database, Sealer(NEW)) == secrets

    done = await rotate(database, Sealer(NEW))

    assert done.rewrapped == before
    assert await opened(database, Sealer(NEW_ALONE)) == secrets


async def test_what_is_written_meanwhile_is_never_overwritten(database: Database) -> None:
    column, id_ = SEALED[0], "merchant_accounts-0"
    await planted(database)
    async with database.reading() as connection:
        ((_, head), *_) = await store.heads(connection, column, "a-newer-key", "", 1)
    newer = Sealer(OLD).seal(b"of another", column.identity(id_))
    async with database.transaction() as connection:
        await connection.execute(update(column.table).where(column.table.c.id == id_).values(credentials=newer))

        assert not await store.replace_head(database, connection, column, id_, head[:80], b"stale")

    assert (await opened(database, Sealer(OLD)))[f"{column} {id_}"] == b"of another"


async def test_what_does_not_open_is_named_and_counted_and_the_rest_is_done(database: Database) -> None:
    secrets = await planted(database)
    async with database.transaction() as connection:
        lost = Sealer({"lost": bytes(reversed(range(32)))}).seal(
            b"?", "merchant_accounts:merchant_accounts-0:credentials"
        )
        for id_, value in (("merchant_accounts-0", lost), ("merchant_accounts-1", b"nonsense")):
            mine = merchant_accounts.c.id == id_
            await connection.execute(update(merchant_accounts).where(mine).values(credentials=value))

    done = await rotate(database, Sealer(NEW))

    assert (done.rewrapped, done.failed) == (len(secrets) - 2, 2)
    assert "merchant_accounts-0" in done.failures[0]
    assert "'lost', which HUB_KEYS does not hold" in done.failures[0]
    assert left(await census(database, Sealer(NEW)), Sealer(NEW)) == [
        Values("merchant_accounts.credentials", ", lost", 2)
    ]


async def test_the_doctor_says_what_still_needs_an_old_key_and_what_has_none(database: Database) -> None:
    secrets = await planted(database)

    needing = await look_at_keys(database, Sealer(NEW))
    missing = await look_at_keys(database, Sealer(NEW_ALONE))
    await rotate(database, Sealer(NEW))
    rotated = await look_at_keys(database, Sealer(NEW))

    assert (needing.ok, needing.told) == (True, f"not all with a-newer-key: {len(secrets)} with first")
    assert needing.mend == "`hub keys rotate` frees from the old keys"
    assert (missing.ok, missing.told) == (False, f"some do not open: {len(secrets)} with first")
    assert rotated.told == f"{len(secrets)}, all with a-newer-key; nothing needs first any more"


async def test_the_command_rotates_and_says_what_is_left(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    secrets = await planted(database)
    await database.close()

    missing = hub("keys", "rotate", HUB_DATABASE_URL=sqlite_url, HUB_KEYS=WRITTEN.partition(",")[0])
    done = hub("keys", "rotate", "--json", HUB_DATABASE_URL=sqlite_url, HUB_KEYS=WRITTEN)

    assert missing.returncode == 1, missing.stderr
    assert "Put the keys that are missing back into HUB_KEYS" in missing.stdout
    assert done.returncode == 0, done.stderr
    told = msgspec.json.decode(done.stdout)
    assert told == {"active": "a-newer-key", "rewrapped": len(secrets), "left": [], "failures": []}


def test_a_request_with_one_time_data_is_the_same_before_and_after_a_key_is_put_first() -> None:
    kept = Stored(fingerprint=b"by the old key", location="/", operation_id=None, status=201, answer=b"{}")
    again = Key(key="k", fingerprint=b"by the new key", also=(b"by the old key",), location="/")

    assert settle(kept, again).replayed
