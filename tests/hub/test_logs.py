"""The log explains a failure and gives no secret away."""

import json
import subprocess
import sys

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.database import open_database

FAILS = """
import structlog
from hub.serving import configure_logs

def charge(key):
    card = {"number": key}
    raise ValueError("cannot charge")

configure_logs()
try:
    charge("sk_" + "live_secret")
except ValueError:
    structlog.get_logger("test").exception("failed", payment="pay_1")
"""


def test_a_traceback_names_the_place_and_shows_no_variable() -> None:
    told = subprocess.run((sys.executable, "-c", FAILS), capture_output=True, text=True, check=True).stderr

    entry = json.loads(told)
    assert (entry["event"], entry["payment"], entry["level"]) == ("failed", "pay_1", "error")
    assert entry["exception"][0]["frames"][-1]["name"] == "charge"
    assert "sk_live_secret" not in told


@pytest.mark.fault_case(id="PAN-06")
async def test_a_statement_that_failed_is_told_without_its_values(database_url: str) -> None:
    database = await open_database(database_url)

    with pytest.raises(DBAPIError) as failed:
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO nowhere VALUES (:token)"), {"token": "pm_of_somebody"})
    await database.close()

    assert "nowhere" in str(failed.value)
    assert "pm_of_somebody" not in str(failed.value)
