"""Webhooks: how fast they are taken, beside a floor, and how fast a worker reads what was taken.

Every delivery that is read is of a payment of its own that the processor had only accepted: the worker asks the
processor how it stands, and what it is told changes the payment, the books and the events.
"""

import asyncio
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

import asyncpg
import msgspec
from msgspec import Struct

from benchmarks import other_handler
from benchmarks.cpu import cpu_ms, with_children
from benchmarks.load import Measured, Slice
from benchmarks.processor import LATER, charge
from benchmarks.stage import CHARGE, WEBHOOK_SECRET, Stage, Target

AT_ONCE: Final = 32
SLICE_S: Final = 1.0
TURNS: Final = 5
DELIVERIES: Final = 5_000
OTHERS_DELIVERIES: Final = 1_000
RATIO_MIN: Final = 0.5
P99_MAX_MS: Final = 50.0
READ_MIN: Final = 500.0
READ_WITHIN_S: Final = 120.0
STARTED_BY: Final = 0.1
"""The share of the deliveries that is read before the rate counts: the worker starts meanwhile."""
_TAKEN: Final = frozenset({200, 202})
HEAD: Final = (
    "| webhooks, 32 at once | a second | p50 ms | p99 ms | Python CPU ms | PostgreSQL CPU ms | of the floor |\n"
    "|---|---|---|---|---|---|---|"
)


class Taking(Struct, frozen=True, kw_only=True):
    """What one round measured of one target."""

    per_second: float
    p50_ms: float
    p99_ms: float
    python_ms: float
    postgres_ms: float


class Reading(Struct, frozen=True, kw_only=True):
    """What a worker did with what had been taken."""

    per_second: float
    python_ms: float
    fetches: float
    told: Sequence[tuple[str, str]]


def event() -> str:
    """Write an event with the words that the load replaces."""
    metadata = {"hub_operation": "TAG", "hub_payment": "pay_bench", "reference": "invoice-bench"}
    intent = {
        "id": "INTENT", "object": "payment_intent", "amount": 4999, "amount_capturable": 0, "amount_received": 4999,
        "capture_method": "automatic", "confirmation_method": "automatic", "created": 1_800_000_000, "currency": "eur",
        "latest_charge": "ch_3Bench", "livemode": False, "metadata": metadata, "next_action": None,
        "payment_method": LATER, "payment_method_types": ["card"], "status": "succeeded",
    }  # fmt: skip
    shown = {"charges": {"object": "list", "data": [charge(intent)], "has_more": False}}
    told = {
        "id": "EVENT", "object": "event", "api_version": "2026-10-28.endive", "created": 1_800_000_002,
        "data": {"object": intent | shown}, "livemode": False, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None}, "type": "payment_intent.succeeded",
    }  # fmt: skip
    return msgspec.json.encode(told).decode()


def deliver(
    target: Target, path: str, seconds: float, requests: int | None = None, told: Sequence[tuple[str, str]] = ()
) -> Slice:
    """Ask for webhooks, about *told* where that is given."""
    return Slice(
        port=target.port,
        path=path,
        headers={},
        body=event(),
        at_once=AT_ONCE,
        seconds=seconds,
        requests=requests,
        secret=WEBHOOK_SECRET,
        told=told,
    )


def measure(stage: Stage, rounds: int) -> list[str]:
    """Measure both halves and print them; name the bars that were not reached."""
    floor, hub = stage.webhook_floor(), stage.hub(with_worker=False)
    paths = {"floor": floor.path, "hub": f"/webhooks/{hub.account}"}
    found = _taking(stage, [floor, hub], paths, rounds)
    print(f"\n{HEAD}\n{table(found)}", flush=True)
    read = reading(stage)
    print(
        f"\none worker reads {read.per_second:.0f} deliveries a second, one for each payment, with "
        f"{read.python_ms:.2f} ms of CPU and {read.fetches:.3f} fetches for each",
        flush=True,
    )
    theirs = other_handler.measure(stage, deliver(hub, hub.path, 600.0, OTHERS_DELIVERIES, read.told))
    ours = 1 / (1 / _mid(found["hub"], "per_second") + 1 / read.per_second)
    print(
        f"dj-stripe {other_handler.VERSION} takes and reads {theirs:.0f} of the same events a second "
        f"({other_handler.WORDS}); the hub, taking and then reading, {ours:.0f}: {ours / theirs:.1f} times as many",
        flush=True,
    )
    return failures(found, read)


def _taking(stage: Stage, targets: Sequence[Target], paths: dict[str, str], rounds: int) -> dict[str, list[Taking]]:
    for target in targets:
        expect_taken(target, stage.load.drive(deliver(target, paths[target.name], 30.0, 400)))
    found: dict[str, list[Taking]] = {target.name: [] for target in targets}
    for _ in range(rounds):
        turns: dict[str, list[tuple[Measured, float, float]]] = {target.name: [] for target in targets}
        for turn in range(TURNS):
            for target in targets if turn % 2 == 0 else targets[::-1]:
                turns[target.name].append(_turn(stage, target, paths[target.name]))
        for name, taken in turns.items():
            found[name].append(_summed(taken))
    return found


