"""What `hub routes backtest` does: a backtest made and worked at here, with a progress bar; its result as tables."""

from datetime import UTC, datetime
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hub.app import Parts, assembled, utc_now
from hub.backtests import store
from hub.backtests.results import FlowBody, GroupBody, ResultBody
from hub.backtests.routes import BacktestBody, backtest_body, new_row
from hub.backtests.service import LEASE_S, LostError, today, work_at
from hub.serving import CannotServeError, checked_settings, run_async, stop_on_signals
from normalization.money import in_whole_units

GROUPS_SHOWN: Final = 20
"""Groups in the table, those that would move most first; --json has all."""


def run(ruleset: str, begin: datetime, end: datetime | None, merchant_account: str | None, *, as_json: bool) -> None:
    """Replay the payments between two instants through *ruleset* and print what would change.

    Raises:
        CannotServeError: where there is no such ruleset or nothing to replay, and when it was stopped.
    """
    settings = checked_settings()
    between = (begin.replace(tzinfo=UTC), utc_now() if end is None else end.replace(tzinfo=UTC))
    if between[0] >= between[1]:
        raise CannotServeError("--from must be before --to")

    async def work() -> tuple[BacktestBody, dict[str, str]]:
        async with assembled(settings) as parts:
            body = await _replay(parts, ruleset, between, merchant_account)
            names = {id: connected.account.name for id, connected in parts.directory.accounts().items()}
            return body, names

    body, names = run_async(work())
    if as_json:
        click.echo(msgspec.json.encode(body))
    elif body.result is not None:
        _tell(body.result, names)


async def _replay(
    parts: Parts, ruleset: str, between: tuple[datetime, datetime], merchant_account: str | None
) -> BacktestBody:
    database = parts.database
    found = await store.ruleset(database, ruleset)
    if found is None:
        raise CannotServeError(f"there is no ruleset {ruleset}; GET /v1/routing/rulesets lists them")
    livemode = bool(found["livemode"])
    row = new_row(
        livemode=livemode,
        ruleset=ruleset,
        between=between,
        merchant_account=merchant_account,
        by="hub routes backtest",
        at=utc_now(),
        held_s=LEASE_S,
    )
    await store.add(database, row)
    wanted = await store.opened(database, row)
    stop, errors = stop_on_signals(), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("payments", total=None)
        snapshot = today(parts.shell, livemode=livemode)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            ended = await work_at(database, wanted, snapshot, utc_now, stop=stop, told=told)
        except LostError as lost:
            raise CannotServeError(f"a worker took {wanted.id} up: this process stood still too long") from lost
    if not ended:
        raise CannotServeError(f"stopped; a worker goes on with it, and GET /v1/routing/backtests/{wanted.id} shows it")
    kept = await store.find(database, livemode=livemode, backtest_id=wanted.id, allowed=None)
    return backtest_body(kept or row)


def _tell(result: ResultBody, names: dict[str, str]) -> None:
    console = Console()
    console.print(_summary(result))
    if result.moved:
        console.print(_moves(result, names))
    console.print(_accounts(result, names))
    if len(result.groups) > GROUPS_SHOWN:
        console.print(f"{len(result.groups) - GROUPS_SHOWN} more groups: --json shows all of them.")


def _summary(result: ResultBody) -> Table:
    table = Table("payments", "", title="What would change", title_justify="left")
    table.add_row(f"{result.payments:,}", "replayed")
    table.add_row(f"{result.moved:,}", "would go elsewhere")
    table.add_row(f"{result.refused:,}", "a rule would refuse")
    table.add_row(f"{result.nowhere:,}", "no merchant account would take")
    table.add_row(f"{result.approved:,}", f"were approved, {result.declined:,} were not, {result.open:,} are open")
    told = result.approvals
    table.add_row(f"{told.expected:,.0f}", f"approvals expected; {told.low:,.0f} to {told.high:,.0f} at 95%")
    if result.no_evidence:
        table.add_row(f"{result.no_evidence:,}", "of which nothing can be expected: no evidence")
    if result.undecided:
        table.add_row(f"{result.undecided:,}", "undecided: a rule asks for counts that were not kept with them")
    for one in result.unknown_facts:
        table.add_row(f"{one.payments:,}", f"do not tell {one.fact}, and rules were passed over for it")
    for left_out in result.left_out:
        names = len(left_out.merchant_accounts)
        table.add_row("", f"{left_out.what} of {names} merchant accounts are left out: {left_out.why}")
    if result.unreadable:
        table.add_row(f"{result.unreadable:,}", "stored by another version, and not replayed")
    return table


def _moves(result: ResultBody, names: dict[str, str]) -> Table:
    table = Table(title="What would move", title_justify="left")
    for name in ("currency", "country", "from", "to"):
        table.add_column(name)
    for name in ("payments", "amount", "approved", "expected", "95%", "paid", "would cost"):
        table.add_column(name, justify="right")
    for group in result.groups[:GROUPS_SHOWN]:
        for flow in group.flows:
            if flow.from_ != flow.to:
                table.add_row(*_cells(group, flow, names))
    return table


def _cells(group: GroupBody, flow: FlowBody, names: dict[str, str]) -> tuple[str, ...]:
    told = flow.approvals
    sure = "no evidence" if flow.evidence == "no_evidence" else ""
    if told is not None and flow.evidence == "measured":
        sure = f"{told.low:,.0f} to {told.high:,.0f} ({flow.outcomes:,} seen)"
    return (
        group.currency,
        group.country or "not told",
        _name(flow.from_, names),
        flow.why if flow.to is None and flow.why else _name(flow.to, names),
        f"{flow.payments:,}",
        in_whole_units(flow.amount_minor, group.currency),
        f"{flow.approved:,}",
        "" if told is None else f"{told.expected:,.0f}",
        sure,
        in_whole_units(flow.paid_minor, group.currency) if flow.costed else "",
        in_whole_units(flow.cost_minor, group.currency) if flow.costed else "",
    )


def _accounts(result: ResultBody, names: dict[str, str]) -> Table:
    table = Table("account", "currency", title="Merchant accounts", title_justify="left")
    for name in ("payments before", "after", "amount before", "after"):
        table.add_column(name, justify="right")
    for one in result.accounts:
        table.add_row(
            _name(one.merchant_account, names),
            one.currency,
            f"{one.payments_before:,}",
            f"{one.payments_after:,}",
            in_whole_units(one.amount_before_minor, one.currency),
            in_whole_units(one.amount_after_minor, one.currency),
        )
    return table


def _name(account: str | None, names: dict[str, str]) -> str:
    return "none" if account is None else names.get(account, account)
