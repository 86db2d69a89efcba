"""All SQL about what counts against a card.

The charge path asks one question of a good card, `HAS_HISTORY`, as a part of its own read; everything else here is for
cards that were declined. What is written is a part of the charge path's two commits.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Insert,
    RowMapping,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database, Query
from hub.payment_methods.tables import payment_methods, processor_tokens
from hub.payments.states import OperationStatus
from hub.payments.tables import operations
from hub.retries.rules import REMEMBERED, Card, Charged, Counted, Print, renewed
from hub.retries.tables import card_declines, card_prints, card_slots
from normalization.declines import Decline
from normalization.money import Currency, Money
from routing.retries import Past

_UNDER_WAY: Final = (
    OperationStatus.SENDING,
    OperationStatus.REQUIRES_ACTION,
    OperationStatus.PENDING,
    OperationStatus.UNKNOWN,
    OperationStatus.EXCEPTION,
)
_ALIKE_MAX: Final = 8
"""How many steps from holder to fingerprint to holder are followed; a card has one fingerprint at each account."""

_method: Final = bindparam("method_asked", type_=processor_tokens.c.payment_method.type)
_livemode: Final = bindparam("livemode", type_=card_declines.c.livemode.type)
_mine: Final = processor_tokens.alias()
HAS_HISTORY: Final = or_(
    exists(select(literal_column("1")).where(card_declines.c.livemode == _livemode, card_declines.c.holder == _method)),
    exists(
        select(literal_column("1"))
        .select_from(_mine)
        .join(
            card_prints,
            and_(
                card_prints.c.livemode == _livemode,
                card_prints.c.processor == _mine.c.processor,
                card_prints.c.fingerprint == _mine.c.fingerprint,
            ),
        )
        .where(_mine.c.payment_method == _method)
    ),
)
"""Whether the payment method `method_asked` of a mode, or one that may be the same card, was ever declined."""
_ASK_HISTORY: Final = Query(select(HAS_HISTORY.label("declined")))


def _values(table: Table, prefix: str) -> dict[str, Any]:
    return {column.name: bindparam(f"{prefix}{column.name}", type_=column.type) for column in table.c}


TAKE_PLACE: Final = insert(card_slots).values(_values(card_slots, "slot_"))
"""Part of the commit before an attempt is sent: of two with one history the database lets one through."""


def keeping(told: Counted) -> tuple[Insert | Update, ...]:
    """List the statements that keep a decline, part of the commit of its outcome; one tuple for each kind."""
    return _keeping(len(told.prints), told.news)


@cache
def _keeping(prints: int, news: bool) -> tuple[Insert | Update, ...]:  # noqa: FBT001 - the key of a cache
    keep = insert(card_declines).values(_values(card_declines, "cd_"))
    statements = (keep, *(_keep_print(number) for number in range(prints)))
    return (*statements, _tell_anew(prints)) if news else statements


def _keep_print(number: int) -> Insert:
    """Keep a fingerprint unless it is known."""
    values = _values(card_prints, f"cp{number}_")
    known = exists().where(*(card_prints.c[name] == value for name, value in values.items()))
    return insert(card_prints).from_select(list(values), select(*values.values()).where(~known))


def _tell_anew(prints: int) -> Update:
    """Raise the version of every payment method of the card, so that no charge goes by what it remembers of one."""
    alike = [payment_methods.c.id == bindparam("cd_holder", type_=Text)]
    for number in range(prints):
        values = _values(card_prints, f"cp{number}_")
        sharing = select(processor_tokens.c.payment_method).where(
            *(processor_tokens.c[name] == values[name] for name in ("livemode", "processor", "fingerprint"))
        )
        alike.append(payment_methods.c.id.in_(sharing))
    # In one order, so that two declines do not wait for each other.
    locked = select(payment_methods.c.id).where(or_(*alike)).order_by(payment_methods.c.id).with_for_update()
    anew = payment_methods.c.id.in_(locked.scalar_subquery())
    return update(payment_methods).where(anew).values(version=payment_methods.c.version + 1)


def place_values(attempt: Charged, card: Card, at: datetime) -> dict[str, Any]:
    """Fill `TAKE_PLACE`."""
    return {
        "slot_id": attempt.id,
        "slot_livemode": attempt.livemode,
        "slot_holder": attempt.holder,
        "slot_card": card.name,
        "slot_place": card.place,
        "slot_sent_at": at,
    }


def decline_values(told: Counted) -> dict[str, Any]:
    """Fill the statements of `keeping`."""
    attempt = told.attempt
    values: dict[str, Any] = {
        "cd_id": attempt.id,
        "cd_livemode": attempt.livemode,
        "cd_holder": attempt.holder,
        "cd_processor": attempt.processor,
        "cd_brand": told.brand,
        "cd_amount_minor": attempt.money.minor,
        "cd_currency": attempt.money.currency,
        "cd_decline": msgspec.json.encode(told.decline),
        "cd_stops": told.stops,
        "cd_declined_at": told.at,
    }
    for number, seen in enumerate(told.prints):
        print_ = msgspec.structs.asdict(seen) | {"livemode": attempt.livemode, "holder": attempt.holder}
        values |= {f"cp{number}_{name}": value for name, value in print_.items()}
    return values


async def has_history(database: Database, payment_method: str, *, livemode: bool) -> bool:
    """Ask `HAS_HISTORY` by itself."""
    rows = await database.fetch(_ASK_HISTORY, {"livemode": livemode, "method_asked": payment_method})
    return bool(rows[0]["declined"])


async def card_of(
    database: Database, holder: str, *, livemode: bool, now: datetime, also: Sequence[Print] = (), but: str = ""
) -> Card:
    """Read everything that counts against the card of *holder* but the attempt *but*.

    *also* are further fingerprints of the card, those that a report told.
    """
    async with database.reading() as connection:
        if database.is_postgresql:
            # As of one instant: an attempt must not end, unseen, between the question for ended ones and for open ones.
            await connection.execution_options(isolation_level="REPEATABLE READ")
        tokens = await _tokens(connection, holder)
        mine = frozenset(_print(token) for token in tokens if token["fingerprint"] is not None)
        holders, kept = await _alike(connection, holder, mine | set(also), livemode=livemode)
        declines = await _declines(connection, holders, livemode=livemode, since=now - REMEMBERED)
        name = min((row["holder"] for row in declines), default=holder)
        slots = await _slots(connection, holders, name, livemode=livemode, since=now - REMEMBERED)
        place = await _next_place(connection, name, livemode=livemode)
    newest: dict[str, datetime] = {}
    for token in tokens:
        newest[token["processor"]] = max(token["created_at"], newest.get(token["processor"], token["created_at"]))
    past = [_past(row, holder, newest) for row in declines if row["id"] != but]
    known = {but, *(row["id"] for row in declines)}
    past += [_under_way(row) for row in slots if row["id"] not in known]
    brands = [row["brand"] for row in declines if row["brand"] is not None]
    return Card(name=name, past=tuple(past), place=place, brand=brands[-1] if brands else None, prints=mine, kept=kept)


async def forget_old(connection: AsyncConnection, before: datetime) -> None:
    """Forget what no rule looks at any more; what stops a card for good stays."""
    old = card_declines.c.declined_at < before, ~card_declines.c.stops
    await connection.execute(delete(card_declines).where(*old))
    await connection.execute(delete(card_slots).where(card_slots.c.sent_at < before))
    declined = exists().where(
        card_declines.c.livemode == card_prints.c.livemode, card_declines.c.holder == card_prints.c.holder
    )
    await connection.execute(delete(card_prints).where(~declined))


async def _tokens(connection: AsyncConnection, holder: str) -> Sequence[RowMapping]:
    wanted = select(processor_tokens).where(processor_tokens.c.payment_method == holder)
    return (await connection.execute(wanted)).mappings().all()


async def _alike(
    connection: AsyncConnection, holder: str, prints: AbstractSet[Print], *, livemode: bool
) -> tuple[set[str], frozenset[Print]]:
    """Find every holder of declines that is the same card, and the fingerprints that they are known by.

    By a fingerprint, by one of theirs, and so on.
    """
    holders, kept = {holder}, set[Print]()
    for _ in range(_ALIKE_MAX):
        seen = kept | prints
        likely = [card_prints.c.holder.in_(holders)]
        if seen:
            keys = [(one.processor, one.fingerprint) for one in seen]
            likely.append(tuple_(card_prints.c.processor, card_prints.c.fingerprint).in_(keys))
        found = await connection.execute(select(card_prints).where(card_prints.c.livemode == livemode, or_(*likely)))
        rows = [(row["holder"], _print(row)) for row in found.mappings()]
        more = [(who, one) for who, one in rows if who in holders or any(_same(one, other) for other in seen)]
        before = len(holders), len(kept)
        holders |= {who for who, _ in more}
        kept |= {one for _, one in more}
        if before == (len(holders), len(kept)):
            break
    return holders, frozenset(kept)


def _print(row: RowMapping) -> Print:
    return Print(row["processor"], row["merchant_account"], row["fingerprint"])


def _same(one: Print, other: Print) -> bool:
    alike = (one.processor, one.fingerprint) == (other.processor, other.fingerprint)
    return alike and (
        one.merchant_account == other.merchant_account or "" in {one.merchant_account, other.merchant_account}
    )


async def _declines(
    connection: AsyncConnection, holders: set[str], *, livemode: bool, since: datetime
) -> Sequence[RowMapping]:
    """Read the declines, oldest first; one that turned out to be approved after all is none."""
    wanted = (
        select(card_declines)
        .join(operations, operations.c.id == card_declines.c.id)
        .where(
            card_declines.c.livemode == livemode,
            card_declines.c.holder.in_(holders),
            or_(card_declines.c.declined_at > since, card_declines.c.stops),
            operations.c.status == OperationStatus.DECLINED,
        )
        .order_by(card_declines.c.declined_at, card_declines.c.id)
    )
    return (await connection.execute(wanted)).mappings().all()


async def _slots(
    connection: AsyncConnection, holders: set[str], card: str, *, livemode: bool, since: datetime
) -> Sequence[RowMapping]:
    wanted = (
        select(card_slots.c.id, card_slots.c.sent_at, operations.c.amount_minor, operations.c.currency)
        .join(operations, operations.c.id == card_slots.c.id)
        .where(
            card_slots.c.livemode == livemode,
            or_(card_slots.c.holder.in_(holders), card_slots.c.card == card),
            card_slots.c.sent_at > since,
            operations.c.status.in_(_UNDER_WAY),
        )
    )
    return (await connection.execute(wanted)).mappings().all()


async def _next_place(connection: AsyncConnection, card: str, *, livemode: bool) -> int:
    wanted = select(func.max(card_slots.c.place)).where(card_slots.c.livemode == livemode, card_slots.c.card == card)
    return (await connection.scalar(wanted) or 0) + 1


def _money(row: RowMapping) -> Money:
    return Money(row["amount_minor"], Currency(row["currency"]))


def _past(row: RowMapping, holder: str, tokens: Mapping[str, datetime]) -> Past:
    at = row["declined_at"]
    anew = row["holder"] == holder and renewed(row["processor"], at, tokens)
    return Past(at=at, money=_money(row), decline=msgspec.json.decode(row["decline"], type=Decline), renewed=anew)


def _under_way(row: RowMapping) -> Past:
    return Past(at=row["sent_at"], money=_money(row), decline=None)
