"""`hub demo` ends with 0 only when every figure is as expected."""

import asyncio
import io
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from rich.console import Console

from hub.demo import DEADLINES, developing, judge, walk
from hub.demo_books import Settled, Wrong, check
from hub.demo_payer import LostError, follow
from hub.demo_shop import Place, Shop, UnexpectedError
from hub.seed import SAMPLES
from tests.hub.commands import hub

HOME = "https://shop.example/thanks"
FAULT = {"fault": "error_500_after", "match": {"operation": "purchase"}}


async def judged(place: Place) -> tuple[int, str]:
    """Walk through the demo's first day and give its exit code with what it printed."""
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    code = await judge(walk(place, console), console)
    return code, printed.getvalue()


async def altered(url: str, method: str, path: str, body: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as http, http.request(method, f"{url}/_control{path}", json=body) as answer:
        assert answer.ok


async def test_the_demo_shows_every_step_and_ends_with_0() -> None:
    done = await asyncio.to_thread(hub, "demo")

    assert done.returncode == 0, done.stdout
    shown = ["Charges", "Declines", "3D Secure", "Refunds", "Manual capture", "The same request again", "Silence"]
    shown += ["A dead processor", "One payment explained", "The account of it all", "The processors settle"]
    shown += ["What does not agree", "A week later", "Settling what does not agree", "From the bank back to the rules"]
    shown += ["Reconciliation", "The ledger"]
    assert [title for title in shown if title not in done.stdout] == []
    assert "figures are as expected" in done.stdout


async def test_a_decline_that_a_sandbox_words_otherwise_fails_the_demo(tmp_path: Path) -> None:
    async with developing(tmp_path, DEADLINES) as place:
        other = {"card": "4111111111111111", "outcome": "NOT_ENOUGH_BALANCE"}
        await altered(place.sandbox["adyen"], "PUT", "/tokens/stored_stolen", other)
        code, printed = await judged(place)

    assert code == 1
    assert "lost_or_stolen_card: code: expected 'lost_or_stolen_card', got 'insufficient_funds'" in printed


async def test_a_charge_that_is_answered_with_500_fails_the_demo(tmp_path: Path) -> None:
    async with developing(tmp_path, DEADLINES) as place:
        await altered(place.sandbox["stripe"], "POST", "/faults", FAULT)
        code, printed = await judged(place)

    assert code == 1
    assert "charge of 49.99 EUR from DE: HTTP status: expected 201, got 202" in printed


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"fee": 94, "net": 4905}, "fees: expected 95, got 94"),
        ({"payout": 4905}, "paid out: expected 4904, got 4905"),
    ],
)
async def test_a_settlement_that_is_not_as_the_processors_own_books_say_fails_the_demo(
    changed: dict[str, int], told: str
) -> None:
    settled = Settled(
        sample=SAMPLES[0], wrong=Wrong(), currency="EUR", paid=4904, lines=1, gross=4999, report="/reports/1"
    )
    counts = {"added": 2, "matched": 1, "excepted": 0, "broken": 0}
    total = {"gross": 4999, "fee": 95, "net": 4904, "payout": 4904} | changed
    place = Place(url="", api_key="", merchant_accounts={}, sandbox={})

    async with aiohttp.ClientSession() as http:
        with pytest.raises(UnexpectedError, match=f"settlement of {SAMPLES[0].name}: {told}"):
            check(Shop(place, http, Console()), settled, {"counts": counts, "totals": {"EUR": total}})


async def test_a_payer_who_is_led_nowhere_says_where(aiohttp_page: str) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(LostError, match="has no form"):
            await follow(http, aiohttp_page, HOME)


@pytest.fixture
async def aiohttp_page() -> Any:
    """A page without a form."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<p>Closed</p>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()
