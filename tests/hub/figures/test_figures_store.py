"""What the database is asked: the use of a day, chargebacks against captured payments, effective fees."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, update

from hub.disputes.tables import disputes
from hub.figures import store
from hub.figures.days import COUNT, Attempt, Found
from hub.figures.rules import Charged
from hub.ids import first_id, new_id
from hub.payments.tables import operations
from normalization.money import Currency, Money
from tests.hub.figures.living import decide
from tests.hub.house import House, house

EURO = Money(4_999, Currency.EUR)


async def charged(home: House, count: int) -> list[dict[str, str]]:
    account = home.accounts["stripe-eu"]
    answers = [
        await home.hub.charge(payment_method=home.payment_method, merchant_account=account) for _ in range(count)
    ]
    return [answer.json() for answer in answers]


async def dispute(home: House, payment: dict[str, str], stage: str) -> None:
    at = datetime.now(UTC)
    row = {
        "id": new_id("dp_"), "livemode": False, "payment_id": payment["id"], "operation_id": payment["tag"],
        "merchant_account": payment["merchant_account"], "processor": "stripe", "processor_reference": new_id("du_"),
        "stage": stage, "status": "needs_response", "reason": "fraudulent", "amount_minor": 4999, "currency": "EUR",
        "accepted": False, "contested_minor": 4999, "concerns": "", "version": 1, "created_at": at, "updated_at": at,
    }  # fmt: skip
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(insert(disputes).values(row))


async def test_chargebacks_are_counted_against_captured_payments_and_inquiries_are_not(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        paid = await charged(home, 3)
        await dispute(home, paid[0], "chargeback")
        await dispute(home, paid[1], "inquiry")
        async with home.hub.parts.database.reading() as connection:
            found = await store.charged_since(connection, datetime.now(UTC) - timedelta(days=1))
            later = await store.charged_since(connection, datetime.now(UTC) + timedelta(days=1))

    assert (found, later) == ({home.accounts["stripe-eu"]: Charged(3, 1)}, {})


async def test_chargebacks_are_looked_at_only_where_a_rule_weighs_them(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        figures = home.hub.parts.shell.figures
        account = home.accounts["stripe-eu"]
        [paid] = await charged(home, 1)
        await dispute(home, paid, "chargeback")
        await decide(home, otherwise={"strategy": "net_revenue", "accounts": [account], "margin_bps": 500})

        await figures.read_slowly()

        assert figures.figures(livemode=False).chargebacks == {}  # One charge says nothing yet.
        shown = (await charged(home, 1))[0]
        assert shown["status"] == "captured"


async def test_a_day_holds_its_own_attempts_and_not_those_that_took_nothing(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        account, now = home.accounts["stripe-eu"], datetime.now(UTC)
        paid = await charged(home, 4)
        async with home.hub.parts.database.transaction() as connection:
            for payment, status in zip(paid, ("declined", "unknown"), strict=False):
                changed = update(operations).where(operations.c.id == payment["tag"]).values(status=status)
                await connection.execute(changed)
        async with home.hub.parts.database.reading() as connection:
            found = await store.used_on(connection, now.date(), [account], now + timedelta(hours=1))
            young = await store.used_on(connection, now.date(), [account], now - timedelta(hours=1))
            before = await store.used_on(connection, now.date() - timedelta(days=1), [account], now)

    assert found == Found({paid[1]["tag"]: Attempt(account, EURO)}, {(account, COUNT): 2, (account, "EUR"): 9_998})
    assert (set(young.named), young.others) == ({one["tag"] for one in paid[1:]}, {})
    assert before == Found({}, {})


def test_ids_made_from_an_instant_on_sort_behind_it() -> None:
    now = datetime.now(UTC)
    made = new_id("att_")

    assert first_id("att_", now - timedelta(seconds=1)) < made < first_id("att_", now + timedelta(seconds=5))
