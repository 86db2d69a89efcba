"""The receiver that the page shows takes what the hub signs, and nothing else."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from hub.webhook_endpoints.signing import new_secret, shown_secret, signed_headers
from tests.processes import accepts, free_port

PAGE = Path(__file__).parents[3] / "docs/events.md"
BODY = b'{"type":"payment.captured","data":{"id":"pay_1"}}'


@contextmanager
def receiver(secret: bytes) -> Iterator[str]:
    """Run the page's receiver on a free port."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    port = free_port()
    process = subprocess.Popen(
        (sys.executable, "-u", "-c", code.replace("9000", str(port))),
        env={**os.environ, "SECRET": shown_secret(secret)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while not accepts(port):
        if time.monotonic() > until:
            raise TimeoutError("the receiver did not start")


def test_the_receiver_of_the_page_takes_what_is_signed_with_its_secret_only() -> None:
    ours, others = new_secret(), new_secret()
    now = int(datetime.now(UTC).timestamp())

    with receiver(ours) as url:
        answers = [
            httpx.post(url, content=BODY, headers=signed_headers("evt_1", now, BODY, [secret]))
            for secret in (ours, others)
        ]

    assert [answer.status_code for answer in answers] == [204, 400]
