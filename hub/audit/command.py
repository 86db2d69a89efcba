"""What `hub audit verify` does."""

import sys

import msgspec

from hub.audit.verifying import Verdict, verify
from hub.database import open_database
from hub.serving import checked_settings, run_async


def run(*, head: str | None, as_json: bool) -> int:
    """Verify the chain, say what was found, and give the command's exit code: 1 where anything is wrong.

    Raises:
        CannotServeError: for settings that cannot be used, and a database that does not answer or is not migrated.
    """
    settings = checked_settings()

    async def look() -> Verdict:
        database = await open_database(settings.database_url, statement_s=None)
        try:
            return await verify(database, head)
        finally:
            await database.close()

    verdict = run_async(look())
    if as_json:
        told = {"ok": verdict.ok, **msgspec.to_builtins(verdict)}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        sys.stdout.write("\n".join(_sentences(verdict, head)) + "\n")
    return 0 if verdict.ok else 1


def _sentences(verdict: Verdict, head: str | None) -> list[str]:
    told = []
    if verdict.broken is not None:
        told.append(f"The chain is broken at {verdict.broken.why}.")
    if verdict.has_head is False:
        told.append(f"{head} stands nowhere in the chain: its end was cut off, or it is another hub's.")
    if verdict.ok:
        told.append("The chain holds: nothing was changed, put in or taken out.")
    holds = f"{verdict.head.position:,} rows hold" + ("" if verdict.broken is None else " before that")
    told.append(f"{holds}; keep the head and give it to --head next time: {verdict.head.hash}")
    if verdict.oldest_unsealed_at is not None:
        since = f"{verdict.oldest_unsealed_at:%Y-%m-%d %H:%M:%S} UTC"
        told.append(f"Not chained yet: {verdict.unsealed:,}, the oldest since {since}; a worker does it.")
    return told
