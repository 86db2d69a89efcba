"""What `hub ledger verify` does."""

import sys

import msgspec

from hub.database import open_database
from hub.ledger.checks import verify
from hub.serving import checked_settings, run_async

GOOD = "The books agree: nothing is wrong."


def run(*, as_json: bool) -> int:
    """Check the books, print what is wrong a sentence a line, and give the command's exit code: 1 where anything is."""
    settings = checked_settings()

    async def look() -> list[str]:
        database = await open_database(settings.database_url, statement_s=None)
        try:
            return await verify(database)
        finally:
            await database.close()

    found = run_async(look())
    if as_json:
        told = {"ok": not found, "findings": found}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        sys.stdout.write("\n".join(found or [GOOD]) + "\n")
    return 1 if found else 0
