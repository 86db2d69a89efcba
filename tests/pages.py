"""The reference pages that are made from the code; `make pages` writes them."""

from collections.abc import Callable
from pathlib import Path

from hub.problem_codes import CODES
from hub.settings import settings_page

ROOT = Path(__file__).parent.parent
MADE_FROM_CODE = "<!-- Made from the code by `make pages`: change it there. -->"


def errors_page() -> str:
    """Every error code of the API, by status."""
    rows = [
        f"| `{name}` | {code.status} | {'yes' if code.retryable else 'no'} | {code.meaning} |"
        for name, code in sorted(CODES.items(), key=lambda item: (item[1].status, item[0]))
    ]
    return "\n".join(
        (
            "# Error codes",
            "",
            MADE_FROM_CODE,
            "",
            "An error is answered as `application/problem+json` (RFC 9457) with these codes in `code`. A decline is no",
            "error: it is a payment with `status: failed`. *Retry* tells whether the same request may succeed later;",
            "repeat it with the same `Idempotency-Key`.",
            "",
            "| code | status | retry | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        )
    )


PAGES: dict[str, Callable[[], str]] = {"docs/errors.md": errors_page, "docs/settings.md": settings_page}


def write_pages() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (ROOT / name).write_text(page())


if __name__ == "__main__":
    write_pages()
