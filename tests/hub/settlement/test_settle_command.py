"""`hub settle` against a hub's database, and a worker that is killed in the middle of a report."""

import asyncio
import gzip
import signal
import subprocess
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from tests.hub.commands import HUB, ended, environment, started
from tests.hub.house import House, house
from tests.hub.money import rows
from tests.hub.settlement.reports import PATH, charge, hand_in, import_all, written


async def settle(url: str, *words: str, content: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    def run() -> "subprocess.CompletedProcess[bytes]":
        words_of = (*HUB, "settle", *words)
        return subprocess.run(
            words_of, env=environment(HUB_DATABASE_URL=url), input=content, capture_output=True, check=False, timeout=60
        )

    return await asyncio.to_thread(run)


async def test_a_report_is_imported_from_a_file_and_from_standard_input(sqlite_url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_bytes(written([charge("1"), charge("2")]))
    async with house(sqlite_url, tmp_path, with_worker=False) as made:
        table = await settle(sqlite_url, str(report), "--merchant-account", "stripe-eu")
        stripe = made.accounts["stripe-eu"]
        packed = gzip.compress(report.read_bytes())
        again, refused = await asyncio.gather(
            settle(sqlite_url, "-", "--merchant-account", stripe, "--json", content=packed),
            settle(sqlite_url, str(report), "--merchant-account", "adyen-eu"),
        )

        assert (table.returncode, b"new" in table.stdout, b" 18.90 " in table.stdout) == (0, True, True), table.stderr
        body = msgspec.json.decode(again.stdout)
        assert (again.returncode, body["status"], body["counts"]["added"]) == (0, "done", 2)
        assert (refused.returncode, b"Psp Reference" in refused.stderr) == (1, True), refused.stderr
        assert len(await rows(made, "SELECT id FROM settlement_batches")) == 1


async def test_a_worker_that_is_killed_in_a_report_loses_nothing_and_doubles_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    count = 6_000
    async with house(postgres_url, tmp_path, with_worker=False) as made:
        file = written(charge(str(number)) for number in range(count))
        batch = (await hand_in(made.hub, made.accounts["stripe-eu"], file)).json()["id"]
        with started("worker", HUB_DATABASE_URL=postgres_url, HUB_DEVELOPMENT="yes") as worker:
            await progress(made, batch)
            ended(worker, signal.SIGKILL)
        halted = (await made.hub.get(f"{PATH}/{batch}")).json()

        async with made.hub.parts.database.transaction() as connection:
            await connection.execute(text("UPDATE settlement_batches SET due_at = created_at"))
        await import_all(made.hub.parts.shell)

        assert halted["status"] == "importing"
        assert halted["progress"]["rows_read"] == halted["counts"]["added"] < count
        done = (await made.hub.get(f"{PATH}/{batch}")).json()
        assert (done["status"], done["counts"]["added"], done["counts"]["known"]) == ("done", count, 0)
        assert done["totals"]["EUR"] == {"gross": 1000 * count, "fee": 55 * count, "net": 945 * count, "payout": 0}
        counted = "SELECT count(*) AS lines, count(DISTINCT key) AS keys, sum(net_minor) AS net FROM settlement_lines"
        (kept,) = await rows(made, counted)
        assert (kept["lines"], kept["keys"], int(kept["net"])) == (count, count, 945 * count)


async def progress(made: House, batch: str) -> dict[str, Any]:
    """Wait until some of the report's rows are read."""
    for _ in range(2_000):
        shown: dict[str, Any] = (await made.hub.get(f"{PATH}/{batch}")).json()
        if shown["progress"]["rows_read"]:
            return shown
        await asyncio.sleep(0.01)
    raise AssertionError("no row was read")
