"""Payments, reports and months of one merchant account, written into the books without a hub around them."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import insert, update

from hub.database import Database
from hub.events.tables import events
from hub.ids import new_id
from hub.merchants.profile import Profile, terms_of
from hub.merchants.tables import merchant_accounts
from hub.payments.tables import payments
from hub.settlement.settling import settle
from hub.settlement.tables import settlement_batches
from hub.settlement.values import NewLine, Terms
from normalization.money import Currency
from normalization.outcome import Approved, Operation
from normalization.settlements import LineType, SettlementLine, digest
from tests.hub.settlement.books import Books, Held

MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Shop(Struct):
    """One merchant account whose books are written at any instant."""

    database: Database
    account: str
    processor: str = "stripe"

    def books(self, at: datetime) -> Books:
        """Write at an instant."""
        return Books(self.database, self.account, self.processor, at=at)

    async def charged(self, at: datetime, minor: int, currency: str = "EUR", rule: str = "") -> Held:
        """Sell something, decided by the rule *rule* of the ruleset rs_1 where one is named."""
        held = await self.books(at).charged(minor, currency)
        if rule:
            values = {"ruleset": "rs_1", "rule": rule}
            async with self.database.transaction() as connection:
                await connection.execute(update(payments).where(payments.c.id == held.payment.id).values(**values))
        return held

    async def authorized(self, at: datetime, minor: int, captured: int | None = None) -> Held:
        """Authorize to capture later, and tell of it by event; capture a part where it is given."""
        books = self.books(at)
        if captured is None:
            held = await books.tell(await books.sent(minor, "EUR", Operation.AUTHORIZE), Approved())
        else:
            held = await books.captured(captured, of=minor, currency="EUR")
        async with self.database.transaction() as connection:
            mine = update(payments).where(payments.c.id == held.payment.id)
            await connection.execute(mine.values(capture="manual"))
        await self.told(held, at, "payment.authorized", minor)
        return held

    async def told(self, held: Held, at: datetime, type_: str, minor: int) -> None:
        """Write an event about a payment, without a position."""
        data = {"merchant_account": self.account, "amount_authorized": minor}
        row = {"id": new_id("evt_"), "livemode": False, "type": type_, "object_id": held.payment.id, "created_at": at}
        async with self.database.transaction() as connection:
            await connection.execute(insert(events), row | {"data": msgspec.json.encode(data), "position": None})

    async def settled(self, at: datetime, *lines: SettlementLine) -> None:
        """Import lines, in one batch, at an instant."""
        batch = new_id("set_")
        zeros = (
            "bytes_total", "bytes_read", "rows_read", "lines_added", "lines_known", "lines_restated", "rows_broken",
            "rows_skipped", "lines_matched", "lines_excepted", "fence", "tries",
        )  # fmt: skip
        row: dict[str, Any] = dict.fromkeys(zeros, 0) | {
            "id": batch, "livemode": False, "merchant_account": self.account, "processor": self.processor,
            "status": "done", "source": "upload", "requested_by": "ada", "lease_until": at, "created_at": at,
        }  # fmt: skip
        terms = Terms(
            batch_id=batch, livemode=False, merchant_account=self.account, account=terms_of(Profile()), now=at
        )
        new = [
            NewLine(id=new_id("sln_"), number=n, line=line, raw="{}", digest=digest(line))
            for n, line in enumerate(lines)
        ]
        async with self.database.transaction() as connection:
            await connection.execute(insert(settlement_batches), row)
            await settle(connection, terms, new)


async def open_shop(database: Database, processor: str = "stripe") -> Shop:
    """Open a merchant account that nothing has happened at."""
    id_ = new_id("ma_")
    row = {"id": id_, "livemode": False, "name": id_, "processor": processor, "status": "active", "profile": "{}"}
    made = {"credentials": b"", "credentials_version": 1, "created_at": MARCH, "updated_at": MARCH}
    async with database.transaction() as connection:
        await connection.execute(insert(merchant_accounts), row | made)
    return Shop(database, id_, processor)


def line(type_: LineType, gross: int, fee: int = 0, *, on: date, of: Held | None = None, **told: Any) -> SettlementLine:
    """Make a line of a report, in EUR, which names the operation *of*."""
    at = datetime(on.year, on.month, on.day, tzinfo=UTC)
    return SettlementLine(
        key=new_id("txn_"), type=type_, raw_type=type_.value, gross_minor=gross, fee_minor=fee, net_minor=gross - fee,
        currency=Currency.EUR, booked_at=at, tag=of.operation.id if of else None, **told,
    )  # fmt: skip
