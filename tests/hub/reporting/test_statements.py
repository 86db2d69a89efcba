"""Months follow each other without a gap, and none is opened again; on both databases."""

import base64
import re
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from sqlalchemy import insert

from hub.database import Database, open_database
from hub.exceptions.opening import Opening
from hub.exceptions.store import close as close_exceptions
from hub.exceptions.store import open_exceptions
from hub.ids import new_id
from hub.ledger.tables import transfers
from hub.reporting.statement_pdf import statement_pdf
from hub.reporting.statement_showing import Owner, statement_body
from hub.reporting.statements import Statement, statement_of
from normalization.settlements import LineType
from tests.hub.ledger.booking import transfer
from tests.hub.reporting.facts import Shop, line, open_shop

LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


def on(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T10:00:00Z")


async def month_of(shop: Shop, month: int, year: int = 2026) -> Statement:
    return await statement_of(shop.database, shop.account, livemode=False, year=year, month=month, now=LATER)


async def test_what_is_charged_in_march_and_settled_in_april_is_owed_when_march_ends(database: Database) -> None:
    shop = await open_shop(database)
    sold = await shop.charged(on("2026-03-31"), 10_000)
    await shop.settled(on("2026-04-02"), line(LineType.CHARGE, 10_000, 320, on=date(2026, 4, 2), of=sold))

    (march,), (april,) = (await month_of(shop, 3)).months, (await month_of(shop, 4)).months

    assert (march.parts.captured, march.parts.fees, march.closing.outstanding) == (10_000, 0, 10_000)
    assert (april.parts.captured, april.parts.fees, april.closing.clearing) == (0, -320, 9_680)
    assert april.opening == march.closing


async def test_a_chargeback_of_a_closed_month_is_booked_in_the_open_one(database: Database) -> None:
    shop = await open_shop(database)
    sold = await shop.charged(on("2026-01-10"), 10_000)
    before = await month_of(shop, 1)
    await shop.books(on("2026-04-01")).disputed(sold, 10_000)
    told = line(LineType.CHARGEBACK, -10_000, 1_500, on=date(2026, 1, 31), of=sold)
    await shop.settled(on("2026-04-02"), told)

    (april,) = (await month_of(shop, 4)).months

    assert await month_of(shop, 1) == before
    assert (april.parts.disputed, april.parts.fees, april.closing.balance) == (-10_000, -1_500, -1_500)


async def test_every_months_closing_is_the_next_ones_opening_in_every_currency(database: Database) -> None:
    shop = await open_shop(database)
    for month in range(10, 15):
        at = datetime(2025 + (month > 12), (month - 1) % 12 + 1, 28, 23, tzinfo=UTC)
        sold = await shop.charged(at, 1_000 * month, ("EUR", "JPY")[month % 2])
        await shop.books(at).refunded(sold, month)
        async with database.transaction() as connection:
            arrived = transfer(7, debit=f"bank:{shop.account}", credit=f"bank_clearing:{shop.account}", created_at=at)
            await connection.execute(insert(transfers), arrived)

    months = [await month_of(shop, n, 2025) for n in (10, 11, 12)] + [await month_of(shop, n) for n in (1, 2)]

    for one, following in pairwise(months):
        closing = {month.currency: month.closing for month in one.months}
        opening = {month.currency: month.opening for month in following.months if month.opening.balance}
        assert opening == closing


async def test_exceptions_are_those_that_were_open_when_the_month_ended(database: Database) -> None:
    shop = await open_shop(database)

    async def opened(day: str) -> str:
        opening = Opening(
            type="fee_variance", livemode=False, merchant_account=shop.account, amount_minor=12, currency="EUR",
            detail="a fee", id=new_id("exc_"),
        )  # fmt: skip
        async with database.transaction() as connection:
            await open_exceptions(connection, [opening], on(day))
        return str(opening.id)

    settled, _, _ = [await opened(day) for day in ("2026-03-05", "2026-03-20", "2026-04-05")]
    async with database.transaction() as connection:
        await close_exceptions(connection, [settled], "settled_later", on("2026-04-01"))

    march, april = await month_of(shop, 3), await month_of(shop, 4)

    assert [(one.type, one.count, one.amount) for one in march.exceptions] == [("fee_variance", 2, 24)]
    assert [one.count for one in april.exceptions] == [2]


async def test_a_pdf_shows_the_amounts_in_whole_units_and_is_the_same_each_time(database: Database) -> None:
    shop = await open_shop(database)
    await shop.charged(on("2026-03-31"), 1_234_567)
    await shop.charged(on("2026-03-31"), 1_234_567, "JPY")
    owner = Owner(id=shop.account, name="Kärnten \N{SNOWMAN}", processor="stripe", livemode=False)
    body = statement_body(owner, await month_of(shop, 3))

    drawn = statement_pdf(body)

    streams = re.findall(rb"stream\n?(.*?)endstream", drawn, re.DOTALL)
    told = b"".join(zlib.decompress(base64.a85decode(one.strip(), adobe=False)) for one in map(_plain, streams))
    for wanted in (b"12,345.67", b"1,234,567", b"Closing balance", b"Statement 2026-03", b"page 1"):
        assert wanted in told
    assert statement_pdf(body) == drawn


def _plain(stream: bytes) -> bytes:
    return stream.strip().removesuffix(b"~>")
