"""Data that a processor's own library made of a card: charged with, and never kept."""

from typing import Any

import httpx
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from hub.ids import new_id
from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")
NUMBER = "test_4111111111111111"
DATA = {
    "type": "scheme",
    "encryptedCardNumber": NUMBER,
    "encryptedExpiryMonth": "test_03",
    "encryptedExpiryYear": "test_2030",
    "encryptedSecurityCode": "test_737",
    "holderName": "Grace Onetime Hopper",
}
TRACES = ["4111111111111111", "encryptedCardNumber", "test_737", "Onetime"]


async def post(home: House, data: dict[str, Any], key: str, **changes: Any) -> httpx.Response:
    sent = {
        "amount": 4999,
        "currency": "EUR",
        "reference": key,
        "payment_method_data": {"processor": "adyen", "data": {"paymentMethod": data}},
    }
    return await home.hub.post("/v1/payments", sent | changes, key=key)


def traces_in(connection: Connection) -> list[str]:
    """Every column of every table in which a trace of the data stands."""
    found = []
    for table in inspect(connection).get_table_names():
        for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():  # noqa: S608 - our own tables
            for column, value in row.items():
                written = bytes(value).decode("latin-1") if isinstance(value, (bytes, memoryview)) else str(value)
                found += [f"{table}.{column}: {trace}" for trace in TRACES if trace in written]
    return found


async def test_it_is_charged_and_no_table_holds_a_trace_of_it(home: House, capfd: pytest.CaptureFixture[str]) -> None:
    answer = await post(home, DATA, new_id("key_"))

    told = answer.json()
    assert (answer.status_code, told["status"], told["payment_method"]) == (201, "captured", None)
    assert (await home.control("adyen", "GET", f"money?tag={told['tag']}"))["charges"] == 1
    async with home.hub.parts.database.reading() as connection:
        assert await connection.run_sync(traces_in) == []
    logged = capfd.readouterr()
    assert [trace for trace in TRACES if trace in logged.out + logged.err + answer.text] == []


async def test_it_leaves_no_trace_when_it_is_declined_or_its_outcome_is_unknown(home: House) -> None:
    declined = await post(home, DATA | {"encryptedSecurityCode": "test_999"}, new_id("key_"))
    await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 2.0})
    await home.fault("adyen", "silent_after", "purchase")
    unknown = await post(home, DATA, new_id("key_"))
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})

    async with home.hub.parts.database.reading() as connection:
        assert await connection.run_sync(traces_in) == []
    assert declined.json()["status"] == "failed"
    assert (unknown.status_code, unknown.json()["status"]) == (202, "processing")
    assert (await home.hub.until(unknown.json()["id"], "captured"))["amount_captured"] == 4999
    assert (await home.control("adyen", "GET", f"money?tag={unknown.json()['tag']}"))["charges"] == 1


async def test_the_same_data_under_the_same_key_is_a_replay(home: House) -> None:
    key = new_id("key_")
    first = await post(home, DATA, key)

    again = await post(home, dict(reversed(DATA.items())), key)

    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


@pytest.mark.parametrize(
    "changes",
    [{"encryptedCardNumber": "test_5555444433331111"}, {"holderName": "Somebody Else"}, {"extra": "1"}],
    ids=["another card", "another holder", "one field more"],
)
async def test_other_data_under_the_same_key_is_another_request(home: House, changes: dict[str, str]) -> None:
    key = new_id("key_")
    await post(home, DATA, key)

    answer = await post(home, DATA | changes, key)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_card_number_in_the_open_is_refused(home: House) -> None:
    answer = await post(home, DATA | {"number": "4111111111111111"}, new_id("key_"))

    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "card_data_refused")
    assert told["errors"][0]["field"] == "payment_method_data.data.paymentMethod.number"


async def test_data_for_a_processor_that_is_not_there_goes_nowhere(home: House) -> None:
    sent = {"payment_method_data": {"processor": "nobody", "data": {"paymentMethod": DATA}}}

    answer = await post(home, DATA, new_id("key_"), **sent)

    assert (answer.status_code, answer.json()["code"]) == (422, "no_merchant_account")
