"""`python -m benchmarks PART`, see `PARTS`; ends with 1 below a bar."""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import (
    adapters,
    backtest,
    compare,
    endpoints,
    ledger,
    memory,
    profile,
    reconciliation,
    routing,
    settlement,
    webhooks,
)
from benchmarks.stage import Stage, Target, durability, stage

PARTS: Final = (
    "speed", "adapters", "memory", "profile", "webhooks", "endpoints", "routing", "backtest", "ledger", "settlement",
    "reconciliation",
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Measure what was asked for; say what was measured on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", default="speed", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=compare.ROUNDS, help="of ten seconds each, at 1 and at 32")
    parser.add_argument("--valkey", action="store_true", help="give the hub a Valkey for its limits too")
    parser.add_argument("--forgetful", action="store_true", help="as if every payment method were charged first")
    parser.add_argument("--stacks", type=Path, help="keep the profile's samples in this file")
    parser.add_argument("--payments", type=int, default=1_000_000, help="how many a backtest replays, or a year has")
    parser.add_argument("--lines", type=int, default=1_000_000, help="how many a settlement report has")
    parser.add_argument("--transfers", type=int, default=3_000_000, help="how many the ledger's year has")
    asked = parser.parse_args(words)
    alone: dict[str, Callable[[], list[str]]] = {
        "routing": routing.measure,
        "ledger": partial(ledger.measure, asked.transfers),
        "reconciliation": partial(reconciliation.measure, asked.payments),
    }
    if asked.part in alone:
        print(_machine(), flush=True)
        return _told(alone[asked.part]())
    with stage() as ready:
        print(f"{_machine()}; PostgreSQL with {_settings(ready)}", flush=True)
        match asked.part:
            case "adapters":
                wrong = _adapters(ready)
            case "memory":
                wrong = memory.measure(ready, ready.hub(with_valkey=asked.valkey))
            case "webhooks":
                wrong = webhooks.measure(ready, asked.rounds)
            case "backtest":
                wrong = backtest.measure(ready, asked.payments)
            case "settlement":
                wrong = settlement.measure(ready, asked.lines)
            case "endpoints":
                wrong = _endpoints(ready)
            case "profile":
                wrong = _profile(ready, asked.stacks)
            case _:
                hub = ready.hub(with_valkey=asked.valkey, forgetful=asked.forgetful)
                wrong = _speed(ready, hub, asked.rounds) + _adapters(ready)
    return _told(wrong)


def _told(wrong: Sequence[str]) -> int:
    for bar in wrong:
        print(f"BELOW THE BAR: {bar}")
    return 1 if wrong else 0


def _speed(ready: Stage, hub: Target, rounds: int) -> list[str]:
    floor = ready.floor()
    compare.warm_up(ready, [floor, hub])
    limit = compare.load_limit(ready)
    print(f"the load generator alone: {limit:.0f} requests a second\n\n{compare.HEAD}", flush=True)
    rows = {}
    company = compare.Company(ready, [floor, hub])
    for at_once in compare.AT_ONCE:
        rows[at_once] = compare.compare(ready, floor, hub, at_once, rounds=rounds)
        print(compare.table(rows[at_once]), flush=True)
    others = company.share()
    print(f"meanwhile everything else on the machine used {others:.0%} of it", flush=True)
    if others > compare.OTHERS_MAX:
        print("that is much: ratios still hold roughly, absolute figures do not")
    counts = ready.counts()
    if counts.charges != counts.tags:
        return [*compare.failures(rows, limit), f"{counts.charges} charges carried {counts.tags} tags"]
    return compare.failures(rows, limit)


def _adapters(ready: Stage) -> list[str]:
    command = (sys.executable, "-m", "benchmarks.adapters", ready.processor_url)
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    costs = msgspec.json.decode(told, type=list[adapters.Cost])
    print("\n| adapter alone | CPU ms a call | bar |\n|---|---|---|")
    for cost in costs:
        print(f"| {cost.processor} | {cost.median_ms:.3f} | {adapters.BARS_MS[cost.processor]} |")
    return adapters.failures(costs)


def _profile(ready: Stage, stacks: Path | None) -> list[str]:
    found = profile.measure(ready)
    print(f"\n{profile.table(found)}\n\n{profile.functions(found)}")
    if stacks is not None:
        stacks.write_bytes(msgspec.json.encode(found.stacks))
    return []


def _endpoints(ready: Stage) -> list[str]:
    told = endpoints.measure(asyncio.run(ready.postgres.fresh_database()), ready.folder, endpoints.Scale())
    print(f"\n{endpoints.table(told)}")
    return endpoints.failures(told)


def _settings(ready: Stage) -> str:
    return ", ".join(f"{name}={value}" for name, value in durability(ready.postgres).items())


def _machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}: {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
