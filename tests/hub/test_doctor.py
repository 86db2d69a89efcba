"""`hub doctor` says what is wrong and what to do about it, and ends with 1 where anything is."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, update

from hub.access.rules import ROLES, Grant, Role
from hub.access.service import make_key
from hub.app import known_adapters
from hub.database import Database, open_database
from hub.doctor import examine
from hub.doctor_declines import unmapped
from hub.doctor_findings import Finding
from hub.merchants.profile import Profile
from hub.merchants.tables import merchant_accounts
from hub.sealing import Sealer
from hub.settings import DEVELOPMENT_KEYS
from normalization.declines import Decline, DeclineCode
from tests.hub.commands import DEVELOPMENT_KEY, hub
from tests.processes import free_port

STRIPE: Mapping[str, Any] = {"api_key": "sk_test_desk", "webhook_secret": "whsec_desk"}
AT = datetime(2026, 11, 21, tzinfo=UTC)
ADAPTERS = known_adapters()


def development(url: str, **settings: str) -> dict[str, str]:
    """Settings with which nothing is wrong but what the test adds."""
    return {"HUB_DATABASE_URL": url, "HUB_DEVELOPMENT": "yes", **settings}


async def add_account(database: Database, credentials: Mapping[str, Any], processor: str = "stripe") -> None:
    sealed = Sealer(DEVELOPMENT_KEYS).seal(msgspec.json.encode(credentials), "merchant_accounts:ma_1:credentials")
    row = {
        "id": "ma_1",
        "livemode": False,
        "name": "desk",
        "processor": processor,
        "status": "active",
        "profile": msgspec.json.encode(Profile()).decode(),
        "credentials": sealed,
        "credentials_version": 1,
        "created_at": AT,
        "updated_at": AT,
    }
    async with database.transaction() as connection:
        await connection.execute(insert(merchant_accounts), row)


async def with_account(url: str, credentials: Mapping[str, Any] = STRIPE, processor: str = "stripe") -> None:
    """Add one account, and a key that opens the hub."""
    database = await open_database(url)
    await add_account(database, credentials, processor)
    grant = Grant(principal="ada", scopes=ROLES[Role.ADMIN])
    await make_key(database, grant, name="desk", role=Role.ADMIN, livemode=False, by=None, at=datetime.now(UTC))
    await database.close()


def wrong(findings: list[Finding]) -> dict[str, str]:
    """What is wrong, by what was looked at, each with its mend."""
    return {finding.check: f"{finding.told} -> {finding.mend}" for finding in findings if not finding.ok}


async def test_nothing_is_wrong_with_a_durable_database_and_a_whole_account(sqlite_url: str, redis_url: str) -> None:
    await with_account(sqlite_url)

    assert wrong(await examine(development(sqlite_url, HUB_REDIS_URL=redis_url))) == {}


async def test_an_account_of_which_something_cannot_be_read_is_wrong_and_told_with_its_fields(sqlite_url: str) -> None:
    await with_account(sqlite_url)
    database = await open_database(sqlite_url)
    async with database.transaction() as connection:
        await connection.execute(update(merchant_accounts).values(profile='{"region": "MOON", "currencies": ["EUR"]}'))
    await database.close()

    told = wrong(await examine(development(sqlite_url)))["account desk"]

    assert told == (
        "cannot be read as it is stored, so nothing is sent there: region"
        " -> send these fields anew with PATCH /v1/merchant_accounts/ma_1"
    )


async def test_a_postgresql_that_may_forget_is_wrong(postgres_url: str) -> None:
    await with_account(postgres_url)

    told = wrong(await examine(development(postgres_url)))

    assert list(told) == ["database"]
    assert "fsync off" in told["database"]


async def test_a_misspelt_setting_is_named() -> None:
    found = await examine({"HUB_KEYZ": "1"})

    assert list(wrong(found)) == ["settings"]
    assert "HUB_KEYZ" in wrong(found)["settings"]


async def test_the_sealing_key_that_everybody_knows_is_wrong_outside_development(sqlite_url: str) -> None:
    await with_account(sqlite_url)

    assert "set HUB_KEYS" in wrong(await examine({"HUB_DATABASE_URL": sqlite_url}))["sealing keys"]


async def test_tables_of_another_version_are_to_be_migrated(empty_database_url: str) -> None:
    database = await open_database(empty_database_url)
    async with database.reading():
        pass  # An SQLite file comes into being.
    await database.close()

    assert "run `hub migrate`" in wrong(await examine(development(empty_database_url)))["tables"]


async def test_an_sqlite_file_that_is_missing_is_told_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "hub.db"

    found = await examine(development(f"sqlite:///{missing}"))

    assert "run `hub migrate`" in wrong(found)["database"]
    assert f"there is no file {missing}" in {finding.told for finding in found}
    assert not missing.exists()


async def test_a_database_and_a_redis_that_do_not_answer_are_told() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    settings = development(f"postgresql://hub@{nobody}/hub", HUB_REDIS_URL=f"redis://{nobody}")

    assert set(wrong(await examine(settings))) == {"database", "redis"}


async def test_an_account_without_a_webhook_secret_is_told_where_to_register(sqlite_url: str) -> None:
    await with_account(sqlite_url, {"api_key": "sk_test_desk"})

    assert "/webhooks/ma_1" in wrong(await examine(development(sqlite_url)))["account desk"]


async def test_credentials_sealed_with_a_key_that_is_gone_are_told(sqlite_url: str) -> None:
    await with_account(sqlite_url)

    told = wrong(await examine(development(sqlite_url, HUB_KEYS=DEVELOPMENT_KEY)))

    assert "do not open" in told["account desk"]


@pytest.mark.parametrize(
    ("credentials", "processor", "told"),
    [
        ({"api_key": "sk_live_desk", "webhook_secret": "whsec_desk"}, "stripe", "api_key"),
        ({"webhook_secret": "00"}, "adyen", "lack"),
        (STRIPE, "paypal", "no adapter"),
    ],
)
async def test_credentials_that_an_adapter_cannot_use_are_told(
    sqlite_url: str, credentials: Mapping[str, Any], processor: str, told: str
) -> None:
    await with_account(sqlite_url, credentials, processor)

    assert told in wrong(await examine(development(sqlite_url)))["account desk"]


async def test_live_keys_need_a_public_address_with_https(sqlite_url: str) -> None:
    await with_account(sqlite_url)
    database = await open_database(sqlite_url)
    grant = Grant(principal="shop", scopes=ROLES[Role.SERVICE])
    await make_key(database, grant, name="shop", role=Role.SERVICE, livemode=True, by=None, at=AT)
    await database.close()

    assert "HUB_PUBLIC_URL" in wrong(await examine(development(sqlite_url)))["public_url"]


async def test_without_any_account_nothing_can_be_charged(sqlite_url: str) -> None:
    assert "POST /v1/merchant_accounts" in wrong(await examine(development(sqlite_url)))["merchant accounts"]


def test_a_decline_code_that_stands_in_no_table_is_listed_once() -> None:
    def said(code: str, meaning: DeclineCode = DeclineCode.GENERIC_DECLINE) -> bytes:
        return msgspec.json.encode(Decline(code=meaning, processor_code=code))

    declines = [
        ("stripe", said("card_declined/never_heard_of")),
        ("stripe", said("card_declined/never_heard_of")),
        ("stripe", said("card_declined/generic_decline")),
        ("stripe", said("card_declined/odd", DeclineCode.INSUFFICIENT_FUNDS)),
        ("stripe", said("processing_error", DeclineCode.PROCESSOR_ERROR)),
        ("adyen", said("2")),
        ("adyen", said("99")),
        ("acquirer-of-others", said("77")),
        ("stripe", said("hub/expired")),
    ]

    assert unmapped(declines, ADAPTERS) == [
        ("adyen", "99"),
        ("stripe", "card_declined/never_heard_of"),
        ("stripe", "card_declined/odd"),
    ]


@pytest.mark.parametrize(("network", "listed"), [("visa", [("visa", "0Q")]), ("amex", []), (None, [])])
def test_a_networks_code_is_judged_where_the_table_is_whole(network: str | None, listed: list[tuple[str, str]]) -> None:
    decline = Decline(code=DeclineCode.GENERIC_DECLINE, processor_code="2", network_code="0Q", network=network)

    assert unmapped([("adyen", msgspec.json.encode(decline))], ADAPTERS) == listed


async def test_the_command_ends_with_1_and_tells_in_json_what_is_wrong(sqlite_url: str) -> None:
    await with_account(sqlite_url, {"api_key": "sk_test_desk"})

    told = await asyncio.to_thread(hub, "doctor", "--json", **development(sqlite_url))

    body = msgspec.json.decode(told.stdout)
    assert (told.returncode, body["ok"]) == (1, False)
    assert [finding["check"] for finding in body["findings"] if not finding["ok"]] == ["account desk"]
    assert "sk_test_desk" not in told.stdout


async def test_the_command_shows_a_table_and_ends_with_0_where_nothing_is_wrong(sqlite_url: str) -> None:
    await with_account(sqlite_url)

    told = await asyncio.to_thread(hub, "doctor", **development(sqlite_url))

    assert told.returncode == 0
    assert "Nothing is wrong." in told.stdout
