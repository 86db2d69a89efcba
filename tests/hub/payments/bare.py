"""The charge path on a database of its own, without HTTP and without processors: what is committed, and by whom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import text

from adapters.contract import AmountRange, Capabilities, Inquiry, Registration
from adapters.stripe import REGISTRATION
from hub.app import utc_now
from hub.database import open_database
from hub.figures.board import FigureBoard
from hub.idempotency.store import Key
from hub.merchants.health import HealthBoard
from hub.merchants.service import Directory
from hub.payment_methods.remembered import Remembered
from hub.payments import store
from hub.payments.changes import Actor
from hub.payments.recording import Held, hold
from hub.payments.shell import Shell
from hub.payments.states import OperationState, Payment
from hub.redis import SharedMemory
from hub.rulesets.shadowing import ShadowDesk
from hub.sealing import Sealer
from hub.settings import Settings
from hub.webhooks.budget import ReadBudgets
from routing.facts import Facts, chargeable_by
from routing.plan import Snapshot
from tests.hub.payments.making import eur, operation, payment

LEASE_S = 60.0
KEY = Key(key="once", fingerprint=b"asked", location="/v1/payments/pay_1")
REQUEST = (
    b'{"operation":"purchase","operation_id":"att_1","payment_id":"pay_1","reference":"invoice-1",'
    b'"money":{"minor":1000,"currency":"EUR"},"requested_at":"2026-11-21T09:00:00Z",'
    b'"token":{"processor":"stripe","token":"pm_1"},"return_url":"https://hub.example/return/pay_1"}'
)

DAY = timedelta(days=1)
ONCE = Capabilities(
    currencies=None,
    amounts=AmountRange(),
    partial_capture=True,
    multiple_captures=False,
    inquiry=Inquiry.LOOKUP,
    replay_for=DAY,
    lookup_grace=DAY,
    pending_max=DAY,
    replay_re_answers=True,
    too_many_requests_not_executed=True,
    documentation="https://processor.example",
)
FACTS = Facts(livemode=False, money=eur(1000), reference="invoice-1", chargeable=chargeable_by(()), hour_utc=9)


class Account(Struct, frozen=True):
    """A directory of one account, which stands for all: what it can do, and the adapter that a test gives it."""

    adapter: Any
    capabilities: Capabilities = ONCE
    registration: Registration[Any] = REGISTRATION
    terms: None = None

    def connected(self, _account_id: str) -> "Account | None":
        """Give the account, if it has an adapter."""
        return self if self.adapter is not None else None

    async def find(self, account_id: str) -> "Account | None":
        """Give the account, if it has an adapter."""
        return self.connected(account_id)

    def routing(self, *, livemode: bool) -> Snapshot:
        """Give nothing that routing decides by."""
        return Snapshot(version=int(livemode))


def with_adapter(shell: Shell, adapter: object, capabilities: Capabilities = ONCE) -> Shell:
    """Let every account be one, behind which is *adapter*."""
    return replace(shell, directory=cast("Directory", Account(adapter, capabilities)))


@asynccontextmanager
async def bare(database_url: str) -> AsyncIterator[Shell]:
    """The services' tools, with no merchant account, and nothing that goes on by itself."""
    settings = Settings(database_url=database_url)
    database, shared = await open_database(database_url), SharedMemory(None)
    nowhere = cast("Directory", Account(None))
    figures = FigureBoard(database, shared, nowhere, utc_now)
    yield Shell(
        database=database,
        directory=nowhere,
        settings=settings,
        sealer=Sealer(settings.keys),
        health=HealthBoard(shared, utc_now),
        figures=figures,
        shadows=ShadowDesk(database, figures.seen_later),
        remembered=Remembered(1),
        clock=utc_now,
        wake=lambda: None,
        running=set(),
        reads=ReadBudgets(settings.webhook_reads_per_second),
    )
    await database.close()


async def sent(shell: Shell, lease_s: float = LEASE_S, **changes: Any) -> Held:
    """A charge of 10.00 EUR whose first commit is made; *changes* are the operation's."""
    attempt = operation(**{"request": REQUEST, "idempotency_key": KEY.key} | changes)
    begun = payment(facts=msgspec.json.encode(FACTS))
    await store.open_payment(shell.database, begun, attempt, KEY, lease_s, method_version=None)
    return await held(shell)


async def held(shell: Shell, operation_id: str = "att_1") -> Held:
    """The payment as it stands, with one of its operations."""
    found = await store.find_payment(shell.database, livemode=False, payment_id="pay_1")
    assert found is not None
    return await hold(shell, found, operation_id)


async def follow_up(shell: Shell, before: Held, reserved: Payment, made: OperationState, key: str) -> Held:
    """One more operation whose first commit is made."""
    reserved = replace(reserved, version=before.payment.version + 1)
    actor = Actor("key_1", "shop")
    wanted = replace(KEY, key=key)
    await store.open_follow_up(shell.database, before.payment, reserved, made, wanted, actor, LEASE_S)
    return await held(shell, made.id)


WRITTEN = (
    "payments", "operations", "reports", "events", "transfers", "audit_log", "expected_settlements", "exceptions",
    "idempotency_keys",
)  # fmt: skip
"""What a commit of the charge path may write to."""


async def everything(shell: Shell, *besides: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables that are written to."""
    found = {}
    async with shell.database.reading() as connection:
        for table in (*WRITTEN, *besides):
            rows = await connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - a name from above
            found[table] = sorted(map(tuple, rows), key=repr)
    return found


async def refuse(shell: Shell, what: str, table: str) -> None:
    """Let the database, which is SQLite, take no more of one kind of row."""
    trigger = f"CREATE TRIGGER full BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
    async with shell.database.transaction() as connection:
        await connection.execute(text(trigger))
