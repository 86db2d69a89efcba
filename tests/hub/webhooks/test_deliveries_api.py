"""`/v1/webhook_deliveries` as operators use it, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import insert, update

from hub.access.rules import Role
from hub.ids import new_id
from hub.webhooks import listing
from hub.webhooks.listing import Asker, Sought
from hub.webhooks.tables import webhook_deliveries
from tests.hub.house import House, house
from tests.hub.webhooks.kept import audited, delivery, write

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.planted]
PATH = "/v1/webhook_deliveries"
CARD = "4242424242424242"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house whose worker does not run, so that what is to be read stays so; each test has an account of its own."""
    folder = tmp_path_factory.mktemp("house")
    async with house(module_database_url, folder, with_worker=False) as running:
        yield running


@pytest.fixture
def account() -> str:
    """The name of an account whose deliveries nobody else sees."""
    return new_id("ma_")


async def kept(made: House, *rows: dict[str, Any]) -> list[str]:
    return await write(made.hub.parts.database, *rows)


async def listed(made: House, account: str, **query: Any) -> list[str]:
    answer = await made.hub.get(PATH, merchant_account=account, **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def told_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_delivery_is_shown_with_all_that_is_known_of_it(made: House, account: str) -> None:
    row = delivery(
        merchant_account=account, status="waiting", tries=3, due_at=NOON, received_at=NOON, error="ValueError",
        payment_id="pay_1", api_version="2020-08-27", body={"id": "evt_7", "amount": 100},
    )  # fmt: skip
    await kept(made, row)

    one = (await made.hub.get(f"{PATH}/{row['id']}")).json()
    (in_list,) = (await made.hub.get(PATH, merchant_account=account)).json()["data"]

    assert one == {
        "id": row["id"], "object": "webhook_delivery", "livemode": False, "merchant_account": account,
        "key": row["delivery_key"], "subject": "pi_1", "status": "waiting", "tries": 3, "error": "ValueError",
        "due_at": "2026-11-21T12:00:00Z", "payment": "pay_1", "api_version": "2020-08-27",
        "received_at": "2026-11-21T12:00:00Z", "body": {"id": "evt_7", "amount": 100},
    }  # fmt: skip
    assert in_list == {name: value for name, value in one.items() if name != "body"}


async def test_a_body_is_shown_without_secrets_and_card_numbers(made: House, account: str) -> None:
    body = {
        "data": {"object": {"id": "pi_1", "client_secret": "pi_1_secret_abc", "note": f"paid with {CARD}"}},
        "items": [{"additionalData": {"hmacSignature": "c2lnbmVk", "encryptedCardNumber": "x", "authCode": "123"}}],
        "client_secret": None,
    }
    ids = await kept(made, delivery(merchant_account=account, body=body))

    shown = (await made.hub.get(f"{PATH}/{ids[0]}")).json()["body"]

    assert shown == {
        "data": {"object": {"id": "pi_1", "client_secret": "(hidden)", "note": "paid with 424242******4242"}},
        "items": [
            {"additionalData": {"hmacSignature": "(hidden)", "encryptedCardNumber": "(hidden)", "authCode": "123"}}
        ],
        "client_secret": None,
    }


async def test_a_body_that_is_no_json_is_shown_as_text(made: House, account: str) -> None:
    ids = await kept(made, delivery(merchant_account=account, body=b"<notice>\xff</notice>"))

    assert (await made.hub.get(f"{PATH}/{ids[0]}")).json()["body"] == "<notice>\ufffd</notice>"


async def test_deliveries_are_listed_newest_first_in_pages(made: House, account: str) -> None:
    ids = await kept(made, *(delivery(merchant_account=account) for _ in range(3)))

    first = (await made.hub.get(PATH, merchant_account=account, limit=2)).json()
    second = (await made.hub.get(PATH, merchant_account=account, limit=2, cursor=first["next_cursor"])).json()

    assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None


async def test_lists_are_narrowed_by_status_payment_and_time(made: House, account: str) -> None:
    rows = [
        delivery(merchant_account=account, status="waiting", due_at=NOON, received_at=NOON - timedelta(hours=2)),
        delivery(merchant_account=account, status="parked", received_at=NOON),
        delivery(merchant_account=account, payment_id="pay_7", received_at=NOON + timedelta(hours=1)),
    ]
    waiting, parked, done = await kept(made, *rows)

    assert await listed(made, account, status="waiting") == [waiting]
    assert await listed(made, account, status="parked") == [parked]
    assert await listed(made, account, payment="pay_7") == [done]
    assert await listed(made, account, received_after=NOON.isoformat()) == [done, parked]
    assert await listed(made, account, received_before=NOON.isoformat()) == [waiting]


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "lost"), ("received_after", "2026-11-21T12:00:00"), ("limit", "0"), ("cursor", "x!"), ("key", "evt_1")],
)
async def test_what_no_parameter_takes_is_named(made: House, field: str, value: str) -> None:
    answer = await made.hub.client.get(PATH, params={field: value})

    assert told_of(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["field"] == field


async def test_the_other_mode_and_keys_for_other_accounts_see_and_replay_none_of_it(made: House, account: str) -> None:
    live = await made.caller(livemode=True)
    narrow = await made.caller(Role.OPERATOR, merchant_accounts=frozenset({"ma_other"}))
    (one,) = await kept(made, delivery(merchant_account=account, status="parked"))

    for headers in (live, narrow):
        page = await made.hub.client.get(PATH, params={"merchant_account": account}, headers=headers)
        hidden = await made.hub.client.get(f"{PATH}/{one}", headers=headers)
        refused = await made.hub.post(f"{PATH}/{one}/replay", {}, headers=headers)
        replayed = await made.hub.post(f"{PATH}/replay", {"status": "parked"}, headers=headers)

        assert page.json()["data"] == []
        assert (told_of(hidden), told_of(refused)) == ((404, "not_found"), (404, "not_found"))
        assert replayed.json() == {"count": 0, "next": None}
    assert (await made.hub.get(f"{PATH}/{one}")).json()["status"] == "parked"


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (Role.OPERATOR, 200, 202), (Role.ADMIN, 200, 202), (Role.AUDITOR, 200, 403),
        (Role.SERVICE, 403, 403), (Role.SUPPORT, 403, 403), (Role.FINANCE, 403, 403),
    ],
)  # fmt: skip
async def test_operators_replay_auditors_read_and_others_do_neither(
    made: House, account: str, role: Role, reads: int, writes: int
) -> None:
    (one,) = await kept(made, delivery(merchant_account=account))
    headers = await made.caller(role)

    answers = [await made.hub.client.get(path, headers=headers) for path in (PATH, f"{PATH}/{one}")]
    bulk = {"status": "done", "merchant_account": account}
    answers += [
        await made.hub.post(f"{PATH}/{one}/replay", {}, headers=headers),
        await made.hub.post(f"{PATH}/replay", bulk, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [reads, reads, writes, writes]


@pytest.mark.parametrize("status", ["done", "ignored", "unmatched", "parked", "waiting"])
async def test_a_replay_begins_anew_whatever_became_of_the_delivery(made: House, account: str, status: str) -> None:
    (one,) = await kept(made, delivery(merchant_account=account, status=status, tries=10, error="ValueError"))
    before = datetime.now(UTC)

    answer = await made.hub.post(f"{PATH}/{one}/replay", {})

    told = answer.json()
    assert (answer.status_code, told["status"], told["tries"], told["error"]) == (202, "waiting", 0, None)
    assert abs(datetime.fromisoformat(told["due_at"]) - before) < timedelta(seconds=30)
    (audit,) = await audited(made.hub.parts.database, one)
    assert (audit["action"], audit["principal"]) == ("webhook_delivery.replayed", "ada")
    assert audit["details"] == {"merchant_account": account, "subject": "pi_1"}


async def test_all_that_is_parked_is_replayed_at_once(made: House, account: str) -> None:
    other = new_id("ma_")
    rows = [delivery(merchant_account=account, status="parked", received_at=NOON - timedelta(hours=age)) for age in
            (3, 2, 1)]  # fmt: skip
    ids = await kept(
        made,
        *rows,
        delivery(merchant_account=account),
        delivery(merchant_account=other, status="parked"),
    )
    since = (NOON - timedelta(hours=2)).isoformat()
    wanted = {"status": "parked", "merchant_account": account, "received_after": since}

    answer = await made.hub.post(f"{PATH}/replay", wanted)

    assert (answer.status_code, answer.json()) == (202, {"count": 2, "next": None})
    assert await listed(made, account, status="waiting") == [ids[2], ids[1]]
    assert await listed(made, account, status="parked") == [ids[0]]
    assert len(await listed(made, other, status="parked")) == 1
    audit = (await audited(made.hub.parts.database, "webhook_deliveries"))[-1]
    assert audit["details"] == {
        "count": 2, "first": ids[1], "last": ids[2], "status": "parked", "merchant_account": account,
    }  # fmt: skip


async def test_many_are_replayed_in_commits_of_bounded_size_and_each_once(made: House, account: str) -> None:
    database = made.hub.parts.database
    rows = [delivery(merchant_account=account) for _ in range(listing.REPLAYED_AT_ONCE + 1)]
    ids = await write(database, *rows)
    sought, asker = Sought(status="done", merchant_account=account), Asker(at=NOON)

    first = await listing.replay_some(database, sought, None, asker)
    async with database.transaction() as connection:  # One of them is read again meanwhile.
        again = update(webhook_deliveries).where(webhook_deliveries.c.id == first[0])
        await connection.execute(again.values(status="done", due_at=None))
    second = await listing.replay_some(database, sought, first[-1], asker)
    third = await listing.replay_some(database, sought, second[-1], asker)

    assert (first + second, third) == (ids, [])


async def test_one_request_replays_no_more_than_its_bound_and_says_where_to_go_on(made: House, account: str) -> None:
    rows = [delivery(merchant_account=account, status="ignored") for _ in range(listing.REPLAYED_MAX + 2)]
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(insert(webhook_deliveries), rows)
    wanted = {"status": "ignored", "merchant_account": account}

    first = (await made.hub.post(f"{PATH}/replay", wanted)).json()
    left = await listed(made, account, status="ignored")
    second = (await made.hub.post(f"{PATH}/replay", wanted | {"after": first["next"]})).json()

    assert first == {"count": listing.REPLAYED_MAX, "next": rows[-3]["id"]}
    assert left == [rows[-1]["id"], rows[-2]["id"]]
    assert second == {"count": 2, "next": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "status"),
        ({"status": "waiting"}, "status"),
        ({"status": "parked", "received_after": "2026-11-21T12:00:00"}, "received_after"),
        ({"status": "parked", "received_after": "0001-01-01T00:00:00+10:00"}, "received_after"),
        ({"status": "parked", "payment": "pay_1"}, "payment"),
        ({"status": "parked", "after": ""}, "after"),
    ],
)
async def test_what_a_bulk_replay_does_not_take_is_named(made: House, body: dict[str, Any], field: str) -> None:
    answer = await made.hub.post(f"{PATH}/replay", body)

    assert told_of(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["field"] == field


async def test_an_id_of_nothing_is_not_found(made: House) -> None:
    answers = [await made.hub.get(f"{PATH}/wd_nothing"), await made.hub.post(f"{PATH}/wd_nothing/replay", {})]

    assert [told_of(answer) for answer in answers] == [(404, "not_found")] * 2
