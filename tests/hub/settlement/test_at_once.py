"""Two who are at one line in the same moment, the hub and a human or two workers: its money moves once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.database import ConflictError, Database
from hub.exceptions import resolving
from hub.exceptions.resolving import Author, Settling
from hub.exceptions.rules import Posting
from hub.payments.shell import Shell
from hub.settlement.retrying import settle_waiting
from tests.hub.exceptions.cabinet import PATH, resolve
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.settlement.cases import COLUMNS_TOLD, Case, line, open_case
from tests.hub.settlement.reports import hand_in, import_all, written

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAG = "payment_metadata[hub_operation]"
FINANCE = Caller(key_id="key_1", principal="bea", role=None, scopes=frozenset(), livemode=False)
Do = Callable[[], Awaitable[Any]]


class Overtaken:
    """A database at which *others* do something after the first that was read, before anything is written."""

    def __init__(self, database: Database, others: Do) -> None:
        self._database = database
        self._others: Do | None = others

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.reading() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        others, self._others = self._others, None
        if others is not None:
            await others()
        async with self._database.transaction() as connection:
            yield connection


def overtaken(made: House, others: Do) -> Shell:
    shell = made.hub.parts.shell
    return replace(shell, database=cast("Database", Overtaken(shell.database, others)))


async def by_hand(made: House, one: str, others: Do, **posting: Any) -> None:
    """Settle an exception, and let *others* run into it before that is committed."""
    settling = Settling(reason="by hand", posting=Posting(**posting))
    author = Author(caller=FINANCE, request_id=None, at=datetime.now(UTC))
    async with made.hub.parts.database.transaction() as connection:
        await resolving.resolve(connection, author, one, settling)
        running = asyncio.ensure_future(others())
        while made.hub.parts.database.is_postgresql and not running.done():
            if await somebody_waits(made):
                break
    await running


async def somebody_waits(made: House) -> bool:
    return bool(await rows(made, "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                                 " WHERE NOT l.granted AND d.datname = current_database()"
                                 " UNION ALL SELECT 1 FROM pg_stat_activity"
                                 " WHERE wait_event_type = 'Lock' AND datname = current_database()"))  # fmt: skip


async def import_in_the_end(made: House) -> None:
    """Import what is waiting, also what has to be tried again."""
    with suppress(ConflictError):
        await import_all(made.hub.parts.shell)
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(text("UPDATE settlement_batches SET due_at = created_at WHERE due_at IS NOT NULL"))
    await import_all(made.hub.parts.shell)


async def all_postings(case: Case) -> dict[str, int]:
    """Net what was ever booked on the accounts of a case and of the house, by its lines and their exceptions."""
    found: dict[str, int] = {}
    for row in await rows(
        case.made,
        "SELECT * FROM transfers WHERE debit LIKE :name OR credit LIKE :name",
        name=f"%:{case.account}",
    ):
        for side, sign in ((row["debit"], 1), (row["credit"], -1)):
            name = side.removesuffix(f":{case.account}")
            found[name] = found.get(name, 0) + sign * row["amount_minor"]
    return {name: net for name, net in found.items() if net}


async def unannounced(case: Case) -> dict[str, Any]:
    """Have a chargeback settled that becomes known afterwards; gives its exception."""
    await case.settled_charge("e1", 10_000)
    early = await case.settle(line("s1", "dispute", -10_000, **{TAG: case.books.known["e1"].operation.id}))
    await case.disputed("e1", 10_000)
    (found,) = early.exceptions
    return found


async def test_what_a_human_settles_meanwhile_is_not_taken_out_of_suspense_again(quiet: House) -> None:
    case = await open_case(quiet)
    found = await unannounced(case)

    async def carried() -> None:
        out = {"debit": "dispute_losses", "credit": f"suspense:{case.account}", "amount": 10_000}
        assert (await resolve(quiet.hub, found["id"], **out)).status_code == 200

    await settle_waiting(overtaken(quiet, carried))

    booked = await all_postings(case)
    assert booked.get("suspense", 0) == 0
    assert booked["dispute_losses"] == 10_000


async def test_a_line_that_is_restated_meanwhile_is_not_tied_any_more(quiet: House) -> None:
    case = await open_case(quiet)
    await unannounced(case)

    async def restated() -> None:
        await case.settle(line("s1", "dispute", -10_000, 700, **{TAG: case.books.known["e1"].operation.id}))

    await settle_waiting(overtaken(quiet, restated))

    stood = await rows(quiet, "SELECT status FROM settlement_lines WHERE key = 'txn_s1' AND merchant_account = :a",
                       a=case.account)  # fmt: skip
    assert sorted(one["status"] for one in stood) == ["matched", "superseded"]
    assert (await all_postings(case)).get("suspense", 0) == 0


async def test_what_is_restated_after_a_transfer_settled_it_is_booked_back_once(quiet: House) -> None:
    case = await open_case(quiet)
    (found,) = (await case.settle(line("s1", "charge", 5_000))).exceptions
    out = {"debit": f"suspense:{case.account}", "credit": "sales", "amount": 5_000}
    assert (await resolve(quiet.hub, found["id"], **out)).status_code == 200
    await case.settle(line("s1", "charge", 5_100))

    reopened = await quiet.hub.post(f"{PATH}/{found['id']}/reopen", {"reason": "it was another shop's"})

    assert reopened.status_code == 200, reopened.text
    assert await all_postings(case) == {"bank_clearing": 5_100, "suspense": -5_100}


async def test_nothing_moves_any_more_for_a_line_in_whose_place_another_stands(quiet: House) -> None:
    case = await open_case(quiet)
    (found,) = (await case.settle(line("s1", "charge", 5_000))).exceptions
    await case.settle(line("s1", "charge", 5_100))
    await quiet.hub.post(f"{PATH}/{found['id']}/reopen", {"reason": "it was another shop's"})

    out = {"debit": f"suspense:{case.account}", "credit": "sales", "amount": 5_000}
    answer = await resolve(quiet.hub, found["id"], **out)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "transfer")
    assert await all_postings(case) == {"bank_clearing": 5_100, "suspense": -5_100}


async def test_what_a_human_settles_while_its_line_is_restated_is_booked_back_with_it(quiet: House) -> None:
    case = await open_case(quiet)
    (found,) = (await case.settle(line("s1", "charge", 5_000))).exceptions
    restated = written([line("s1", "charge", 5_100)], COLUMNS_TOLD)
    assert (await hand_in(quiet.hub, case.account, restated)).status_code == 202

    out = {"debit": f"suspense:{case.account}", "credit": "sales", "amount_minor": 5_000}
    await by_hand(quiet, found["id"], partial(import_in_the_end, quiet), **out)

    assert await all_postings(case) == {"bank_clearing": 5_100, "suspense": -5_100}


async def test_what_a_human_writes_off_is_not_made_good_by_a_line_at_the_same_time(quiet: House) -> None:
    case = await open_case(quiet)
    e1 = await case.charged("e1", 10_000)
    (found,) = (await case.settle(line("s1", "charge", 9_000, **{TAG: e1}))).exceptions
    rest = written([line("s2", "charge", 1_000, **{TAG: e1})], COLUMNS_TOLD)
    assert (await hand_in(quiet.hub, case.account, rest)).status_code == 202

    out = {"debit": "write_offs", "credit": f"suspense:{case.account}", "amount_minor": 1_000}
    await by_hand(quiet, found["id"], partial(import_in_the_end, quiet), **out)

    suspended = (await all_postings(case)).get("suspense", 0)
    assert -suspended == sum(one["variance"] for one in await case.exceptions()) == 1_000


async def test_whoever_settles_by_hand_does_not_wait_for_a_restatement_that_waits_for_him(quiet: House) -> None:
    case = await open_case(quiet)
    (found,) = (await case.settle(line("s1", "charge", 5_000))).exceptions
    restated = written([line("s1", "charge", 5_100)], COLUMNS_TOLD)
    assert (await hand_in(quiet.hub, case.account, restated)).status_code == 202
    posting = Posting(debit=f"suspense:{case.account}", credit="sales", amount_minor=5_000)
    author = Author(caller=FINANCE, request_id=None, at=datetime.now(UTC))

    async with quiet.hub.parts.database.transaction() as connection:
        await resolving.hold(connection, FINANCE, found["id"])
        importing = asyncio.ensure_future(import_in_the_end(quiet))
        while quiet.hub.parts.database.is_postgresql and not await somebody_waits(quiet):
            assert not importing.done()
        await resolving.resolve(connection, author, found["id"], Settling(reason="by hand", posting=posting))
    await importing

    assert await all_postings(case) == {"bank_clearing": 5_100, "suspense": -5_100}
