"""What stands before a charge, in one read: its key, its reference, what its payment method is."""

from typing import Final

from msgspec import Struct
from sqlalchemy import Text, and_, bindparam, literal_column, select

from hub.database import Database, Query
from hub.idempotency.store import Stored, to_stored
from hub.idempotency.tables import idempotency_keys
from hub.payment_methods.store import MEANS, Means, to_means
from hub.payment_methods.tables import payment_methods, processor_tokens
from hub.payments.references import OPEN_BY_REFERENCE
from hub.retries.store import HAS_HISTORY

_STANDING: Final = Query(
    select(
        idempotency_keys.c.fingerprint,
        idempotency_keys.c.location,
        idempotency_keys.c.operation_id,
        idempotency_keys.c.status,
        idempotency_keys.c.answer,
        OPEN_BY_REFERENCE.statement.limit(1).scalar_subquery().label("holder"),
        payment_methods.c.id.label("method"),
        HAS_HISTORY.label("declined"),
        *MEANS,
    )
    .select_from(
        select(literal_column("1").label("one"))
        .subquery()
        .outerjoin(
            idempotency_keys,
            and_(idempotency_keys.c.livemode == bindparam("livemode"), idempotency_keys.c.key == bindparam("key")),
        )
        .outerjoin(
            payment_methods,
            and_(
                payment_methods.c.livemode == bindparam("livemode"),
                payment_methods.c.id == bindparam("method_asked", type_=Text),
            ),
        )
        .outerjoin(processor_tokens, processor_tokens.c.payment_method == payment_methods.c.id)
    )
    .order_by(processor_tokens.c.id)
)
"""One row for each token behind the payment method; one where there is none."""


class Standing(Struct, frozen=True, kw_only=True):
    """What stands before a charge: its key's row, who holds its reference, and what its payment method is.

    `declined`: its card may have a history that forbids to charge it.
    """

    key: Stored | None
    holder: str | None
    means: Means | None
    declined: bool


async def standing(
    database: Database, key: str, reference: str, payment_method: str | None, *, livemode: bool
) -> Standing:
    """Read all that a charge needs to know before its plan, in one query."""
    values = {"livemode": livemode, "key": key, "reference": reference, "method_asked": payment_method}
    rows = await database.fetch(_STANDING, values)
    first = rows[0]
    return Standing(
        key=to_stored(first) if first["fingerprint"] is not None else None,
        holder=first["holder"],
        means=to_means(rows) if first["method"] is not None else None,
        declined=bool(first["declined"]),
    )
