"""How long a request for a payment session may take when nobody answers."""

import time
from pathlib import Path

from msgspec.structs import replace

from tests.hub.house import QUICK, add_account, house


async def test_silent_processors_share_one_requests_time(database_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, request_ms=1_500)
    async with house(database_url, tmp_path, settings=settings, with_worker=False) as home:
        for name in ("a", "b", "c"):
            await add_account(home, f"stripe-{name}", "stripe", name, currencies=["CHF"])
            await add_account(home, f"adyen-{name}", "adyen", f"Hub{name}", currencies=["CHF"])
        for processor in ("stripe", "adyen"):
            await home.fault(processor, "silent_before", count=100)

        began = time.monotonic()
        answer = await home.hub.post("/v1/payment_sessions", {"currency": "CHF"})
        took_s = time.monotonic() - began

    assert (answer.status_code, answer.json()["code"]) == (503, "merchant_accounts_unavailable"), answer.text
    assert 1 <= took_s < 3
