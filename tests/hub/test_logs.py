"""The log explains a failure and gives no secret away."""

import json
import subprocess
import sys

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
