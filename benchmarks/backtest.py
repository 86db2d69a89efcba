"""A backtest of a million stored payments over ten accounts and twenty rules: how long it takes, and how much memory.

The payments are made up and copied into the table as a hub would have written them. Then a worker finds the backtest
that was asked for over the API, as it would find any.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct

from benchmarks.cpu import resident_mb, with_children
from benchmarks.stage import WEBHOOK_SECRET, Stage, Target, get, post
from hub.payments.tables import payments as table
from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.facts import Chargeable, Facts

ACCOUNTS: Final = 10
RULES: Final = 20
WITHIN_S: Final = 60.0
MEMORY_MAX_MB: Final = 500.0
LOOK_EVERY_S: Final = 0.2
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
CURRENCIES: Final = (Currency.EUR, Currency.EUR, Currency.EUR, Currency.USD, Currency.GBP, Currency.SEK)
COUNTRIES: Final = ("DE", "FR", "NL", "ES", "IT", "SE", "GB", "US", "AT", "PL", "BE", "IE")
BRANDS: Final = ("visa", "mastercard", "amex")
STATUSES: Final = ("captured",) * 8 + ("failed", "processing")


class Found(Struct, frozen=True):
    """What one backtest took; memory is the worker's with all of its processes, at its largest."""

    seconds: float
    memory_mb: float
    moved: int


def measure(stage: Stage, count: int) -> list[str]:
    """Backtest *count* payments and name the bars that were not reached."""
    hub = stage.hub()
    accounts = [_account(stage, hub, number) for number in range(ACCOUNTS)]
    ruleset = post(f"{_url(hub)}/v1/routing/rulesets", hub.headers, _ruleset(accounts))["id"]
    began = time.monotonic()
    asyncio.run(_fill(hub.settings["HUB_DATABASE_URL"], accounts, count))
    print(f"{count:,} payments at {ACCOUNTS} accounts written in {time.monotonic() - began:.0f} s", flush=True)
    found = _backtest(hub, ruleset, count)
    print(
        f"a backtest with {RULES} rules took {found.seconds:.1f} s and {found.memory_mb:.0f} MB; "
        f"{found.moved:,} would go elsewhere",
        flush=True,
    )
    wrong = []
    if found.seconds >= WITHIN_S:
        wrong.append(f"a backtest took {found.seconds:.0f} s, not less than {WITHIN_S:.0f}")
    if found.memory_mb >= MEMORY_MAX_MB:
        wrong.append(f"a backtest took {found.memory_mb:.0f} MB, not less than {MEMORY_MAX_MB:.0f}")
    return wrong


def _backtest(hub: Target, ruleset: str, count: int) -> Found:
    worker = hub.pids[-1]
    began, most = time.monotonic(), 0.0
    wanted = {"ruleset": ruleset, "from": BEGIN.isoformat(), "to": (BEGIN + timedelta(days=60)).isoformat()}
    asked = post(f"{_url(hub)}/v1/routing/backtests", hub.headers, wanted)["id"]
    while True:
        time.sleep(LOOK_EVERY_S)
        most = max(most, sum(map(_memory, with_children(worker))))
        told = get(f"{_url(hub)}/v1/routing/backtests/{asked}", hub.headers)
        if told["status"] in {"done", "failed"}:
            break
    if told["status"] != "done" or told["result"]["payments"] != count:
        raise SystemExit(f"the backtest ended as {told['status']}: {told['error']}, {told['progress']}")
    return Found(time.monotonic() - began, most, told["result"]["moved"])


def _memory(pid: int) -> float:
    try:
        return resident_mb(pid)
    except (LookupError, FileNotFoundError):
        return 0.0


def _account(stage: Stage, hub: Target, number: int) -> str:
    credentials = {
        "api_key": f"sk_test_{number}", "base_url": stage.processor_url, "webhook_secret": WEBHOOK_SECRET,
    }  # fmt: skip
    body = {
        "name": f"bench-{number}", "processor": "stripe", "credentials": credentials,
        "countries": [] if number % 2 else list(COUNTRIES),
        "fees": [{"currency": "EUR", "percent_bps": 120 + number, "fixed_minor": 25}, {"percent_bps": 250}],
        "settlement_currency": "EUR", "settlement_days": 2,
    }  # fmt: skip
    return str(post(f"{_url(hub)}/v1/merchant_accounts", hub.headers, body)["id"])


