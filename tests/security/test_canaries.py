"""A secret that leaks is found, wherever it stands; what searches for them can fail."""

import httpx
import pytest
from sqlalchemy import insert

from hub.access.store import audit_row
from hub.access.tables import audit_log
from hub.app import utc_now
from hub.database import open_database
from tests.canaries import LeakedError, fail_if_said, leaked, none_in_database, none_in_refusal
from tests.hub.webhooks.kept import delivery, write

API_KEY = "hub_test_0123456789abcdefghjkmnpqrstvwxyz"[:41]


@pytest.mark.fault_case(id="PAN-02")
@pytest.mark.planted
@pytest.mark.parametrize("secret", [API_KEY, "4242424242424242", "whsec_" + "k" * 32, "sk_test_eu"])
async def test_a_secret_in_a_row_is_found_in_text_and_in_bytes(database_url: str, secret: str) -> None:
    database = await open_database(database_url)
    await none_in_database(database_url)

    async with database.transaction() as connection:
        told = audit_row(None, "made", "key_1", {"note": f"the key is {secret}."}, livemode=False, at=utc_now())
        await connection.execute(insert(audit_log).values(told))
    with pytest.raises(LeakedError, match="stands in"):
        await none_in_database(database_url)
    await database.close()


@pytest.mark.planted
async def test_a_secret_in_a_webhooks_bytes_is_found(database_url: str) -> None:
    database = await open_database(database_url)

    await write(database, delivery(body={"card": {"number": "4111111111111111"}}))
    await database.close()

    with pytest.raises(LeakedError, match="41111111"):
        await none_in_database(database_url)


async def test_a_refusal_that_repeats_a_secret_is_found() -> None:
    def answer(status: int) -> httpx.Response:
        request = httpx.Request("GET", "http://hub.test/v1/payments")
        return httpx.Response(status, text=f"what is {API_KEY}?", request=request)

    await none_in_refusal(answer(200))
    with pytest.raises(LeakedError, match="the answer 422 of /v1/payments"):
        await none_in_refusal(answer(422))


@pytest.mark.parametrize("said", ["Captured stdout call", "Captured log call"])
def test_a_test_that_says_a_secret_aloud_fails(said: str) -> None:
    report = pytest.TestReport(
        "tests/test_x.py::test_x", ("x", 1, "x"), {}, "passed", None, "call", sections=[(said, f"opened by {API_KEY}")]
    )

    fail_if_said(report)

    assert (report.outcome, report.longrepr) == ("failed", f"hub_test_012… stands in what was said: {said}")


def test_what_is_no_secret_is_not_taken_for_one() -> None:
    assert leaked(b"hub_test_01 4242 42******4242 whsec_ ma_0123456789abcdefghjkmnpqrs test_pretend") == []
