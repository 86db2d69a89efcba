"""A short piece of `make simulate`: a few worlds hold, and one seed is one history, in whatever process."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from msgspec.structs import replace

from tests.simulation.faults import COMMITS, STEPS, Fault, Strike, possible
from tests.simulation.plans import Life, Options, Plan, plan, targets
from tests.simulation.shrink import shrink
from tests.simulation.table import table, thinnest

ROOT = Path(__file__).parent.parent.parent
LIFE = Life(number=0, begins_s=0.0, amount=1000, route="north", manual=False)


def begun(hash_seed: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own: what strings' hashes are is decided when it begins."""
    command = [sys.executable, "-m", "tests.simulation", "--digest", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE)


def test_nothing_is_charged_twice_or_lost_and_a_seed_is_one_history_alone_and_after_others() -> None:
    after_another = begun("1", "--seeds", "1..2", "--payments", "12")
    alone = begun("2", "--seeds", "2", "--payments", "12")
    told, again = (process.communicate()[0] for process in (after_another, alone))

    assert (after_another.returncode, alone.returncode) == (0, 0), told
    assert digest_of("2", told) == digest_of("2", again)


def digest_of(seed: str, told: str) -> str:
    """What the history of a seed's world came to."""
    (digest,) = (line.split()[1] for line in told.splitlines() if line.startswith(f"{seed} "))
    return digest


def test_every_cell_of_the_table_comes_round() -> None:
    aimed = Counter(life.strikes[0] for seed in range(6) for life in plan(seed, Options()).lives)

    assert set(aimed) == set(targets(Options()))
    assert {(strike.step, strike.fault) for strike in aimed} == {(step, f) for step in STEPS for f in possible(step)}


def test_a_failing_world_is_made_as_small_as_it_can_be() -> None:
    culprit = Strike("charge.t2", Fault.DONE)
    lives = [replace(LIFE, number=n, strikes=(Strike("relay", Fault.AWAY),), steps=("refund",)) for n in range(9)]
    lives[6] = replace(lives[6], strikes=(*lives[6].strikes, culprit), twice=True)

    small = shrink(Plan(seed=1, lives=tuple(lives)), lambda tried: any(culprit in life.strikes for life in tried.lives))

    assert small.lives == (replace(LIFE, number=6, strikes=(culprit,)),)


def test_the_table_tells_a_cell_that_was_never_struck_from_one_that_cannot_be() -> None:
    struck = Counter({("charge.t1", Fault.DONE): 1234})

    rows = [line for line in table(struck).splitlines() if line.startswith("| charge.t1 ")]

    assert rows == ["| charge.t1 | 0 | 0 | 1,234 | 0 | 0 | 0 | 0 |"]
    assert "| charge.notice | 0 | 0 | 0 | 0 | 0 |" in table(struck)
    assert thinnest(struck)[0][0] == 0


def test_a_commit_can_go_wrong_in_all_seven_ways() -> None:
    assert {len(possible(step)) for step in COMMITS} == {7}
