"""`hub routes simulate` and `hub routes backtest`, against a hub's database."""

import asyncio
import subprocess
from pathlib import Path

import msgspec

from tests.hub.backtests.test_backtests_api import charged, ruleset
from tests.hub.commands import hub
from tests.hub.house import house
from tests.hub.money import rows


async def run(url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(hub, "routes", *words, HUB_DATABASE_URL=url)


async def test_a_plan_and_a_backtest_are_told_in_tables_and_as_json(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        tried = await ruleset(made, "adyen-eu")
        await charged(made, 2, country="DE")
        asked = tmp_path / "payment.json"
        asked.write_text('{"amount": 1, "currency": "EUR", "processors": ["adyen"]}')

        table = await run(database_url, "simulate", str(asked), "--mode", "test", "--amount", "4999")
        planned = await run(database_url, "simulate", str(asked), "--mode", "test", "--ruleset", tried, "--json")
        moves = await run(database_url, "backtest", tried, "--from", "2026-01-01")
        result = await run(database_url, "backtest", tried, "--from", "2026-01-01", "--json")

        assert (table.returncode, "adyen-eu" in table.stdout, "token" in table.stdout) == (0, True, True), table.stderr
        assert msgspec.json.decode(planned.stdout)["routing"]["ruleset"] == tried
        assert (moves.returncode, "no evidence" in moves.stdout) == (0, True), moves.stderr
        assert "99.98" in moves.stdout  # Two of 49.99 EUR, in whole units as everywhere that people read.
        assert msgspec.json.decode(result.stdout)["result"]["moved"] == 2
        assert [row["status"] for row in await rows(made, "SELECT status FROM backtests")] == ["done", "done"]


async def test_what_is_not_there_is_told_in_one_sentence(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False):
        nowhere = await run(database_url, "backtest", "rs_none", "--from", "2026-01-01")
        unknown = await run(
            database_url, "simulate", "--mode", "test", "--amount", "1", "--currency", "EUR", "--ruleset", "rs_none"
        )

        assert (nowhere.returncode, "there is no ruleset rs_none" in nowhere.stderr) == (1, True)
        assert (unknown.returncode, "is no ruleset of this mode" in unknown.stderr) == (1, True)
