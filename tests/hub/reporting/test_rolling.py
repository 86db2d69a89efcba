"""Figures that were added up once are those of every single fact, whoever commits when; on both databases."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Final

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from hub.database import Database, open_database
from hub.events.store import publish
from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.ledger.closing import close_next
from hub.ledger.tables import transfers
from hub.payments.shell import Shell
from hub.reporting.facts import rows_of
from hub.reporting.grouping import WAYS, Row, totals_of
from hub.reporting.jobs import check_reports, roll_up
from hub.reporting.reconciling import CELLS_MAX, TooManyRowsError, Wanted, reconcile, unbalanced
from hub.reporting.rolling import roll_next
from hub.reporting.rules import Figures, Key
from hub.reporting.tables import report_days, report_rolls
from hub.settlement.tables import settlement_lines
from normalization.settlements import LineType
from tests.hub.ledger.booking import transfer, write
from tests.hub.reporting.facts import MARCH, line, open_shop

DAY: Final = timedelta(days=1)
ALL: Final = Wanted(livemode=False, first=date(2026, 3, 1), last=date(2026, 4, 30), ways=("merchant_account",))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def only(database: Database, wanted: Wanted = ALL) -> Row:
    (row,) = await reconcile(database, wanted)
    return row


async def close(database: Database, at: datetime) -> None:
    """Add up what there is, as the worker does."""
    await publish(database, 500)
    await close_next(database, at)
    assert await roll_next(database, at)


async def test_every_figure_of_a_month_is_what_happened_in_it(database: Database) -> None:
    shop = await open_shop(database)
    sold = await shop.charged(MARCH, 10_000)
    books = shop.books(MARCH + DAY)
    await books.refunded(sold, 2_500)
    await books.disputed(sold, 1_000)
    await shop.authorized(MARCH + DAY, 7_000)
    await shop.authorized(MARCH + DAY, 5_000, captured=4_000)
    await shop.settled(
        MARCH + 3 * DAY,
        line(LineType.CHARGE, 10_000, 320, on=date(2026, 3, 12), of=sold),
        line(LineType.CHARGE, 900, on=date(2026, 3, 12)),
        line(LineType.FEE, -50, on=date(2026, 3, 12)),
        line(LineType.RESERVE, -600, on=date(2026, 3, 12)),
        line(LineType.PAYOUT, 9_930, on=date(2026, 3, 13), batch="po_1"),
    )

    row = await only(database)

    assert row.figures == Figures(
        expected=10_000 + 4_000 - 2_500 - 1_000, authorized=10_000 + 7_000 + 5_000, captured=14_000, refunded=2_500,
        disputed=1_000, settled=10_000, unmatched=0, fees=370, reserve=600,
    )  # fmt: skip
    assert (row.outstanding, row.paid_out) == (500, 9_930)
    assert await unbalanced(database, livemode=False) == []


async def test_what_was_charged_in_march_and_settled_in_april_is_outstanding_in_between(database: Database) -> None:
    shop = await open_shop(database)
    sold = await shop.charged(datetime.fromisoformat("2026-03-31T22:00:00Z"), 10_000)
    april = date(2026, 4, 2)
    await shop.settled(MARCH + 30 * DAY, line(LineType.CHARGE, 10_000, 320, on=april, of=sold))

    march = await only(database, replace(ALL, last=date(2026, 3, 31)))
    then = await only(database, replace(ALL, first=date(2026, 4, 1)))

    assert (march.figures.captured, march.figures.settled, march.outstanding) == (10_000, 0, 10_000)
    assert (then.figures.captured, then.figures.settled, then.figures.fees, then.outstanding) == (0, 10_000, 320, 0)


async def test_an_authorization_that_two_events_tell_of_counts_once(database: Database) -> None:
    shop = await open_shop(database)
    held = await shop.authorized(MARCH, 7_000)
    await shop.told(held, MARCH + DAY, "payment.captured", 7_000)

    waiting = (await only(database)).figures.authorized
    await publish(database, 500)

    assert (waiting, (await only(database)).figures.authorized) == (7_000, 7_000)


async def test_what_a_human_books_about_a_line_counts_on_the_day_on_which_it_is_booked(database: Database) -> None:
    shop = await open_shop(database)
    await shop.settled(MARCH + 15 * DAY, line(LineType.CHARGE, 900, on=date(2026, 3, 12)))
    async with database.transaction() as connection:
        line_id = await connection.scalar(select(settlement_lines.c.id))
        opening = Opening(
            type="unexpected_settlement", livemode=False, merchant_account=shop.account, amount_minor=900,
            currency="EUR", detail="nobody's", line_id=line_id, id="exc_1",
        )  # fmt: skip
        await open_exceptions(connection, [opening], MARCH + 15 * DAY)
    sides = {"debit": f"suspense:{shop.account}", "credit": f"settlement_receivable:{shop.account}"}
    about = {"line_id": line_id, "exception_id": "exc_1", "created_at": datetime.fromisoformat("2026-04-02T12:00:00Z")}
    await write(database, transfer(900, code="exception_settled", **sides, **about))

    march = await only(database, replace(ALL, last=date(2026, 3, 31)))
    april = await only(database, replace(ALL, first=date(2026, 4, 1)))

    assert (march.figures.adjusted, april.figures.adjusted) == (0, -900)


async def test_what_was_added_up_once_says_what_every_fact_says_in_every_grouping(database: Database) -> None:
    shops = [await open_shop(database), await open_shop(database, "adyen")]
    for n in range(8):
        shop, at = shops[n % 2], MARCH + n * 5 * DAY
        sold = await shop.charged(at, 1_000 + n, ("EUR", "JPY")[n % 3 == 0], ("", "cards", "rest")[n % 3])
        held = await shop.authorized(at, 300 + n, captured=100 if n % 4 else None)
        if n % 3:
            await shop.settled(at, line(LineType.CHARGE, 1_000 + n, 20, on=(at - DAY).date(), of=sold))
        if n % 2:
            await close(database, at)
            await shop.told(held, at + DAY, "payment.captured", 300 + n)

    for ways in [way for n in (1, 2, 5) for way in combinations(WAYS, n)]:
        wanted = replace(ALL, first=date(2026, 3, 20), ways=ways)
        rolled, plain = await reconcile(database, wanted), await reconcile(database, replace(wanted, from_start=True))

        assert rolled == plain
        assert totals_of(rolled) == totals_of(await reconcile(database, replace(wanted, ways=("currency",))))
    assert await unbalanced(database, livemode=False) == []


async def test_a_fact_that_is_written_late_counts_under_its_own_day(database: Database) -> None:
    shop = await open_shop(database)
    await shop.charged(MARCH + 5 * DAY, 100)
    await close(database, MARCH + 6 * DAY)
    await shop.charged(MARCH, 10)
    early = replace(ALL, last=MARCH.date())

    open_still = await only(database, early)
    await close(database, MARCH + 6 * DAY)

    assert (open_still.figures.captured, open_still.figures.authorized) == (10, 10)
    assert await only(database, early) == open_still
    assert (await only(database)).figures.captured == 110


async def test_a_transaction_that_is_open_across_a_roll_up_is_counted_once_it_commits(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    shop = await open_shop(database)
    owed = f"settlement_receivable:{shop.account}"
    await write(database, transfer(1, debit=owed, created_at=MARCH))
    async with database.transaction() as slow:
        await slow.execute(insert(transfers), transfer(10, debit=owed, created_at=MARCH))
        await write(database, transfer(100, debit=owed, created_at=MARCH))

        assert (await close_next(database, MARCH), await roll_next(database, MARCH)) == (0, False)
        assert (await only(database)).figures.captured == 101
    assert (await only(database)).figures.captured == 111
    await close(database, MARCH)
    assert (await only(database)).figures.captured == 111
    await database.close()


@pytest.mark.parametrize("change", ["DELETE FROM report_days", "UPDATE report_days SET captured = 1"])
async def test_what_was_added_up_stays_as_it_was_written(database: Database, change: str) -> None:
    await (await open_shop(database)).charged(MARCH, 100)
    await close(database, MARCH)

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as connection:
            await connection.execute(text(change))


class Only:
    """What of the shell the jobs need."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def clock(self) -> datetime:
        return MARCH


