"""Payment methods as the API shows them; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping

from normalization.tokens import CardFacts, ProcessorToken


class Card(Struct, frozen=True, kw_only=True):
    """What is known of a card; null is not known."""

    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    funding: str | None
    country: str | None


class PaymentMethod(Struct, frozen=True, kw_only=True):
    """A payment method; `processors` are those that hold a token of it."""

    id: str
    object: str = "payment_method"
    livemode: bool
    type: str
    reusable: bool
    customer: str | None
    card: Card
    processors: list[str]
    network_transaction_id: str | None
    created_at: datetime


def method_body(
    row: RowMapping | Mapping[str, Any], tokens: Sequence[ProcessorToken], *, reusable: bool
) -> PaymentMethod:
    """Show a row of `payment_methods` with the *tokens* behind it."""
    facts = msgspec.json.decode(row["card"], type=CardFacts)
    return PaymentMethod(
        id=row["id"],
        livemode=bool(row["livemode"]),
        type=row["type"],
        reusable=reusable,
        customer=row["customer"],
        card=Card(
            brand=facts.brand,
            last4=facts.last4,
            exp_month=facts.exp_month,
            exp_year=facts.exp_year,
            funding=facts.funding,
            country=facts.country,
        ),
        processors=sorted({token.processor for token in tokens}),
        network_transaction_id=row["network_transaction_id"],
        created_at=row["created_at"],
    )
