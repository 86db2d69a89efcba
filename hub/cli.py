"""The `hub` command. What a subcommand needs is loaded when it runs, so that help comes at once."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click

from hub.cli_finance import COMMANDS, INSTANTS

PORT_MAX = 65_535
DAYS_MAX = 366
ROLES = ("service", "support", "finance", "operator", "auditor", "admin")
"""`hub.access.rules.Role`, written out so that help needs no import; a test holds them together."""
DELIVERY_STATUSES = ("waiting", "done", "ignored", "unmatched", "parked")
"""`hub.webhooks.delivery_routes.WebhookDeliveryStatus`, as ROLES."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Charge through one API, with many payment processors behind it.

    Settings are environment variables; docs/settings.md lists them.
    """


@main.command()
@click.option("--port", type=click.IntRange(0, PORT_MAX), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--database", metavar="URL", help="Instead of a SQLite file in the folder.")
@click.option("--redis", metavar="URL", help="Redis or Valkey; nothing is lost without it.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".hub-dev"),
    show_default=True,
    help="Where database, processors' books and the API key are kept from one start to the next.",
)
@click.option("--fresh", is_flag=True, help="Forget what is in the folder first.")
@click.option(
    "--advance-days",
    type=click.IntRange(0, DAYS_MAX),
    default=0,
    help="Let so many days pass at the hub and at both processors; what is due or late by then is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready.")
@click.option("--with-stdin", is_flag=True, help="End when standard input ends: with whoever holds its other end.")
def dev(
    *,
    port: int,
    database: str | None,
    redis: str | None,
    folder: Path,
    fresh: bool,
    advance_days: int,
    as_json: bool,
    with_stdin: bool,
) -> None:
    """Run the hub, its worker and both pretend processors, seeded and ready to charge."""
    from hub.dev import Options, run

    options = Options(
        folder=folder.resolve(),
        port=port,
        database=database,
        redis=redis,
        fresh=fresh,
        advance_days=advance_days,
        as_json=as_json,
        with_stdin=with_stdin,
    )
    run(options)


@main.command()
@click.option("--keep", is_flag=True, help="Keep the folder with the database and the books, and say where it is.")
def demo(*, keep: bool) -> None:
    """Charge, fail, refund, settle and reconcile at two pretend processors; show and check every step."""
    from hub.demo import run

    sys.exit(run(keep=keep))


@main.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
def serve(*, workers: int) -> None:
    """Serve the API."""
    from hub.serving import serve_api

    serve_api(workers)


@main.command()
def worker() -> None:
    """Resolve unknown outcomes, read webhooks, carry out what is due."""
    from hub.serving import serve_jobs

    serve_jobs()


@main.command()
def migrate() -> None:
    """Bring the database to this version's tables; once, before the other processes start."""
    from hub.serving import migrate_database

    click.echo(migrate_database())


@main.group()
def keys() -> None:
    """Make API keys, and rotate the keys that seal."""


@keys.command("create")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--principal", required=True, help="The person or service it belongs to.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--mode", type=click.Choice(("test", "live")), required=True)
@click.option("--expires", type=click.DateTime(INSTANTS), help="UTC.")
def create_key(*, name: str, principal: str, role: str, mode: str, expires: datetime | None) -> None:
    """Make an API key and print its secret, this once."""
    from hub.serving import make_api_key

    expires_at = None if expires is None else expires.replace(tzinfo=UTC)
    made = make_api_key(name=name, principal=principal, role=role, livemode=mode == "live", expires_at=expires_at)
    click.echo(made.secret)
    click.echo(f"{made.id}: {role} in {mode} mode; the line above is shown this once.", err=True)


@keys.command("rotate")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate_keys(*, as_json: bool) -> None:
    """Wrap everything that is sealed with the first key of HUB_KEYS, so that the others can go; 1 where any is left.

    Started again after it was stopped or killed it goes on where it was. docs/security.md has every step.
    """
    from hub.key_rotation.command import run

    sys.exit(run(as_json=as_json))


@main.group()
def audit() -> None:
    """Look after the record of who did what."""


