"""A line as it is stored, read back."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from hub.settlement.values import Pending
from normalization.money import Currency, Money
from normalization.settlements import FeeParts, LineType, SettlementLine


class _Facts(Struct, frozen=True):
    fee_parts: FeeParts | None = None
    account: str | None = None
    card_brand: str | None = None
    card_funding: str | None = None
    card_country: str | None = None
    description: str | None = None


def to_pending(row: Mapping[Any, Any]) -> Pending:
    """Read a row of settlement_lines."""
    told = msgspec.json.decode(row["facts"], type=_Facts) if row["facts"] else _Facts()
    presented = row["presented_minor"]
    line = SettlementLine(
        key=row["key"],
        type=LineType(row["type"]),
        raw_type=row["raw_type"],
        gross_minor=row["gross_minor"],
        fee_minor=row["fee_minor"],
        net_minor=row["net_minor"],
        currency=Currency(row["currency"]),
        booked_at=row["booked_at"],
        batch=row["payout"],
        tag=row["tag"],
        processor_reference=row["processor_reference"],
        parent_reference=row["parent_reference"],
        presented=Money(presented, Currency(row["presented_currency"])) if presented is not None else None,
        exchange_rate=row["exchange_rate"],
        **msgspec.structs.asdict(told),
    )
    return Pending(row["id"], line)