def _turn(stage: Stage, target: Target, path: str) -> tuple[Measured, float, float]:
    python, postgres = cpu_ms(target.pids), cpu_ms(with_children(stage.postgres.pid))
    told = stage.load.drive(deliver(target, path, SLICE_S))
    expect_taken(target, told)
    return told, cpu_ms(target.pids) - python, cpu_ms(with_children(stage.postgres.pid)) - postgres


def expect_taken(target: Target, told: Measured) -> None:
    """Make sure that every webhook was acknowledged.

    Raises:
        SystemExit: when one was not.
    """
    if not _TAKEN.issuperset(told.statuses):
        raise SystemExit(f"{target.name} answered {dict(told.statuses)}, such as: {told.sample}")


def _summed(turns: Sequence[tuple[Measured, float, float]]) -> Taking:
    latencies = sorted(ms for told, _, _ in turns for ms in told.latencies_ms)
    answers = sum(told.answers for told, _, _ in turns)
    return Taking(
        per_second=len(latencies) / sum(told.counted_s for told, _, _ in turns),
        p50_ms=latencies[len(latencies) // 2],
        p99_ms=latencies[len(latencies) * 99 // 100],
        python_ms=sum(python for _, python, _ in turns) / answers,
        postgres_ms=sum(postgres for _, _, postgres in turns) / answers,
    )


def reading(stage: Stage) -> Reading:
    """Charge, have it told by webhook, then let one worker read it all; every payment must end captured."""
    hub = stage.hub(with_worker=False)
    body = CHARGE % stage.method(hub, LATER)
    charged = msgspec.structs.replace(hub, body=body).slice(AT_ONCE, 600.0, DELIVERIES)
    answers = stage.load.drive(charged)
    if set(answers.statuses) != {202}:
        raise SystemExit(f"charges were answered {dict(answers.statuses)}, such as: {answers.sample}")
    told = asyncio.run(_sent(hub.settings["HUB_DATABASE_URL"]))
    expect_taken(hub, stage.load.drive(deliver(hub, f"/webhooks/{hub.account}", 600.0, len(told), told)))
    before = stage.counts().reads
    worker = stage.worker({**hub.settings, "HUB_WEBHOOK_READS_PER_SECOND": "1000000"})
    per_second = asyncio.run(_read_all(hub.settings["HUB_DATABASE_URL"]))
    return Reading(
        per_second=per_second,
        python_ms=cpu_ms([worker]) / len(told),
        fetches=(stage.counts().reads - before) / len(told),
        told=told,
    )


async def _sent(database_url: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(database_url)
    found = await connection.fetch("SELECT processor_reference, id FROM operations ORDER BY id")
    await connection.close()
    return [(row["processor_reference"], row["id"]) for row in found]


async def _read_all(database_url: str) -> float:
    """Wait until everything is read; give the rate from the first tenth on.

    Raises:
        SystemExit: when that takes too long, or a payment is not captured then.
    """
    connection = await asyncpg.connect(database_url)
    began: tuple[float, int] | None = None
    until = time.monotonic() + READ_WITHIN_S
    while True:
        done, left = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE due_at IS NULL), count(*) FILTER (WHERE due_at IS NOT NULL)"
            " FROM webhook_deliveries"
        )
        now = time.monotonic()
        if began is None and done >= STARTED_BY * DELIVERIES:
            began = now, done
        if not left:
            break
        if now > until:
            raise SystemExit(f"{left} of {done + left} deliveries were not read within {READ_WITHIN_S:.0f} s")
        await asyncio.sleep(0.1)
    statuses = await connection.fetch("SELECT status, count(*) AS n FROM payments GROUP BY status")
    await connection.close()
    if [row["status"] for row in statuses] != ["captured"] or began is None:
        raise SystemExit(f"payments ended as {[tuple(row) for row in statuses]}")
    return float((done - began[1]) / (now - began[0]))


def table(found: dict[str, list[Taking]]) -> str:
    """Write the median of the rounds of each, and each one's ratio to the floor."""
    lines = []
    for name, rounds in found.items():
        ratios = [one.per_second / floor.per_second for one, floor in zip(rounds, found["floor"], strict=True)]
        cells = [f"{_mid(rounds, 'per_second'):.0f}"]
        cells += [f"{_mid(rounds, what):.2f}" for what in ("p50_ms", "p99_ms", "python_ms", "postgres_ms")]
        ratio = "" if name == "floor" else f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append("| " + " | ".join((name, *cells, ratio)) + " |")
    return "\n".join(lines)


def failures(found: dict[str, list[Taking]], read: Reading) -> list[str]:
    """Name every bar that was not reached."""
    wrong = []
    pairs = zip(found["hub"], found["floor"], strict=True)
    ratio = median(hub.per_second / floor.per_second for hub, floor in pairs)
    if ratio < RATIO_MIN:
        wrong.append(f"the hub takes {ratio:.2f} of the floor's webhooks, less than {RATIO_MIN}")
    p99 = _mid(found["hub"], "p99_ms")
    if p99 >= P99_MAX_MS:
        wrong.append(f"the hub's p99 of taking a webhook is {p99:.0f} ms, not less than {P99_MAX_MS:.0f}")
    if read.per_second < READ_MIN:
        wrong.append(f"a worker reads {read.per_second:.0f} deliveries a second, less than {READ_MIN:.0f}")
    return wrong


def _mid(rounds: Sequence[Taking], name: str) -> float:
    return float(median(getattr(one, name) for one in rounds))
