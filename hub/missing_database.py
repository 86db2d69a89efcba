"""What to say where the SQLite file of the settings is not there: it may be that of `hub dev` that is meant."""

from pathlib import Path
from typing import Final

OF_DEV: Final = Path(".hub-dev/hub.db")
"""Where `hub dev` keeps its database unless it is told another folder."""


def mend(of_dev: Path = OF_DEV) -> str:
    """Say what to do, and where the database of `hub dev` is when there is one."""
    if of_dev.exists():
        settings = f"HUB_DEVELOPMENT=yes HUB_DATABASE_URL=sqlite:///{of_dev}"
        return f"to look at what `hub dev` runs, set {settings}; for a hub of your own, run `hub migrate` first"
    return "run `hub migrate` first, or correct HUB_DATABASE_URL"
