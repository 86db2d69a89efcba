"""What `hub routes simulate` does: a payment's plan as a table, or as JSON."""

from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from hub.access.rules import Caller
from hub.app import assembled, utc_now
from hub.errors import ProblemError
from hub.payments.answers import ConsideredBody
from hub.rulesets.simulating import SimulationBody, SimulationRequest, simulate
from hub.serving import CannotServeError, checked_settings, run_async
from routing.choosing import Score

FIGURES: Final = (
    "approval", "outcomes", "cost_minor", "margin_minor", "chargeback_minor", "delay_minor", "net_minor",
)  # fmt: skip


def run(file: Path | None, options: dict[str, Any], *, livemode: bool, as_json: bool) -> None:
    """Plan the payment that *file* and *options* describe, an option before the file, and print the plan.

    Raises:
        CannotServeError: for what cannot be read as a payment, or names what is not there.
    """
    asked = _asked(file, options)
    settings = checked_settings()
    caller = Caller(key_id="", principal="hub routes simulate", role=None, scopes=frozenset(), livemode=livemode)

    async def plan() -> tuple[SimulationBody, dict[str, str]]:
        async with assembled(settings) as parts:
            names = {id: connected.account.name for id, connected in parts.directory.accounts().items()}
            return await simulate(parts.shell, caller, asked, utc_now()), names

    try:
        told, names = run_async(plan())
    except ProblemError as wrong:
        raise CannotServeError("; ".join(f"{error.field}: {error.message}" for error in wrong.errors or ())) from wrong
    if as_json:
        click.echo(msgspec.json.encode(told))
    else:
        _tell(told, names)


def _asked(file: Path | None, options: dict[str, Any]) -> SimulationRequest:
    try:
        written = msgspec.json.decode(file.read_bytes(), type=dict[str, Any]) if file else {}
        given = {name: value for name, value in options.items() if value is not None}
        return msgspec.convert(written | given, SimulationRequest)
    except msgspec.DecodeError as wrong:
        raise CannotServeError(f"this is no payment to simulate: {wrong}") from wrong


def _tell(told: SimulationBody, names: dict[str, str]) -> None:
    console, routing = Console(), told.routing
    decided = f"rule {routing.rule}" if routing.rule else "no rule"
    where = f" of ruleset {routing.ruleset}, version {routing.version}" if routing.ruleset else ""
    console.print(f"{told.outcome}: {decided}{where}", highlight=False)
    if routing.strategy:
        console.print(f"strategy {routing.strategy}, authentication {told.authentication}", highlight=False)
    if told.refusal is not None:
        console.print(f"the payment is refused with {told.refusal}", highlight=False)
    if routing.unknown_facts:
        console.print(f"rules were passed over for want of {', '.join(routing.unknown_facts)}", highlight=False)
    console.print(_table(told, names))


def _table(told: SimulationBody, names: dict[str, str]) -> Table:
    scores = {score.merchant_account: score for score in told.routing.scores}
    shown = [name for name in FIGURES if any(getattr(score, name) is not None for score in scores.values())]
    table = Table("", "account", "reason")
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right")
    for place, one in enumerate(told.routing.considered, start=1):
        table.add_row(*_row(place, one, names, scores.get(one.merchant_account), shown))
    return table


def _row(
    place: int, one: ConsideredBody, names: dict[str, str], score: Score | None, shown: list[str]
) -> tuple[str, ...]:
    told = "" if score is None else score.unpriced or ("explored" if score.explored else "")
    why = one.reason or told
    figures = ["" if score is None or getattr(score, name) is None else f"{getattr(score, name):,}" for name in shown]
    return (str(place) if one.eligible else "", names.get(one.merchant_account, one.merchant_account), why, *figures)
