"""Where the time of a charge goes, by component of the hub."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from benchmarks.compare import expect_charged, warm_up
from benchmarks.cpu import cpu_ms
from benchmarks.sampling import LOOP
from benchmarks.stage import Stage

SECONDS: Final = 20.0
AT_ONCE: Final = 32
FUNCTIONS_SHOWN: Final = 40
COMPONENTS: Final = (
    ("Event loop and kernel", (LOOP,)),
    ("Database driver: asyncpg", ("/asyncpg/",)),
    ("Database door: binding values", ("hub/database.py", "/sqlalchemy/")),
    ("Rows of the two commits", ("hub/payments/store.py", "hub/idempotency/", "hub/payment_methods/store.py")),
    ("Outgoing HTTP: aiohttp", ("/aiohttp/", "/yarl/", "/multidict/", "adapters/transport.py")),
    ("Stripe's SDK", ("/stripe/_", "/stripe/")),
    ("The adapter", ("adapters/",)),
    ("Routing", ("routing/",)),
    ("Decoding and checking the request", ("hub/decoding", "hub/pan.py", "hub/payments/asked.py")),
    ("API key and rate limit", ("hub/access/", "hub/limits.py", "hub/redis.py")),
    ("The answer and the event", ("hub/payments/answers.py",)),
    ("Deciding and recording", ("hub/payments/", "hub/settlement/", "normalization/")),
    ("Litestar", ("/litestar/", "hub/app.py", "hub/errors.py")),
    ("HTTP server: uvicorn", ("/uvicorn/",)),
    ("The rest of the hub", ("/hub/",)),
)
"""In order: a frame belongs to the first that fits. Python's own modules belong to whoever called them."""

Stacks = Sequence[tuple[int, Sequence[str]]]


class Profile(Struct, frozen=True, kw_only=True):
    """CPU milliseconds a charge of the serving process, and the sampled stacks."""

    per_charge_ms: float
    stacks: Stacks


def measure(stage: Stage) -> Profile:
    """Sample the serving process under load."""
    file = stage.folder / "stacks.json"
    hub = stage.hub(serving=("benchmarks.sampling", str(file)))
    warm_up(stage, [hub])
    server = hub.pids[0]
    os.kill(server, signal.SIGUSR1)
    before = cpu_ms([server])
    told = stage.load.drive(hub.slice(AT_ONCE, SECONDS))
    used = cpu_ms([server]) - before
    os.kill(server, signal.SIGUSR2)
    expect_charged(hub, told)
    while not file.exists():
        time.sleep(0.05)
    return Profile(per_charge_ms=used / told.answers, stacks=read_stacks(file))


def read_stacks(file: Path) -> Stacks:
    """Read what `benchmarks.sampling` wrote."""
    raw: list[list[Any]] = msgspec.json.decode(file.read_bytes())
    return [(count, stack) for count, *stack in raw]


def component_of(stack: Iterable[str]) -> str:
    """Name the component that a sample belongs to: that of the innermost frame that has one."""
    for frame in stack:
        for name, marks in COMPONENTS:
            if any(mark in frame for mark in marks):
                return name
    return "Event loop and kernel"


def table(profile: Profile) -> str:
    """Write the components with their milliseconds and shares."""
    by_component: Counter[str] = Counter()
    for count, stack in profile.stacks:
        by_component[component_of(stack)] += count
    total = by_component.total()
    rows = [
        f"| {name} | {profile.per_charge_ms * count / total:.3f} | {100 * count / total:.1f}% |"
        for name, count in by_component.most_common()
    ]
    head = ["| component | CPU ms a charge | share |", "|---|---|---|"]
    return "\n".join([*head, *rows, f"| all | {profile.per_charge_ms:.3f} | {total:,} samples |"])


def functions(profile: Profile) -> str:
    """List the functions in which, or in what they call of Python's own modules, most time was spent."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for count, stack in profile.stacks:
        alone[_short(stack[0])] += count
        for frame in {_short(frame) for frame in stack}:
            within[frame] += count
    total = sum(count for count, _ in profile.stacks)
    unit = profile.per_charge_ms / total
    shown = [f"{alone[name] * unit:7.3f} {count * unit:7.3f}  {name}" for name, count in within.most_common(400)]
    shown.sort(key=lambda line: -float(line[:7]))
    return "\n".join(["   self  within  function (CPU ms a charge)", *shown[:FUNCTIONS_SHOWN]])


def _short(frame: str) -> str:
    path, _, name = frame.rpartition(":")
    return f"{'/'.join(path.split('/')[-3:])}:{name}"