@audit.command("verify")
@click.option("--head", metavar="HASH", help="The head that an earlier run told: it must still stand in the chain.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_audit(*, head: str | None, as_json: bool) -> None:
    """Say whether a row of the audit log was changed, put in or taken out, and where first; 1 where one was."""
    from hub.audit.command import run

    sys.exit(run(head=head, as_json=as_json))


@main.group()
def tokens() -> None:
    """Bring in what processors call cards."""


@tokens.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(("test", "live")), required=True)
@click.option("--format", "form", type=click.Choice(("csv", "jsonl")), help="Where the file's name does not tell.")
@click.option("--afresh", is_flag=True, help="Look at every line again; what is kept already stays as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def import_tokens(*, file: Path, mode: str, form: str | None, afresh: bool, as_json: bool) -> None:
    """Keep the tokens of FILE as payment methods, straight in the database.

    Started again after it was stopped or killed it goes on where it was. docs/tokens.md lists the columns.
    """
    from hub.token_imports.command import run

    sys.exit(run(file, livemode=mode == "live", given=form, afresh=afresh, as_json=as_json))


@main.group()
def declines() -> None:
    """Look up what refusals mean."""


@declines.command("explain")
@click.argument("processor")
@click.argument("code")
@click.option("--network", "network_code", metavar="CODE", help='What the card network answered, such as "05".')
@click.option("--advice", metavar="CODE", help='What Mastercard advised, such as "03".')
@click.option("--brand", metavar="NAME", help='The card\'s network, such as "mastercard"; it decides what codes mean.')
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain_decline(
    *, processor: str, code: str, network_code: str | None, advice: str | None, brand: str | None, as_json: bool
) -> None:
    """Say what a PROCESSOR's CODE comes to and how, such as `stripe card_declined/do_not_honor`."""
    from hub.declines import run

    run(processor, code, network_code=network_code, advice=advice, brand=brand, as_json=as_json)


@main.group()
def webhooks() -> None:
    """Look at what processors told by webhook, and have it read anew."""


@webhooks.command("list")
@click.option("--mode", type=click.Choice(("test", "live")), help="Both, where it is left out.")
@click.option("--status", type=click.Choice(DELIVERY_STATUSES))
@click.option("--merchant-account", metavar="ID")
@click.option("--payment", metavar="ID")
@click.option("--received-after", type=click.DateTime(INSTANTS), help="UTC.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_webhooks(
    *,
    mode: str | None,
    status: str | None,
    merchant_account: str | None,
    payment: str | None,
    received_after: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries, newest first."""
    from hub.webhooks.command import Wanted, show_list

    wanted = Wanted(
        mode=mode, status=status, merchant_account=merchant_account, payment=payment, received_after=received_after
    )
    show_list(wanted, limit=limit, as_json=as_json)


@webhooks.command("show")
@click.argument("delivery")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_webhook(*, delivery: str, as_json: bool) -> None:
    """Show one DELIVERY with what the processor wrote, secrets hidden."""
    from hub.webhooks.command import show_one

    show_one(delivery, as_json=as_json)


@webhooks.command("replay")
@click.argument("deliveries", nargs=-1)
@click.option("--status", type=click.Choice(DELIVERY_STATUSES[1:]), help="All of one status, instead of some by id.")
@click.option("--mode", type=click.Choice(("test", "live")), help="With --status; both, where it is left out.")
@click.option("--merchant-account", metavar="ID", help="With --status.")
@click.option("--received-after", type=click.DateTime(INSTANTS), help="With --status; UTC.")
def replay_webhooks(
    *,
    deliveries: tuple[str, ...],
    status: str | None,
    mode: str | None,
    merchant_account: str | None,
    received_after: datetime | None,
) -> None:
    """Have DELIVERIES read anew by the worker, whatever became of them; nothing is recorded twice."""
    if bool(deliveries) == bool(status):
        raise click.UsageError("name deliveries, or give --status for all of one")
    if deliveries and (mode or merchant_account or received_after):
        raise click.UsageError("--mode, --merchant-account and --received-after go with --status only")
    from hub.webhooks.command import Wanted, replay

    wanted = Wanted(mode=mode, status=status, merchant_account=merchant_account, received_after=received_after)
    replay(deliveries, wanted)


@webhooks.command("catch-up")
@click.option("--merchant-account", metavar="ID", help="All that can, where it is left out.")
@click.option("--since", type=click.DateTime(INSTANTS), help="UTC; three days ago where it is left out.")
@click.option("--all", "delivered_too", is_flag=True, help="What was delivered too: after a backup was restored.")
def catch_up_webhooks(*, merchant_account: str | None, since: datetime | None, delivered_too: bool) -> None:
    """Fetch what processors could not deliver, from their own lists; what is kept already stays as it is."""
    from hub.webhooks.command import catch_up

    sys.exit(catch_up(merchant_account, since, delivered_too=delivered_too))


@main.group()
def routes() -> None:
    """Try routing rules before they decide, and keep them in files under review."""


@routes.command("simulate")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(("test", "live")), required=True)
@click.option("--ruleset", metavar="ID", help="Another than the one that decides.")
@click.option("--amount", type=int, help="In the currency's minor unit.")
@click.option("--currency", metavar="CODE")
@click.option("--country", metavar="CODE", help="The payer's.")
@click.option("--payment-method", metavar="ID")
@click.option("--reference", metavar="TEXT", help="What a split draws by.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate_route(  # noqa: PLR0913 - one argument for each option
    *,
    file: Path | None,
    mode: str,
    ruleset: str | None,
    amount: int | None,
    currency: str | None,
    country: str | None,
    payment_method: str | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Say where a payment would go now, and why; nothing is charged.

    FILE is JSON with the fields of POST /v1/routing/simulate; an option goes before it.
    """
    from hub.rulesets.simulating_command import run

    options = {
        "ruleset": ruleset,
        "amount": amount,
        "currency": currency,
        "country": country,
        "payment_method": payment_method,
        "reference": reference,
    }
    run(file, options, livemode=mode == "live", as_json=as_json)


@routes.command("backtest")
@click.argument("ruleset")
@click.option("--from", "begin", type=click.DateTime(INSTANTS), required=True, help="UTC.")
@click.option("--to", "end", type=click.DateTime(INSTANTS), help="UTC; now, where it is left out.")
@click.option("--merchant-account", metavar="ID", help="Only payments that went there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest_routes(
    *, ruleset: str, begin: datetime, end: datetime | None, merchant_account: str | None, as_json: bool
) -> None:
    """Replay stored payments through RULESET, an id, and say what would change; nothing is charged."""
    from hub.backtests.command import run

    run(ruleset, begin, end, merchant_account, as_json=as_json)


@routes.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(("test", "live")), required=True)
def check_routes(*, file: Path, mode: str) -> None:
    """Say what is wrong with the ruleset in FILE, which is TOML; 1 where it cannot be used."""
    from hub.rulesets.command import check

    sys.exit(check(file, livemode=mode == "live"))


@routes.command("diff")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(("test", "live")), required=True)
def diff_routes(*, file: Path, mode: str) -> None:
    """Show what FILE says otherwise than the ruleset that is active; 1 where it does."""
    from hub.rulesets.command import diff

    sys.exit(diff(file, livemode=mode == "live"))


@routes.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(("test", "live")), required=True)
@click.option("--activate", is_flag=True, help="Let it decide, too.")
@click.option("--percent", type=click.IntRange(1, 100), help="With --activate; of the payments, by their references.")
@click.option("--starts-at", type=click.DateTime(INSTANTS), help="With --activate; UTC.")
@click.option("--reason", metavar="TEXT", help="For the audit log.")
def apply_routes(
    *, file: Path, mode: str, activate: bool, percent: int | None, starts_at: datetime | None, reason: str | None
) -> None:
    """Write the ruleset in FILE as the next version of its name, unless the last one says the same."""
    if not activate and (percent is not None or starts_at is not None):
        raise click.UsageError("--percent and --starts-at go with --activate only")
    from hub.rulesets.command import Activation, apply

    activation = Activation(
        wanted=activate,
        percent=percent or 100,
        starts_at=None if starts_at is None else starts_at.replace(tzinfo=UTC),
        reason=reason,
    )
    sys.exit(apply(file, activation, livemode=mode == "live"))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(*, as_json: bool) -> None:
    """Say what is wrong with settings, database, Redis, credentials and webhooks, and the mend."""
    from hub.doctor import run

    sys.exit(run(as_json=as_json))


for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main()
