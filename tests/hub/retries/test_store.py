"""What counts against a card is found from every payment method that is the same card, and counted once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, insert, select, update

from hub.database import ConflictError, Database, Unit, open_database
from hub.ids import new_id
from hub.payment_methods.tables import payment_methods, processor_tokens
from hub.payments.rows import operation_values, payment_values
from hub.payments.states import OperationStatus
from hub.payments.tables import operations, payments
from hub.retries import store
from hub.retries.rules import REMEMBERED, Card, Charged, Counted, Print, counted
from hub.retries.tables import card_declines, card_prints, card_slots
from normalization.declines import Decline, DeclineCode
from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from tests.hub.payments.making import operation, payment

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EUR = Money(4999, Currency.EUR)
REFUSED = Decline(code=DeclineCode.DO_NOT_HONOR, processor_code="raw", network_code="05")
STOPPED = replace(REFUSED, network_code="14")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def method(
    database: Database, *prints: Print, livemode: bool = False, at: datetime = NOW - timedelta(days=90)
) -> str:
    """A payment method with a token at each of *prints*."""
    made = new_id("pm_")
    row = {"id": made, "livemode": livemode, "type": "card", "card": "{}", "created_at": at}
    async with database.transaction() as connection:
        await connection.execute(insert(payment_methods), row)
        for one in prints:
            await connection.execute(insert(processor_tokens), token_row(made, one, livemode=livemode, at=at))
    return made


def token_row(holder: str, one: Print, *, livemode: bool = False, at: datetime = NOW) -> dict[str, Any]:
    return {
        "id": new_id("ptk_"),
        "livemode": livemode,
        "payment_method": holder,
        "processor": one.processor,
        "token": "tok",
        "merchant_account": one.merchant_account,
        "created_at": at,
        "fingerprint": one.fingerprint or None,
    }


async def attempted(
    database: Database, holder: str | None, status: OperationStatus = OperationStatus.DECLINED, **changes: Any
) -> Charged:
    """An attempt in the books; without a *holder* by one-time data."""
    pay, att = new_id("pay_"), new_id("att_")
    wished = payment(id=pay, attempt_id=att, holds_reference=False, livemode=changes.get("livemode", False))
    sent = operation(id=att, payment_id=pay, attempt_id=att, status=status, **changes)
    values = payment_values(wished) | operation_values(sent, "o_", None, None)
    async with database.transaction() as connection:
        for table, prefix in ((payments, "p_"), (operations, "o_")):
            row = {c.name: values.get(f"{prefix}{c.name}") for c in table.c}
            await connection.execute(insert(table), row | ({"lease_until": NOW} if table is operations else {}))
    return Charged(
        id=att,
        livemode=sent.livemode,
        holder=holder or att,
        processor=sent.processor,
        merchant_account=sent.merchant_account,
        money=EUR,
    )


async def declined(
    database: Database,
    holder: str | None,
    *,
    decline: Decline = REFUSED,
    at: datetime = NOW,
    print_: str | None = None,
    **changes: Any,
) -> Charged:
    """A declined attempt that was told with its outcome, and perhaps a fingerprint."""
    attempt = await attempted(database, holder, **changes)
    card = await store.card_of(database, attempt.holder, livemode=attempt.livemode, now=at)
    told = counted(decline, attempt, card, CardFacts(brand="visa", fingerprint=print_), at)
    assert told is not None
    await keep(database, told)
    return attempt


async def keep(database: Database, told: Counted) -> None:
    await database.run(Unit((), store.keeping(told), locks="cd_id"), store.decline_values(told))


async def card(database: Database, holder: str, *also: Print, livemode: bool = False, now: datetime = NOW) -> Card:
    return await store.card_of(database, holder, livemode=livemode, now=now, also=also)


async def flagged(database: Database, holder: str, *, livemode: bool = False) -> bool:
    return await store.has_history(database, holder, livemode=livemode)


async def test_a_good_card_has_no_history(database: Database) -> None:
    good = await method(database, Print("stripe", "ma_1", "fp_1"))
    await declined(database, await method(database), print_="fp_2")

    assert not await flagged(database, good)
    assert (await card(database, good)).past == ()


async def test_a_decline_counts_once_for_its_own_method(database: Database) -> None:
    mine, other = await method(database), await method(database)
    await declined(database, mine)

    assert [await flagged(database, mine), await flagged(database, other)] == [True, False]
    found = await card(database, mine)
    assert ([past.decline for past in found.past], found.brand, found.name) == ([REFUSED], "visa", mine)


async def test_the_two_modes_never_meet(database: Database) -> None:
    seen = Print("stripe", "ma_1", "fp_1")
    test, live = await method(database, seen), await method(database, seen, livemode=True)
    await declined(database, test, print_="fp_1")

    assert not await flagged(database, live, livemode=True)
    assert (await card(database, live, livemode=True)).past == ()


async def test_a_method_with_the_same_fingerprint_is_the_same_card(database: Database) -> None:
    seen = Print("stripe", "ma_1", "fp_1")
    one, other = await method(database, seen), await method(database, seen)
    await declined(database, one)

    assert await flagged(database, other)
    found = [await card(database, one), await card(database, other)]
    assert [len(c.past) for c in found] == [1, 1]
    assert found[0].name == found[1].name


async def test_a_fingerprint_of_another_account_or_processor_is_another_card(database: Database) -> None:
    one = await method(database, Print("stripe", "ma_1", "fp_1"))
    others = [
        await method(database, Print("stripe", "ma_2", "fp_1")),
        await method(database, Print("adyen", "ma_1", "fp_1")),
    ]
    await declined(database, one)

    assert [(await card(database, other)).past for other in others] == [(), ()]


async def test_a_token_for_every_account_is_known_at_each(database: Database) -> None:
    one = await method(database, Print("stripe", "", "fp_1"))
    other = await method(database, Print("stripe", "ma_2", "fp_1"))
    await declined(database, one)

    assert len((await card(database, other)).past) == 1


async def test_a_fingerprint_that_only_the_decline_told_joins_from_then_on(database: Database) -> None:
    one, other = await method(database), await method(database)
    await declined(database, one, print_="fp_1")
    assert (await card(database, other)).past == ()

    await declined(database, other, print_="fp_1")

    assert [len((await card(database, holder)).past) for holder in (one, other)] == [2, 2]


async def test_one_time_data_counts_for_the_methods_of_its_card(database: Database) -> None:
    mine = await method(database, Print("stripe", "ma_1", "fp_1"))
    await declined(database, None, print_="fp_1")

    assert await flagged(database, mine)
    assert len((await card(database, mine)).past) == 1


async def test_cards_are_joined_across_processors(database: Database) -> None:
    both = await method(database, Print("stripe", "ma_1", "fp_s"), Print("other", "ma_9", "fp_o"))
    first, second = (
        await method(database, Print("stripe", "ma_1", "fp_s")),
        await method(database, Print("other", "ma_9", "fp_o")),
    )
    await declined(database, both)
    await declined(database, first)

    assert [len((await card(database, holder)).past) for holder in (both, first, second)] == [2, 2, 2]


async def test_a_decline_that_was_approved_after_all_counts_no_more(database: Database) -> None:
    mine = await method(database)
    late = await declined(database, mine)
    async with database.transaction() as connection:
        await connection.execute(update(operations).where(operations.c.id == late.id).values(status="approved"))

    assert (await card(database, mine)).past == ()


async def test_what_is_old_is_ignored_and_then_forgotten_but_for_a_stop(database: Database) -> None:
    mine, stopped = await method(database), await method(database)
    long_ago = NOW - REMEMBERED - timedelta(minutes=1)
    await declined(database, mine, at=long_ago)
    await declined(database, stopped, at=long_ago, decline=STOPPED)
    assert [len((await card(database, holder)).past) for holder in (mine, stopped)] == [0, 1]

    async with database.transaction() as connection:
        await store.forget_old(connection, NOW - REMEMBERED)

    assert [await flagged(database, mine), await flagged(database, stopped)] == [False, True]


async def test_forgetting_keeps_the_fingerprints_of_what_stays(database: Database) -> None:
    old, new = await method(database), await method(database)
    await declined(database, old, at=NOW - REMEMBERED - timedelta(days=1), print_="fp_old")
    await declined(database, new, print_="fp_new")

    async with database.transaction() as connection:
        await store.forget_old(connection, NOW - REMEMBERED)
        kept = (await connection.execute(select(card_prints.c.fingerprint))).scalars().all()

    assert kept == ["fp_new"]


async def test_a_fingerprint_is_kept_once(database: Database) -> None:
    mine = await method(database, Print("stripe", "ma_1", "fp_1"))
    for _ in range(3):
        await declined(database, mine, print_="fp_1")

    async with database.reading() as connection:
        kept = await connection.scalar(select(func.count()).select_from(card_prints))

    assert kept == 1


async def test_new_details_at_the_same_processor_are_seen(database: Database) -> None:
    mine = await method(database, Print("stripe", "ma_1", ""))
    await declined(database, mine, decline=STOPPED, at=NOW - timedelta(days=2))
    async with database.transaction() as connection:
        await connection.execute(insert(processor_tokens), token_row(mine, Print("adyen", "", "")))
    before = (await card(database, mine)).past

    async with database.transaction() as connection:
        await connection.execute(insert(processor_tokens), token_row(mine, Print("stripe", "ma_2", "")))

    after = (await card(database, mine)).past
    assert [before[0].renewed, after[0].renewed] == [False, True]


async def test_an_attempt_under_way_counts_until_it_is_known(database: Database) -> None:
    mine = await method(database)
    await declined(database, mine)
    sent = await attempted(database, mine, OperationStatus.SENDING)
    standing = await card(database, mine)
    await database.run(Unit((), (store.TAKE_PLACE,), locks="slot_id"), store.place_values(sent, standing, NOW))

    during = await card(database, mine)
    async with database.transaction() as connection:
        await connection.execute(update(operations).where(operations.c.id == sent.id).values(status="approved"))
    after = await card(database, mine)

    assert [len(c.past) for c in (standing, during, after)] == [1, 2, 1]
    assert during.place == standing.place + 1


async def test_of_many_that_saw_one_history_one_gets_the_place(database: Database) -> None:
    seen = Print("stripe", "ma_1", "fp_1")
    one, other = await method(database, seen), await method(database, seen)
    await declined(database, one)
    sent = [await attempted(database, holder, OperationStatus.SENDING) for holder in (one, other) * 5]
    cards = [await card(database, attempt.holder) for attempt in sent]

    taken = await asyncio.gather(
        *(
            database.run(Unit((), (store.TAKE_PLACE,), locks="slot_id"), store.place_values(attempt, standing, NOW))
            for attempt, standing in zip(sent, cards, strict=True)
        ),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in taken) == ["ConflictError"] * 9 + ["NoneType"]
    assert {result.table for result in taken if isinstance(result, ConflictError)} == {"card_slots"}


async def test_nothing_is_kept_twice_for_one_attempt(database: Database) -> None:
    mine = await method(database)
    attempt = await declined(database, mine)
    told = counted(REFUSED, attempt, await card(database, mine), CardFacts(), NOW)
    assert told is not None

    with pytest.raises(ConflictError):
        await keep(database, told)

    async with database.reading() as connection:
        counts = [await connection.scalar(select(func.count()).select_from(t)) for t in (card_declines, card_slots)]
    assert counts == [1, 0]
