"""The subcommands that finance works with; each loads what it needs when it runs, as all of `hub.cli` do."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click

REPORT_WAYS = ("merchant_account", "currency", "processor", "day", "ruleset")
"""`hub.reporting.grouping.WAYS`, as `hub.cli.ROLES`."""
SEVERITIES = ("critical", "high", "medium", "low")
"""`hub.exceptions.types.Severity`, as `hub.cli.ROLES`."""
OWED = ("open", "missing")
"""`hub.settlement.owed_routes.OwedStatus`, as `hub.cli.ROLES`."""
EXCEPTIONS_MAX = 10_000
INSTANTS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ")
DAYS = ("%Y-%m-%d",)
MONTHS = ("%Y-%m",)


@click.group()
def ledger() -> None:
    """Look after the books."""


@ledger.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_ledger(*, as_json: bool) -> None:
    """Say what is wrong with the books, a sentence each; 1 where anything is."""
    from hub.ledger.command import run

    sys.exit(run(as_json=as_json))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--merchant-account", metavar="NAME_OR_ID", required=True, help="Whose report it is.")
@click.option("--json", "as_json", is_flag=True, help="Print the batch as JSON.")
def settle(*, file: str, merchant_account: str, as_json: bool) -> None:
    """Import the settlement report in FILE, as the processor gives it or packed with gzip; - reads standard input.

    The same file again changes nothing. 1 where it was not imported.
    """
    from hub.settlement.command import run

    sys.exit(run(file, merchant_account, as_json=as_json))


@click.command()
@click.option("--from", "first", type=click.DateTime(DAYS), help="The first day; without it, the month's first.")
@click.option("--to", "last", type=click.DateTime(DAYS), help="The last day, which counts too; without it, today.")
@click.option("--group-by", type=click.Choice(REPORT_WAYS), multiple=True, help="May be given several times.")
@click.option("--merchant-account", metavar="NAME_OR_ID")
@click.option("--mode", type=click.Choice(("test", "live")), help="The one that has merchant accounts, if left out.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
def reconcile(
    *,
    first: datetime | None,
    last: datetime | None,
    group_by: tuple[str, ...],
    merchant_account: str | None,
    mode: str | None,
    form: str | None,
) -> None:
    """Say what was captured, settled, paid out and is still owed; days are UTC's.

    1 where the figures do not agree with each other or with the ledger.
    """
    from hub.reporting.command import Asked, reconcile_here, ways_of

    until = (last or datetime.now(UTC)).date()
    since = first.date() if first is not None else until.replace(day=1)
    if since > until:
        raise click.BadParameter("is after --to", param_hint="--from")
    ways = ways_of(group_by)
    sys.exit(
        reconcile_here(
            Asked(first=since, last=until, ways=ways, account=merchant_account, mode=mode, form=form or "table")
        )
    )


@click.command()
@click.option("--status", type=click.Choice(OWED), default="open", show_default=True, help="`missing` is what is late.")
@click.option("--merchant-account", metavar="NAME_OR_ID")
@click.option("--currency", metavar="CODE")
@click.option("--due-before", type=click.DateTime(DAYS), help="Leaves what was due before that day.")
@click.option("--mode", type=click.Choice(("test", "live")), help="The one that has merchant accounts, if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def outstanding(
    *,
    status: str,
    merchant_account: str | None,
    currency: str | None,
    due_before: datetime | None,
    mode: str | None,
    as_json: bool,
) -> None:
    """Say what processors still owe, by the day on which it is due, oldest first."""
    from hub.settlement.outstanding import Asked, owed_here

    asked = Asked(
        missing=status == "missing",
        account=merchant_account,
        currency=None if currency is None else currency.upper(),
        due_before=None if due_before is None else due_before.date(),
        mode=mode,
        as_json=as_json,
    )
    sys.exit(owed_here(asked))


@click.command()
@click.option("--type", metavar="TYPE", help="As docs/exceptions.md lists them.")
@click.option("--severity", type=click.Choice(SEVERITIES))
@click.option("--status", type=click.Choice(("open", "resolved", "all")), default="open", show_default=True)
@click.option("--owner", metavar="NAME")
@click.option("--merchant-account", metavar="NAME_OR_ID")
@click.option("--payment", metavar="ID")
@click.option("--settlement", metavar="ID")
@click.option("--overdue", is_flag=True, help="Only what is past its time.")
@click.option("--created-after", type=click.DateTime(INSTANTS), help="In UTC.")
@click.option("--created-before", type=click.DateTime(INSTANTS), help="In UTC.")
@click.option("--mode", type=click.Choice(("test", "live")), help="The one that has merchant accounts, if left out.")
@click.option("--limit", type=click.IntRange(1, EXCEPTIONS_MAX), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def exceptions(
    *,
    status: str,
    merchant_account: str | None,
    overdue: bool,
    created_after: datetime | None,
    created_before: datetime | None,
    mode: str | None,
    limit: int,
    as_json: bool,
    **filters: str | None,
) -> None:
    """List what waits for a human, what is due first first."""
    from hub.exceptions.command import Asked, list_here

    narrowed = filters | {
        "status": None if status == "all" else status,
        "created_after": None if created_after is None else created_after.replace(tzinfo=UTC),
        "created_before": None if created_before is None else created_before.replace(tzinfo=UTC),
    }
    sys.exit(
        list_here(
            Asked(filters=narrowed, account=merchant_account, overdue=overdue, mode=mode, limit=limit, as_json=as_json)
        )
    )


@click.command()
@click.argument("merchant_account", metavar="NAME_OR_ID")
@click.argument("month", type=click.DateTime(MONTHS), metavar="YYYY-MM")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), help="Write it into this file as PDF.")
@click.option("--json", "form", flag_value="json", help="Print JSON instead of CSV.")
def statement(*, merchant_account: str, month: datetime, pdf: Path | None, form: str | None) -> None:
    """Print the month-end statement of a merchant account."""
    from hub.reporting.command import state

    sys.exit(state(merchant_account, month, form=form or "csv", file=pdf))


COMMANDS = (ledger, settle, reconcile, outstanding, exceptions, statement)
