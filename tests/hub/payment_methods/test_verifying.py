"""A payment method is verified without money, once under one key, until the bank's answer is known."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import literal_column, update

from hub.access.rules import Role
from hub.database import in_seconds
from hub.ids import new_id
from hub.payment_methods.tables import verifications
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
EUR = {"currency": "EUR"}
# An error of Stripe's own is its answer to the same key for a day, so that asking again does not help for so long.
SILENCES = [
    (processor, token, fault)
    for processor, token in (("stripe", "pm_card_visa"), ("adyen", "stored_visa"))
    for fault in ("silent_before", "silent_after", "reset_after", "error_500_after")
    if (processor, fault) != ("stripe", "error_500_after")
]


async def verify(home: House, method: str, *, key: str | None = None, **changes: Any) -> httpx.Response:
    return await home.hub.post(f"/v1/payment_methods/{method}/verify", EUR | changes, key=key)


async def listed(home: House, method: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = (await home.hub.get(f"/v1/payment_methods/{method}/verifications")).json()["data"]
    return data


@pytest.mark.parametrize(("processor", "token"), [("stripe", "pm_card_visa"), ("adyen", "stored_visa")])
async def test_a_good_card_is_approved_and_no_money_moves(home: House, processor: str, token: str) -> None:
    method = await home.method(**{processor: token})
    before = await home.charges(processor)

    answer = await verify(home, method)

    told = answer.json()
    assert (answer.status_code, told["status"], told["processor"]) == (201, "approved", processor)
    assert (told["payment_method"], told["decline"]) == (method, None)
    assert await home.charges(processor) == before
    assert await listed(home, method) == [told]


async def test_what_the_bank_says_of_address_and_code_stands_apart(home: House) -> None:
    method = await home.method(stripe="pm_card_visa")

    told = (await verify(home, method)).json()

    assert {"avs", "cvc"} <= set(told)
    assert not {"avs", "cvc"} & set((await home.hub.get(f"/v1/payment_methods/{method}")).json())


async def test_a_card_that_its_bank_refuses_is_a_decline_and_no_error(home: House) -> None:
    method = await home.method(adyen="stored_declined")

    answer = await verify(home, method)

    assert (answer.status_code, answer.json()["status"]) == (201, "declined")
    assert answer.json()["decline"]["code"]


async def test_the_same_key_brings_the_same_answer_and_asks_once(home: House) -> None:
    method, key = await home.method(stripe="pm_card_visa"), new_id("key_")

    first = await verify(home, method, key=key)
    again = await verify(home, method, key=key)
    other = await verify(home, method, key=key, country="DE")

    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert again.headers["Location"] == f"/v1/payment_methods/{method}/verifications"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await listed(home, method)) == 1


async def test_a_key_is_answered_although_its_payment_method_was_deleted(home: House) -> None:
    method, key = await home.method(stripe="pm_card_visa"), new_id("key_")
    first = await verify(home, method, key=key)
    await home.hub.client.delete(f"/v1/payment_methods/{method}")

    again = await verify(home, method, key=key)
    other = await verify(home, method)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert other.status_code == 404


async def test_of_two_with_one_key_at_once_one_asks(home: House) -> None:
    method, key = await home.method(stripe="pm_card_visa"), new_id("key_")

    answers = await asyncio.gather(*(verify(home, method, key=key) for _ in range(4)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(await listed(home, method)) == 1


@pytest.mark.parametrize(("processor", "token", "fault"), SILENCES)
async def test_an_answer_that_is_not_known_is_asked_for_until_it_is(
    home: House, processor: str, token: str, fault: str
) -> None:
    method, key = await home.method(**{processor: token}), new_id("key_")
    for _ in range(2):  # Of which the adapter may resend one on the same connection.
        await home.fault(processor, fault)

    first = await verify(home, method, key=key)
    await home.control(processor, "DELETE", "faults")

    assert first.status_code in {201, 202}
    now = first.json()
    for _ in range(150):
        (now,) = await listed(home, method)
        if now["status"] != "processing":
            break
        await due_now(home, now["id"])
        await asyncio.sleep(0.1)
    assert (now["id"], now["status"]) == (first.json()["id"], "approved")
    assert (await verify(home, method, key=key)).content == first.content


async def due_now(home: House, verification: str) -> None:
    """Spare a test the seconds until the next question."""
    asked = verifications.c.id == verification, verifications.c.status == "unknown"
    async with home.hub.parts.database.transaction() as connection:
        now = in_seconds(literal_column("0"))
        await connection.execute(update(verifications).where(*asked, verifications.c.tries < 1).values(due_at=now))


async def test_a_second_page_goes_on_where_the_first_ended(home: House) -> None:
    method = await home.method(stripe="pm_card_visa")
    ids = [(await verify(home, method)).json()["id"] for _ in range(3)]

    path = f"/v1/payment_methods/{method}/verifications"
    first = (await home.hub.get(path, limit=2)).json()
    second = (await home.hub.get(path, limit=2, cursor=first["next_cursor"])).json()

    assert [one["id"] for one in [*first["data"], *second["data"]]] == ids[::-1]
    assert second["next_cursor"] is None


async def test_an_account_can_be_named(home: House) -> None:
    method = await home.method(stripe="pm_card_visa", adyen="stored_visa")

    told = (await verify(home, method, merchant_account=home.accounts["adyen-eu"])).json()

    assert told["merchant_account"] == home.accounts["adyen-eu"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "SEK"}, "no_merchant_account"),
        ({"merchant_account": "ma_nowhere"}, "no_merchant_account"),
        ({"country": "XX"}, "validation_failed"),
        ({"amount": 1}, "validation_failed"),
    ],
)
async def test_a_verification_is_refused(home: House, changes: dict[str, Any], code: str) -> None:
    answer = await verify(home, home.payment_method, **changes)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_verification_needs_a_key_the_mode_and_the_right(home: House) -> None:
    path, client = f"/v1/payment_methods/{home.payment_method}/verify", home.hub.client
    key = {"Idempotency-Key": new_id("key_")}
    live, support = await home.caller(livemode=True), await home.caller(Role.SUPPORT)

    answers = [await client.post(path, json=EUR, headers=headers) for headers in ({}, live | key, support | key)]

    assert [answer.status_code for answer in answers] == [400, 404, 403]


async def test_who_may_read_payment_methods_reads_their_verifications(home: House) -> None:
    path, client = f"/v1/payment_methods/{home.payment_method}/verifications", home.hub.client

    read = [
        (await client.get(path, headers=who)).status_code
        for who in (await home.caller(livemode=True), await home.caller(Role.SUPPORT), await home.caller(Role.FINANCE))
    ]

    assert read == [404, 200, 403]
