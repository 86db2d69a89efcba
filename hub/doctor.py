"""`hub doctor`: what is wrong with a hub as it is set up, and the mend."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import RowMapping, select

from adapters.contract import Registration
from hub import missing_database
from hub.app import Parts, assembled, utc_now
from hub.database import is_missing, open_database
from hub.doctor_access import keys_in_effect, look_at_access
from hub.doctor_audit import look_at_audit
from hub.doctor_database import look_at_database, tables
from hub.doctor_declines import unmapped
from hub.doctor_erasures import look_at_erasures
from hub.doctor_events import look_at_events
from hub.doctor_exceptions import look_at_exceptions
from hub.doctor_findings import Finding, good, wrong
from hub.doctor_keys import look_at_keys
from hub.doctor_operations import look_at_operations
from hub.doctor_rulesets import look_at_rulesets
from hub.doctor_settings import development, public_url, sealing_keys, stopping
from hub.doctor_settlements import look_at_settlements
from hub.doctor_webhooks import look_at_webhooks
from hub.merchants.credentials import open_credentials
from hub.merchants.store import all_accounts
from hub.merchants.stored_profile import read_profile
from hub.migrations import standing
from hub.payments.tables import operations
from hub.redis import SharedMemory
from hub.sealing import SealBrokenError
from hub.serving import configure_logs, run_async
from hub.settings import InvalidSettingError, Settings, load_settings

_ONLY_CRASHES: Final = 50  # What is wrong is told in the table, not in the log too.


def run(*, as_json: bool) -> int:
    """Look at everything, print it, and give the command's exit code: 1 where anything is wrong."""
    configure_logs(level=_ONLY_CRASHES)
    findings = run_async(examine(os.environ))
    healthy = all(finding.ok for finding in findings)
    if as_json:
        told = {"ok": healthy, "findings": findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        _show(findings, healthy=healthy)
    return 0 if healthy else 1


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Look at the hub that *environment* describes."""
    try:
        settings = load_settings(environment)
    except InvalidSettingError as invalid:
        return [wrong("settings", str(invalid), "correct the variable; docs/settings.md lists them all")]
    found = [good("settings", "every variable can be used"), sealing_keys(settings), stopping(settings)]
    found.append(await _redis(settings))
    if is_missing(settings.database_url):
        told = f"there is no file {settings.database_url.partition(':///')[2]}"
        return [*found, wrong("database", told, missing_database.mend())]
    try:
        database = await open_database(settings.database_url)
    except (ValueError, OSError) as failure:
        return [*found, _unreachable(failure)]
    try:
        found += await look_at_database(database, settings, utc_now())
    except Exception as failure:  # noqa: BLE001 - each driver has errors of its own, and all mean the same here
        return [*found, _unreachable(failure)]
    finally:
        await database.close()
    found.append(tables(await asyncio.to_thread(standing, settings.database_url)))
    if not found[-1].ok:
        return found
    async with assembled(settings) as parts:
        found += await _contents(parts)
    return found


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return good("redis", "none: each process limits for itself and finds changes by polling")
    shared = SharedMemory(settings.redis_url)
    answered = await shared.ask(lambda client: client.echo("hub"))
    await shared.close()
    if answered:
        return good("redis", "answers")
    return wrong("redis", "does not answer", "start it, or correct or unset HUB_REDIS_URL; nothing is lost meanwhile")


async def _contents(parts: Parts) -> list[Finding]:
    async with parts.database.reading() as connection:
        accounts = await all_accounts(connection)
        keys = await keys_in_effect(connection, parts.clock())
        asked = await look_at_operations(connection)
        webhooks = await look_at_webhooks(connection, accounts, parts.clock(), parts.settings.public_url)
        happened = await look_at_events(connection, parts.clock())
        settled = await look_at_settlements(connection, accounts, parts.clock())
        rules = await look_at_rulesets(connection, await parts.database.now(connection))
        disagreements = await look_at_exceptions(connection, parts.clock())
        audited = await look_at_audit(connection, parts.clock())
        erased = await look_at_erasures(connection, parts.clock())
        declined = select(operations.c.processor, operations.c.decline).where(operations.c.decline.is_not(None))
        declines = (await connection.execute(declined.order_by(operations.c.id.desc()).limit(10_000))).all()
    is_live = any(key.livemode for key in keys) or any(row["livemode"] for row in accounts)
    found = [public_url(parts.settings, is_live=is_live), development(parts.settings, is_live=is_live)]
    found += look_at_access(keys, parts.settings.approvals)
    found += [_stopped(accounts), *(_account(parts, row) for row in accounts)]
    found.append(_declines(parts, [(row.processor, row.decline) for row in declines]))
    found += [await look_at_keys(parts.database, parts.sealer), audited, erased]
    return [*found, rules, asked, *webhooks, *happened, *settled, disagreements]


def _stopped(accounts: Sequence[RowMapping]) -> Finding:
    """Judge whether anything can be charged."""
    if not accounts:
        mend = "add one with POST /v1/merchant_accounts"
        return wrong("merchant accounts", "there are none, so nothing can be charged", mend)
    modes = sorted({bool(row["livemode"]) for row in accounts})
    active = {bool(row["livemode"]) for row in accounts if row["status"] == "active"}
    stopped = [("live" if livemode else "test") for livemode in modes if livemode not in active]
    if stopped:
        told = f"all of {' and of '.join(stopped)} mode are paused or draining, so nothing can be charged there"
        return wrong("merchant accounts", told, 'PATCH one of them to {"status": "active"}')
    return good("merchant accounts", f"{len(accounts)}")


def _account(parts: Parts, row: RowMapping) -> Finding:
    check = f"account {row['name']}"
    registration: Registration[Any] | None = parts.registrations.get(row["processor"])
    if registration is None:
        mend = f"install the package with the adapter for {row['processor']}"
        return wrong(check, "no adapter for its processor is installed", mend)
    try:
        credentials = open_credentials(parts.sealer, registration, row["id"], row["credentials"])
    except SealBrokenError as broken:
        mend = "put the key that sealed it back into HUB_KEYS, or send its credentials anew"
        return wrong(check, f"its credentials do not open: {broken}", mend)
    except msgspec.ValidationError:
        return wrong(check, "its credentials lack what the adapter now wants", "send its credentials anew")
    except Exception as broken:  # noqa: BLE001 - whatever is stored there instead of credentials
        return wrong(check, f"its credentials cannot be read: {type(broken).__name__}", "send its credentials anew")
    unreadable = read_profile(row["profile"])[1]
    if unreadable:
        mend = f"send these fields anew with PATCH /v1/merchant_accounts/{row['id']}"
        return wrong(check, f"cannot be read as it is stored, so nothing is sent there: {', '.join(unreadable)}", mend)
    if parts.directory.connected(row["id"]) is None:
        return wrong(check, "cannot be connected, so nothing is sent there", "look for its id in the hub's log")
    refused = registration.check(credentials, bool(row["livemode"]))
    if refused:
        told = "; ".join(f"{field} {message}" for field, message in refused)
        return wrong(check, f"its credentials: {told}", "send its credentials anew")
    if credentials.webhook_secret is None:
        mend = f"register {parts.settings.public_url}/webhooks/{row['id']} there and send its secret as webhook_secret"
        return wrong(check, "no webhook_secret: what the processor tells later is never heard", mend)
    mode = "live" if row["livemode"] else "test"
    capture = getattr(credentials, "capture", None)
    captures = f", captures: {capture}" if capture else ""
    return good(check, f"{row['processor']}, {mode}, {row['status']}{captures}")


def _declines(parts: Parts, declines: list[tuple[str, bytes]]) -> Finding:
    codes = unmapped(declines, parts.registrations)
    if not codes:
        return good("decline codes", f"all known, in {len(declines)} declines")
    told = ", ".join(f"{processor} {code}" for processor, code in codes)
    return wrong("decline codes", f"in no table: {told}", "add them to the table of the adapter or network")


def _unreachable(failure: Exception) -> Finding:
    told = f"does not answer: {type(failure).__name__}"
    return wrong("database", told, "start it, or correct HUB_DATABASE_URL")


def _show(findings: list[Finding], *, healthy: bool) -> None:
    table = Table("", "what", "found", "mend")
    for finding in findings:
        mark = "[green]ok" if finding.ok else "[bold red]wrong"
        table.add_row(mark, finding.check, finding.told, finding.mend or "")
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print("Nothing is wrong." if healthy else "What is marked wrong needs mending.")
