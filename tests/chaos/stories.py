"""What is known of the payments that complaints name: a run that fails need not be repeated to be understood."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.chaos.stage import Ground

MOST: Final = 5
_NAMED: Final = re.compile(r"\b[a-z]+_[0-9a-z]{26}\b")
_TABLES: Final = {
    "payments": "id = '{0}'",
    "operations": "payment_id = '{0}' ORDER BY id",
    "reports": "payment_id = '{0}'",
    "transfers": "payment_id = '{0}' ORDER BY id",
    "exceptions": "payment_id = '{0}'",
    "webhook_deliveries": "payment_id = '{0}'",
}
_SHOWN: Final = 4_000
"""How many characters of a row are shown."""


async def stories(at: Ground, complaints: Iterable[str]) -> list[str]:
    """Tell everything that stands about the first payments that *complaints* name."""
    named = dict.fromkeys(one for complaint in complaints for one in _NAMED.findall(complaint))
    found: dict[str, None] = {}
    for one in named:
        rows = await at.rows(f"SELECT payment_id FROM operations WHERE '{one}' IN (id, payment_id)")  # noqa: S608 - matched above
        found |= dict.fromkeys(str(row["payment_id"]) for row in rows)
    return [line for payment in [*found][:MOST] for line in await _story(at, payment)]


async def _story(at: Ground, payment: str) -> list[str]:
    lines = [f"What is known of {payment}:"]
    for table, which in _TABLES.items():
        rows = await at.rows(f"SELECT * FROM {table} WHERE {which.format(payment)}")  # noqa: S608 - as above
        lines += [f"    {table}: {_short(row)}"[:_SHOWN] for row in rows]
    return lines


def _short(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items() if value not in (None, "", 0))
