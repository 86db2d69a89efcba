"""Reports that a processor announces are fetched, each once; what does not come is asked for again, then told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import Struct, field
from sqlalchemy import text

from adapters.contract import NoticeKind, SettlementNotice
from hub.settlement.downloading import AGAIN_S, download_reports
from hub.webhooks.notices import note_notice
from tests.hub.house import House, add_account
from tests.hub.money import rows
from tests.hub.settlement.reports import PATH, adyen, import_all

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Shelf(Struct):
    """A server with reports on it, and who asked for them with what."""

    url: str
    account: str
    reports: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shelf(quiet: House) -> AsyncIterator[Shelf]:
    found: Shelf | None = None

    async def give(request: web.Request) -> web.Response:
        assert found is not None
        found.asked.append(request.headers["Authorization"])
        content = found.reports.get(request.match_info["name"])
        return web.Response(status=404) if content is None else web.Response(body=content)

    app = web.Application()
    app.router.add_get("/reports/{name}", give)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).rstrip("/")
        more = {"base_url": url, "report_user": "report@hub", "report_password": "not-told"}
        account = await add_account(quiet, "adyen-shelf", "adyen", "Shelf", currencies=["EUR"], credentials=more)
        found = Shelf(url, account)
        yield found


async def announce(made: House, shelf: Shelf, name: str, kind: NoticeKind = NoticeKind.REPORT_AVAILABLE) -> None:
    """Have the processor tell of a report."""
    connected = made.hub.parts.directory.connected(shelf.account)
    assert connected is not None
    location = f"{shelf.url}/reports/{name}"
    notice = SettlementNotice(kind=kind, processor_reference=name, livemode=False, location=location)
    await note_notice(made.hub.parts.shell, connected, notice)


async def notice(made: House, name: str) -> dict[str, Any]:
    (row,) = await rows(made, "SELECT * FROM settlement_notices WHERE processor_reference = :name", name=name)
    return row


async def fetch(made: House, name: str) -> None:
    """Let the worker fetch what is due, which *name* is by now."""
    async with made.hub.parts.database.transaction() as connection:
        due = "UPDATE settlement_notices SET due_at = received_at WHERE processor_reference = :name"
        await connection.execute(text(f"{due} AND batch_id IS NULL"), {"name": name})
    await download_reports(made.hub.parts.shell)


async def test_a_report_that_is_ready_is_fetched_and_imported_once(quiet: House, shelf: Shelf) -> None:
    shelf.reports["ready.csv"] = adyen("ready", "Shelf")
    await announce(quiet, shelf, "ready.csv")
    await announce(quiet, shelf, "ready.csv")

    assert await download_reports(quiet.hub.parts.shell) == 1
    assert await download_reports(quiet.hub.parts.shell) == 0
    await import_all(quiet.hub.parts.shell)

    kept = await notice(quiet, "ready.csv")
    batch = (await quiet.hub.get(f"{PATH}/{kept['batch_id']}")).json()
    assert (batch["source"], batch["status"], batch["requested_by"]) == ("download", "done", "hub")
    assert (batch["counts"]["added"], batch["totals"]["EUR"]["net"]) == (1, 945)
    assert len(shelf.asked) == 1
    assert shelf.asked[0].startswith("Basic ")


async def test_one_that_does_not_come_is_asked_for_again_and_then_a_humans(quiet: House, shelf: Shelf) -> None:
    await announce(quiet, shelf, "late.csv")
    for _ in AGAIN_S:
        await fetch(quiet, "late.csv")
        waiting = await notice(quiet, "late.csv")
        assert waiting["due_at"] is not None
        assert waiting["error"]

    await fetch(quiet, "late.csv")

    assert (await notice(quiet, "late.csv"))["due_at"] is None
    told = await rows(quiet, "SELECT detail FROM exceptions WHERE type = 'settlement_not_downloaded'")
    assert ["late.csv" in row["detail"] for row in told] == [True]


async def test_one_that_is_no_settlement_report_is_left_alone(quiet: House, shelf: Shelf) -> None:
    shelf.reports["other.csv"] = b"Company Account,Something\nHub,1\n"
    await announce(quiet, shelf, "other.csv")

    await fetch(quiet, "other.csv")

    left = await notice(quiet, "other.csv")
    assert (left["due_at"], left["batch_id"], "Psp Reference" in left["error"]) == (None, None, True)


async def test_the_word_that_a_payout_was_paid_waits_for_its_report(quiet: House, shelf: Shelf) -> None:
    shelf.reports["paid"] = adyen("paid", "Shelf")
    await announce(quiet, shelf, "paid", NoticeKind.PAYOUT_PAID)
    assert await download_reports(quiet.hub.parts.shell) == 0
    await announce(quiet, shelf, "paid")
    asked = len(shelf.asked)

    await download_reports(quiet.hub.parts.shell)
    await fetch(quiet, "paid")

    told = await rows(quiet, "SELECT batch_id FROM settlement_notices WHERE processor_reference = 'paid'")
    assert len({row["batch_id"] for row in told}) == 1
    assert len(shelf.asked) == asked + 1
