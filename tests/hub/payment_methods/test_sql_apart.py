"""Whose a stored card is, where it can be charged, and when it has changed: what the statements find and what not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database, open_database
from hub.payment_methods import keeping, renewing, retired, store, verifications
from hub.payment_methods.keeping import Found
from hub.payment_methods.tables import customers, payment_methods
from hub.payment_methods.verifications import Waiting
from normalization.tokens import CardFacts, ProcessorToken

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN = ProcessorToken(processor="stripe", token="pm_1", customer_reference="cus_1")


class Drawer(Struct, frozen=True):
    """One transaction on a database of its own."""

    connection: AsyncConnection

    async def person(self, name: str, *, livemode: bool = False) -> str:
        row = {"id": name, "livemode": livemode, "person": "{}", "created_at": AT}
        await store.add_customer(self.connection, row)
        return name

    async def keep(
        self,
        customer: str | None = None,
        account: str = "ma_1",
        *,
        shared: bool = False,
        livemode: bool = False,
        stored: ProcessorToken = TOKEN,
        at: datetime = AT,
    ) -> str:
        found = Found(livemode=livemode, customer=customer, merchant_account=account, shared=shared, stored=stored)
        return await keeping.keep(self.connection, found, at)

    async def version(self, method_id: str) -> int:
        row = await store.payment_method(self.connection, livemode=False, method_id=method_id)
        assert row is not None
        return int(row["version"])

    async def reference(self, customer: str, account: str = "ma_1", *, livemode: bool = False) -> str | None:
        return await store.known_reference(
            self.connection, livemode=livemode, customer=customer, processor="stripe", merchant_account=account
        )


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await open_database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
async def drawer(database: Database) -> AsyncIterator[Drawer]:
    async with database.transaction() as connection:
        yield Drawer(connection)


async def test_one_card_is_one_payment_method_of_each_person_mode_and_account_that_can_charge_it(
    drawer: Drawer,
) -> None:
    for name in ("ann", "bob"):
        await drawer.person(name)
    first = await drawer.keep("ann")

    assert await drawer.keep("ann") == first
    others = [
        await drawer.keep("bob"),
        await drawer.keep(None),
        await drawer.keep("ann", "ma_2"),
        await drawer.keep(None, livemode=True),
    ]
    assert len({first, *others}) == 5


async def test_what_every_account_of_a_processor_can_charge_is_one_at_all_of_them(drawer: Drawer) -> None:
    first = await drawer.keep(shared=True)

    assert await drawer.keep(None, "ma_2", shared=True) == first


async def test_a_token_is_bound_to_its_account_unless_the_others_share_it(drawer: Drawer) -> None:
    ids = [await drawer.keep(), await drawer.keep(None, "ma_9", shared=True)]

    tokens = await store.tokens_of(drawer.connection, livemode=False, method_ids=ids)

    assert [tokens[id_][0].merchant_account for id_ in ids] == ["ma_1", None]
    assert await store.tokens_of(drawer.connection, livemode=True, method_ids=ids) == {id_: [] for id_ in ids}


async def test_what_the_processor_calls_a_person_is_known_at_its_account_in_its_mode(drawer: Drawer) -> None:
    for name in ("ann", "bob"):
        await drawer.person(name)
    await drawer.keep("ann")

    assert await drawer.reference("ann") == "cus_1"
    assert await drawer.reference("ann", "ma_2") is None
    assert await drawer.reference("ann", livemode=True) is None
    assert await drawer.reference("bob") is None


async def test_of_a_person_who_was_erased_nothing_is_kept(drawer: Drawer) -> None:
    await drawer.person("ann")
    await drawer.connection.execute(update(customers).values(deleted_at=AT))

    method = await drawer.keep("ann")

    assert await store.payment_method(drawer.connection, livemode=False, method_id=method) is None
    assert (await store.tokens_of(drawer.connection, livemode=False, method_ids=[method]))[method] == []
    assert await retired.is_retired(drawer.connection, TOKEN, livemode=False, merchant_account="ma_1")
    assert not await retired.is_retired(drawer.connection, TOKEN, livemode=True, merchant_account="ma_1")
    assert not await retired.is_retired(drawer.connection, TOKEN, livemode=False, merchant_account="ma_2")


async def test_the_first_charge_that_the_payer_made_stays_the_one_that_later_ones_name(drawer: Drawer) -> None:
    method = await drawer.keep()

    for name in ("ntx_1", "ntx_2"):
        await store.chain(drawer.connection, method, name)

    row = await store.payment_method(drawer.connection, livemode=False, method_id=method)
    assert row is not None
    assert row["network_transaction_id"] == "ntx_1"


async def test_whatever_changes_of_a_card_is_another_version_of_it(drawer: Drawer) -> None:
    method = await drawer.keep()
    versions = [await drawer.version(method)]

    await store.chain(drawer.connection, method, "ntx_1")
    versions.append(await drawer.version(method))
    await store.describe_card(drawer.connection, livemode=False, method_id=method, card="{}")
    versions.append(await drawer.version(method))
    asked = replace(TOKEN, merchant_account="ma_1")
    await store.renew_token(drawer.connection, method, asked, ProcessorToken(processor="stripe", token="pm_2"))
    versions.append(await drawer.version(method))

    assert versions == [1, 2, 3, 4]
    (token,) = (await store.tokens_of(drawer.connection, livemode=False, method_ids=[method]))[method]
    assert (token.token, token.customer_reference) == ("pm_2", "cus_1")


async def test_of_what_the_processor_calls_a_person_the_newest_counts_that_it_told(drawer: Drawer) -> None:
    await drawer.person("ann")
    for n, reference in enumerate(("cus_1", "cus_2", None)):
        await drawer.keep("ann", stored=replace(TOKEN, token=f"pm_{n}", customer_reference=reference))

    assert await drawer.reference("ann") == "cus_2"


async def test_a_renewed_token_takes_the_place_of_its_own_accounts_alone(drawer: Drawer) -> None:
    method = await drawer.keep()
    other = replace(TOKEN, token="pm_elsewhere", merchant_account="ma_2")
    await store.add_token(drawer.connection, store.token_row(False, method, other, None, AT))  # noqa: FBT003 - the mode

    asked = replace(TOKEN, merchant_account="ma_1")
    await store.renew_token(drawer.connection, method, asked, replace(TOKEN, token="pm_2"))

    found = (await store.tokens_of(drawer.connection, livemode=False, method_ids=[method]))[method]
    assert [(token.merchant_account, token.token) for token in found] == [("ma_1", "pm_2"), ("ma_2", "pm_elsewhere")]


async def test_a_person_is_called_by_what_was_told_of_the_cards_that_are_gone_too(drawer: Drawer) -> None:
    await drawer.person("ann")
    gone = await drawer.keep("ann", stored=replace(TOKEN, token="pm_gone", customer_reference="cus_gone"))
    await drawer.keep("ann")
    await store.delete_payment_method(drawer.connection, livemode=False, method_id=gone, at=AT)

    assert await store.references_of(drawer.connection, "ann") == ["cus_1", "cus_gone", "pm_1", "pm_gone"]


async def test_what_was_deleted_is_in_no_list_and_has_no_chain_and_no_person(drawer: Drawer) -> None:
    await drawer.person("ann")
    method = await drawer.keep("ann")
    await store.chain(drawer.connection, method, "ntx_1")

    await store.erase_customer(drawer.connection, livemode=False, customer_id="ann", at=AT)
    await store.chain(drawer.connection, method, "ntx_2")

    listed = await store.payment_methods_before(
        drawer.connection, livemode=False, customer_id="ann", before=None, limit=9
    )
    row = (await drawer.connection.execute(select(payment_methods))).mappings().one()
    person = (await drawer.connection.execute(select(customers.c.person))).scalar_one()
    assert (listed, row["network_transaction_id"], row["card"], person) == ([], None, "{}", None)
    assert await store.customer(drawer.connection, livemode=False, customer_id="ann") is None


@pytest.mark.parametrize(("livemode", "account", "found"), [(False, "ma_1", 1), (True, "ma_1", 0), (False, "ma_2", 0)])
async def test_a_token_is_found_in_its_mode_at_its_account(
    livemode: bool,  # noqa: FBT001 - the case
    account: str,
    found: int,
    drawer: Drawer,
) -> None:
    await drawer.keep()

    held = await renewing.holders(drawer.connection, TOKEN, livemode=livemode, merchant_account=account)

    assert (len(held.tokens), len(held.methods)) == (found, found)
    is_held = await retired.is_held(drawer.connection, TOKEN, livemode=livemode, merchant_account=account)
    assert is_held is bool(found)


async def test_what_a_bank_answered_stands_whatever_is_answered_later(drawer: Drawer) -> None:
    waiting = Waiting(
        id="ver_1", livemode=False, payment_method=await drawer.keep(), session=None, merchant_account="ma_1",
        processor="stripe", request=None, idempotency_key=None, tries=0,
    )  # fmt: skip
    row = verifications.row_of(waiting, requested_by="ada", key_id="key_1", at=AT)
    await verifications.open_verification(drawer.connection, row, None, 60)

    settled = [
        await verifications.settle(drawer.connection, "ver_1", {"status": status})
        for status in ("unknown", "approved", "declined")
    ]

    kept = await verifications.find(drawer.connection, "ver_1")
    assert kept is not None
    assert (settled, kept["status"]) == ([True, True, False], "approved")


async def test_a_card_is_described_and_deleted_in_its_own_mode_only(drawer: Drawer) -> None:
    method = await drawer.keep()

    await store.describe_card(drawer.connection, livemode=True, method_id=method, card='{"brand":"visa"}')
    await store.delete_payment_method(drawer.connection, livemode=True, method_id=method, at=AT + timedelta(1))

    row = await store.payment_method(drawer.connection, livemode=False, method_id=method)
    assert row is not None
    assert store.means_of(row, []).card == CardFacts()
    assert len((await store.tokens_of(drawer.connection, livemode=False, method_ids=[method]))[method]) == 1