def _ruleset(accounts: Sequence[str]) -> Mapping[str, object]:
    """Write twenty rules that ask for what most rulesets ask for, with every strategy among them."""
    rules = []
    for number in range(RULES):
        chosen = [accounts[(number + step) % ACCOUNTS] for step in range(4)]
        when = [
            {"fact": "currency", "in": ["EUR", "SEK"] if number % 2 else ["USD", "GBP", "EUR"]},
            {"fact": "country", "in": [COUNTRIES[number % len(COUNTRIES)], COUNTRIES[(number * 5) % len(COUNTRIES)]]},
            {"fact": "amount", "gte": 500 * (number % 4)},
            {"not": {"fact": "card.brand", "eq": BRANDS[number % len(BRANDS)]}},
        ]
        rules.append({"name": f"rule-{number}", "when": {"all": when}, "use": _use(number, chosen)})
    return {"name": "tried", "rules": rules, "otherwise": {"strategy": "least_cost", "accounts": list(accounts)}}


def _use(number: int, accounts: Sequence[str]) -> dict[str, object]:
    match number % 5:
        case 0:
            return {"strategy": "split", "accounts": list(accounts), "weights": [50, 30, 15, 5]}
        case 1:
            return {"strategy": "least_cost", "accounts": list(accounts)}
        case 2:
            return {"strategy": "approval_rate", "accounts": list(accounts)}
        case 3:
            return {"strategy": "net_revenue", "accounts": list(accounts), "margin_bps": 2_000}
        case _:
            return {"strategy": "priority", "accounts": list(accounts)}


async def _fill(database_url: str, accounts: Sequence[str], count: int) -> None:
    connection = await asyncpg.connect(database_url)
    columns = [column.name for column in table.columns]
    rows = _rows(accounts, count)
    await connection.copy_records_to_table("payments", records=_in_order(rows, columns), columns=columns)
    await connection.execute("ANALYZE payments")
    await connection.close()


def _in_order(rows: Iterator[dict[str, Any]], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield tuple(row[name] for name in columns)


def _rows(accounts: Sequence[str], count: int) -> Iterator[dict[str, Any]]:
    drawn = random.Random(1)  # noqa: S311 - made-up traffic
    empty = {column.name: None for column in table.columns}
    zero = {column.name: 0 for column in table.columns if column.name.endswith("_minor")}
    fixed = empty | zero | {
        "livemode": False, "version": 2, "capture": "automatic", "holds_reference": False, "processor": "stripe",
        "capture_closed": True, "canceling": False, "metadata": b'{"order":"bench"}', "created_by": "bench",
    }  # fmt: skip
    routings = [_routing(accounts, first) for first in range(len(accounts))]
    for number in range(count):
        first, status = drawn.randrange(len(accounts)), drawn.choice(STATUSES)
        facts, at = _facts(drawn, number), BEGIN + timedelta(seconds=number * 4)
        minor = facts.money.minor
        taken = minor if status == "captured" else 0
        yield fixed | {
            "id": f"pay_{number:022d}", "status": status, "amount_minor": minor, "currency": facts.money.currency.value,
            "reference": facts.reference, "merchant_account": accounts[first], "attempt_id": f"att_{number:022d}",
            "country": facts.country, "authorized_minor": taken, "captured_minor": taken,
            "routing": routings[first], "facts": msgspec.json.encode(facts), "created_at": at, "updated_at": at,
        }  # fmt: skip


def _facts(drawn: random.Random, number: int) -> Facts:
    country = drawn.choice(COUNTRIES)
    card = CardFacts(
        brand=drawn.choice(BRANDS), last4="4242", exp_month=12, exp_year=2030, funding="credit", country=country
    )
    return Facts(
        livemode=False,
        money=Money(drawn.randint(100, 20_000), drawn.choice(CURRENCIES)),
        reference=f"invoice-{number}",
        chargeable=Chargeable(("stripe",)),
        hour_utc=number % 24,
        country=country,
        risk_score=drawn.randint(0, 90),
        card=card,
        customer=f"cus_{number % 50_000}",
        metadata={"order": str(number)},
    )


def _routing(accounts: Sequence[str], first: int) -> bytes:
    """Write what was decided as the hub writes it: the account that was tried, then those left out."""
    tried = {"merchant_account": accounts[first], "eligible": True, "reason": None}
    others = [
        {"merchant_account": one, "eligible": False, "reason": "not_in_rule"}
        for one in accounts
        if one != accounts[first]
    ]
    return msgspec.json.encode({
        "ruleset": "rs_bench", "version": 1, "rule": "europe", "strategy": "priority", "unknown_facts": [],
        "snapshot": 1, "rollout_percent": None, "scores": [], "considered": [tried, *others],
    })  # fmt: skip


def _url(hub: Target) -> str:
    return f"http://127.0.0.1:{hub.port}"
