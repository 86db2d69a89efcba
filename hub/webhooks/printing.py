"""Deliveries for people to read: as many columns as fit, and no id ever cut, so that it can be pasted."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from hub.webhooks.delivery_routes import WebhookDelivery

COLUMNS: Final = ("id", "received", "status", "tries", "error", "payment", "account", "mode", "subject", "key")
"""In the order in which they are printed, and in which they find room."""
FOLDED: Final = "error"
"""The one column of sentences: it may take several lines."""
FOLDED_MIN: Final = 20
_BESIDE: Final = 3
"""What a column takes beside its text: a space on each side and a line."""


def cells(delivery: WebhookDelivery) -> list[str]:
    """Write a delivery as the texts of `COLUMNS`, each on one line."""
    texts = (
        delivery.id,
        f"{delivery.received_at:%Y-%m-%d %H:%M:%S}",
        delivery.status,
        str(delivery.tries),
        delivery.error or "",
        delivery.payment or "",
        delivery.merchant_account,
        "live" if delivery.livemode else "test",
        delivery.subject,
        delivery.key,
    )
    return [" ".join(text.split()) for text in texts]


def fitting(rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], list[int]]:
    """Choose the columns that fit into *width* uncut, by number, and those that something is left out of.

    The first is always there. A column without any text is in neither.
    """
    shown: list[int] = []
    left_out: list[int] = []
    room = width - 1
    for number, name in enumerate(COLUMNS):
        longest = max(len(row[number]) for row in rows)
        needed = max(longest, len(name))
        if name == FOLDED:
            needed = min(needed, FOLDED_MIN)
        if longest and (not shown or needed + _BESIDE <= room):
            shown.append(number)
            room -= needed + _BESIDE
        elif longest:
            left_out.append(number)
    return shown, left_out


def print_list(deliveries: Sequence[WebhookDelivery], console: Console) -> None:
    """Print a table on a terminal, and lines of all columns with tabs between them into anything else."""
    rows = [cells(one) for one in deliveries]
    if not console.is_terminal:
        for row in rows:
            console.file.write("\t".join(row) + "\n")
        return
    shown, left_out = fitting(rows, console.width)
    table = Table()
    for number in shown:
        folded = COLUMNS[number] == FOLDED or len(shown) == 1
        table.add_column(COLUMNS[number], no_wrap=not folded, overflow="fold")
    for row in rows:
        table.add_row(*(row[number] for number in shown))
    console.print(table, markup=False)
    if left_out:
        names = ", ".join(COLUMNS[number] for number in left_out)
        console.print(f"No room for: {names}. A wider terminal, a pipe or --json has them.", markup=False)
