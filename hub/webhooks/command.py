"""What `hub webhooks` does: lists deliveries, shows one, has them read anew, and fetches what never came."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.json import JSON
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table
from rich.text import Text

from hub.app import assembled, utc_now
from hub.database import Database, open_database
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.serving import CannotServeError, checked_settings, run_async
from hub.webhooks import catching_up, listing, marks
from hub.webhooks.delivery_routes import delivery_body, whole_delivery
from hub.webhooks.listing import Asker, Sought
from hub.webhooks.printing import print_list

T = TypeVar("T")
DONE: Final = 0
FAILED: Final = 1
LOOKS_BACK: Final = timedelta(days=3)
"""How far a list is read back where nobody says since when: as long as Stripe itself tries."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which deliveries are meant, as the command's options say; None does not narrow."""

    mode: str | None = None
    status: str | None = None
    merchant_account: str | None = None
    payment: str | None = None
    received_after: datetime | None = None

    @property
    def sought(self) -> Sought:
        """The same as the inbox is asked."""
        after = self.received_after
        return Sought(
            livemode=None if self.mode is None else self.mode == "live",
            status=self.status,
            merchant_account=self.merchant_account,
            payment=self.payment,
            received_after=None if after is None else after.replace(tzinfo=UTC),
        )


def show_list(wanted: Wanted, *, limit: int, as_json: bool) -> None:
    """Print the newest deliveries."""
    rows = _with_database(lambda database: listing.deliveries_before(database, wanted.sought, None, limit))
    shown = [delivery_body(row) for row in rows]
    if as_json:
        click.echo(msgspec.json.encode(shown))
    elif shown:
        print_list(shown, Console())
    else:
        click.echo("No such delivery.")


def show_one(delivery_id: str, *, as_json: bool) -> None:
    """Print one delivery with what the processor wrote.

    Raises:
        CannotServeError: where there is no such delivery.
    """
    row = _with_database(lambda database: listing.find_delivery(database, Sought(), delivery_id))
    if row is None:
        raise _no_delivery(delivery_id)
    whole = whole_delivery(row)
    if as_json:
        click.echo(msgspec.json.encode(whole))
        return
    told: dict[str, Any] = msgspec.to_builtins(whole)
    body = told.pop("body")
    widest = max(len(name) for name in told)
    for name, value in told.items():
        click.echo(f"{name:{widest}}  {'' if value is None else value}".rstrip())
    Console().print(body if isinstance(body, str) else JSON.from_data(body), markup=False, soft_wrap=True)


def replay(delivery_ids: Sequence[str], wanted: Wanted) -> None:
    """Have the deliveries named, or all that are *wanted*, read anew by the worker.

    Raises:
        CannotServeError: where one named is not there; those before it are read anew.
    """
    count = _with_database(lambda database: _replay(database, delivery_ids, wanted))
    what = "1 delivery is" if count == 1 else f"{count} deliveries are"
    click.echo(f"{what} read anew as soon as a worker gets to them.")


async def _replay(database: Database, delivery_ids: Sequence[str], wanted: Wanted) -> int:
    asker = Asker(at=utc_now())
    for delivery_id in delivery_ids:
        if await listing.replay(database, Sought(), delivery_id, asker) is None:
            raise _no_delivery(delivery_id)
    if delivery_ids:
        return len(delivery_ids)
    total, count, last = await listing.count_sought(database, wanted.sought), 0, None
    with _bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task("deliveries", total=total)
        while ids := await listing.replay_some(database, wanted.sought, last, asker):
            count, last = count + len(ids), ids[-1]
            bar.update(task, completed=count)
    return count


def catch_up(merchant_account: str | None, since: datetime | None, *, delivered_too: bool) -> int:
    """Fetch what processors could not deliver, or all they tell of; 1 where a list could not be read to its end.

    Raises:
        CannotServeError: for an account that is not there or whose processor keeps no list.
    """
    settings = checked_settings()
    begin = utc_now() - LOOKS_BACK if since is None else since.replace(tzinfo=UTC)

    async def run() -> int:
        async with assembled(settings) as parts:
            accounts = _able(parts.shell, merchant_account)
            await marks.begin(parts.database, sorted(one.account.id for one in accounts))
            return await _catch_up(parts.shell, accounts, begin, delivered_too=delivered_too)

    return run_async(run())


async def _catch_up(shell: Shell, accounts: Sequence[Connected], since: datetime, *, delivered_too: bool) -> int:
    table, ended = Table("account", "listed", "missing, now kept", Column("what went wrong", overflow="fold")), DONE
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}: {task.fields[listed]} listed, {task.fields[missing]} new"),
    )
    with _bar(*columns) as bar:
        for connected in accounts:
            name = connected.account.name
            task = bar.add_task(name, total=None, listed=0, missing=0)

            def told(progress: catching_up.Progress, task: Any = task) -> None:  # noqa: ANN401 - rich's name of a task
                bar.update(task, listed=progress.listed, missing=progress.missing)

            try:
                done = await catching_up.catch_up(shell, connected, since, told, delivered_too=delivered_too)
            except Exception as failure:  # noqa: BLE001 - one account's trouble must not keep the others
                trouble = Text(f"not to its end: {type(failure).__name__}: {failure}", "bold red")
                table.add_row(name, "", "", trouble)
                ended = FAILED
            else:
                table.add_row(name, str(done.listed), str(done.missing), "nothing")
    Console().print(table)
    return ended


def _able(shell: Shell, merchant_account: str | None) -> list[Connected]:
    known = shell.directory.accounts()
    if merchant_account is None:
        return [one for _, one in sorted(known.items()) if catching_up.lister(one) is not None]
    connected = known.get(merchant_account)
    if connected is None:
        raise CannotServeError(f"there is no merchant account {merchant_account}, or it cannot be connected")
    if catching_up.lister(connected) is None:
        told = "keeps no list of what it could not deliver; have it send again from its own pages"
        raise CannotServeError(f"{connected.account.processor} {told}")
    return [connected]


def _bar(*columns: Any) -> Progress:  # noqa: ANN401 - rich's columns
    errors = Console(stderr=True)
    return Progress(*columns, console=errors, disable=not errors.is_terminal)


def _with_database(work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    settings = checked_settings()

    async def run() -> T:
        database = await open_database(settings.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return run_async(run())


def _no_delivery(delivery_id: str) -> CannotServeError:
    return CannotServeError(f"there is no delivery {delivery_id}; `hub webhooks list` shows which there are")
