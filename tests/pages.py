"""The reference pages that the code writes; `make pages` puts them in docs/."""

from collections.abc import Callable
from pathlib import Path

from hub.errors import errors_page
from hub.settings import settings_page
from tests.api_page import api_page
from tests.declines_page import PAGES as DECLINES
from tests.ledger_page import ledger_page
from tests.statuses_page import statuses_page

ROOT = Path(__file__).parent.parent
PAGES: dict[str, Callable[[], str]] = {
    "docs/api.md": api_page,
    "docs/errors.md": errors_page,
    "docs/settings.md": settings_page,
    "docs/ledger.md": ledger_page,
    **DECLINES,
    "docs/statuses.md": statuses_page,
}


def write_pages() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(page())


if __name__ == "__main__":
    write_pages()
