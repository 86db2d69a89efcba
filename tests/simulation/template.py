"""A database with the hub's tables, two merchant accounts, the rules and the payers' cards: each world's beginning."""

import asyncio
import sqlite3
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contract import Credentials
from hub import ids
from hub.database import Database, open_database
from hub.merchants.credentials import seal_credentials
from hub.merchants.profile import FeeRow, Profile, Tolerances
from hub.merchants.store import add_account, bump
from hub.migrations import bring_up
from hub.payment_methods import store as methods
from hub.rulesets import service as rulesets
from hub.rulesets.service import Author
from hub.sealing import Sealer
from hub.settings import Settings
from hub.webhook_endpoints.tables import webhook_endpoints
from normalization.money import Currency
from normalization.tokens import CardFacts, ProcessorToken
from routing.accounts import AccountStatus
from routing.rules import RuleSet
from tests.simulation.endpoints import WANTED
from tests.simulation.processors import NORTH, SOUTH

CARDS: Final = 64
"""Payments of a world: each has a card of its own, so that one's declines forbid nobody else's charge."""
TEST: Final = False
"""The mode that all of a world is in."""
_BEFORE: Final = datetime(2026, 1, 1, tzinfo=UTC)
PERCENT_BPS: Final = 150
FIXED_MINOR: Final = 10
_RULES: Final[dict[str, Any]] = {
    "name": "main",
    "rules": [
        {
            "name": "south-first",
            "when": {"fact": "metadata.route", "eq": SOUTH},
            "use": {"strategy": "priority", "accounts": [f"ma_{SOUTH}", f"ma_{NORTH}"]},
        }
    ],
    "otherwise": {"strategy": "priority", "accounts": [f"ma_{NORTH}", f"ma_{SOUTH}"]},
}


def card(life: int) -> str:
    """Name a payer's card."""
    return f"pm_{life:03d}"


def account(processor: str) -> str:
    """Name our account at a processor."""
    return f"ma_{processor}"


@cache
def template() -> bytes:
    """Make the database once in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        asyncio.run(_write(f"sqlite:///{path}"))
        raw = sqlite3.connect(path)
        memory = sqlite3.connect(":memory:")
        raw.backup(memory)  # Without the journal beside the file.
        raw.close()
        written = bytearray(memory.serialize())
        memory.close()
    written[18:20] = b"\x01\x01"  # What has no file cannot have the journal that stands there.
    return bytes(written)


async def _write(url: str) -> None:
    await bring_up(url)
    ids.make_from(lambda: int(_BEFORE.timestamp() * 1000), Random(0).randbytes)
    database = await open_database(url, clock=_before)
    try:
        async with database.transaction() as connection:
            for processor in (NORTH, SOUTH):
                await _account(connection, processor)
            for id_, pattern in WANTED.items():
                await connection.execute(insert(webhook_endpoints).values(_endpoint(id_, pattern)))
            for life in range(CARDS):
                await _card(connection, life)
            await bump(connection, livemode=False)
        await _rules(database)
    finally:
        await database.close()


async def _before(_connection: AsyncConnection) -> datetime:
    return _BEFORE


async def _account(connection: AsyncConnection, processor: str) -> None:
    id_ = account(processor)
    profile = Profile(
        fees=[FeeRow(percent_bps=PERCENT_BPS, fixed_minor=FIXED_MINOR)],
        settlement_currency=Currency.EUR,
        tolerances=Tolerances(fee_minor=1),
    )
    row = {
        "id": id_,
        "livemode": False,
        "name": processor,
        "processor": processor,
        "status": AccountStatus.ACTIVE,
        "profile": msgspec.json.encode(profile).decode(),
        "credentials": seal_credentials(Sealer(Settings().keys), id_, Credentials()),
        "credentials_version": 1,
        "created_at": _BEFORE,
        "updated_at": _BEFORE,
    }
    await add_account(connection, row)


def _endpoint(id_: str, pattern: str) -> dict[str, Any]:
    return {
        "id": id_,
        "livemode": False,
        "url": "https://shop.example/events",
        "description": "",
        "events": msgspec.json.encode([pattern]).decode(),
        "merchant_accounts": None,
        "ordered": False,
        "status": "enabled",
        "secret": b"sealed",
        "after_position": 0,
        "created_at": _BEFORE,
        "updated_at": _BEFORE,
    }


async def _card(connection: AsyncConnection, life: int) -> None:
    facts = CardFacts(brand="visa", last4="4242", country="DE", funding="credit", fingerprint=f"card-{life}")
    await methods.add_payment_method(connection, methods.method_row(TEST, card(life), None, facts, _BEFORE))
    for processor in (NORTH, SOUTH):
        token = ProcessorToken(processor=processor, token=f"tok_{life}")
        await methods.add_token(connection, methods.token_row(TEST, card(life), token, facts, _BEFORE))


async def _rules(database: Database) -> None:
    author = Author(caller=None, livemode=False, reason="the world begins")
    written = await rulesets.write(database, msgspec.convert(_RULES, RuleSet), author)
    await rulesets.activate(database, author, str(written.row["id"]))
