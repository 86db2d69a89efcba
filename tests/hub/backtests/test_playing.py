"""The processes that replay for a worker end with it, however it ends."""

import subprocess
import sys
from pathlib import Path

WORKER = """
import asyncio
from hub.backtests.playing import Players, Setting
from routing.rules import RuleSet

async def replay():
    players = Players(Setting(ruleset="rs_1", version=1, rules=RuleSet(name="main"), accounts=()))
    players.spread()
    await players.play([])
    print("replaying", flush=True)
    await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(replay())
"""


def test_a_worker_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    script, root = tmp_path / "worker.py", Path(__file__).parents[3]
    script.write_text(WORKER)
    command, paths = (sys.executable, str(script)), {"PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=paths) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "replaying\n"

        worker.kill()

        rest, _ = worker.communicate(timeout=20)  # What it began writes to the same pipe, which ends with the last one.
    assert (rest, worker.returncode) == ("", -9)
