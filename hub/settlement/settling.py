"""Where a report's new lines are written down, with all that is decided about them in the same transaction."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.payments.shell import Shell
from hub.settlement.copying import add_rows
from hub.settlement.tables import settlement_lines
from hub.settlement.values import NewLine, Settled, Terms
from normalization.settlements import SettlementLine

_COLUMNS: Final = tuple(column.name for column in settlement_lines.c)


async def settle(connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine]) -> Settled:
    """Write *lines* and what was decided about them; what cannot be decided before the report's end stays open."""
    rows = [_row(terms, new) for new in lines]
    await add_rows(connection, settlement_lines, _COLUMNS, rows)
    return Settled(open=len(rows))


async def finish(shell: Shell, terms: Terms) -> Settled:
    """Decide about what its report left open, after its last line."""
    del shell, terms
    return Settled()


def _row(terms: Terms, new: NewLine) -> tuple[Any, ...]:
    line = new.line
    presented = line.presented
    return (
        new.id, terms.livemode, terms.batch_id, new.number, terms.merchant_account, line.key, line.type.value,
        line.raw_type, line.gross_minor, line.fee_minor, line.net_minor, line.currency.value,
        presented.minor if presented else None, presented.currency.value if presented else None, line.exchange_rate,
        line.booked_at, line.batch, line.tag, line.processor_reference, line.parent_reference, _facts(line), new.raw,
        new.digest, "open", None, None, None, terms.now,
    )  # fmt: skip


def _facts(line: SettlementLine) -> str | None:
    told = {
        "fee_parts": line.fee_parts,
        "account": line.account,
        "card_brand": line.card_brand,
        "card_funding": line.card_funding,
        "card_country": line.card_country,
        "description": line.description,
    }
    known = {name: value for name, value in told.items() if value is not None}
    return msgspec.json.encode(known).decode() if known else None