def differing() -> list[float | None]:
    return [REGISTRY.get_sample_value("hub_report_findings", {"livemode": mode}) for mode in ("false", "true")]


async def test_the_worker_adds_up_what_the_ledger_closed_and_tells_what_differs_from_it(database: Database) -> None:
    shell: Shell = Only(database)  # type: ignore[assignment] # the jobs need a database and a clock, nothing more
    await (await open_shop(database)).charged(MARCH, 100)
    await close_next(database, MARCH)

    assert [await roll_up(shell), await roll_up(shell), await check_reports(shell)] == [1, 0, 0]
    assert differing() == [0, 0]

    await (await open_shop(database)).charged(MARCH, 100)
    await close_next(database, MARCH)
    async with database.transaction() as connection:
        roll = {"number": 2, "closing": 2, "position": 2, "events_position": 0, "made_at": MARCH}
        await connection.execute(insert(report_rolls), roll)  # Without the figures of the second charge.

    await check_reports(shell)
    assert differing() == [1, 0]


async def test_a_report_of_more_rows_than_anybody_waits_for_is_refused(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    await (await open_shop(database)).charged(MARCH, 100)
    await close(database, MARCH)
    one = Figures(captured=1)
    many = {
        Key(
            livemode=False, day=MARCH.date(), merchant_account="ma_1", currency="EUR", ruleset="rs_1", rule=f"rule {n}"
        ): one
        for n in range(CELLS_MAX)
    }
    async with database.transaction() as connection:
        await connection.execute(insert(report_days), [*rows_of(1, many)])

    with pytest.raises(TooManyRowsError):
        await reconcile(database, replace(ALL, ways=("ruleset",)))
    assert len(await reconcile(database, replace(ALL, ways=("currency",)))) == 1
    await database.close()
