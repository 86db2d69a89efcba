"""What a chunk of lines tells: which are new, which were told before, and which now say something else.

A line that says something else stands in the place of the one before, which is kept: what that had posted is posted
back, what it was matched with is free again, and a human is told by an exception with both. A report that came before
the one that told last, and is imported after it, takes no line's place: its word is kept and told all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from msgspec import Struct
from sqlalchemy import RowMapping, Select, and_, bindparam, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.settlement import lookups, payouts, settling
from hub.settlement.superseding import supersede
from hub.settlement.tables import settlement_lines
from hub.settlement.values import Decided, NewLine, Pending, Settled, Terms
from hub.settlement.writing import add_lines, line_rows
from normalization.money import written

SUPERSEDED: Final = "superseded"
_lines: Final = settlement_lines.c
_NAMES: Final = {"tag": "tag", "processor_reference": "processor_reference", "parent_reference": "parent_reference",
                 "payout": "batch"}  # fmt: skip
"""What a report may not know of a line that another one tells, by column, as a line has it."""
_LACKS: Final = or_(*(_lines[name].is_(None) for name in _NAMES if name != "payout"))
_NAMELESS: Final = and_(_lines.status == text("'exception'"), _LACKS)
_UNPAID: Final = _lines.payout.is_(None)
_STANDING: Final = select(_lines.key, _lines.id, _lines.digest, _lines.batch_id, _NAMELESS, _UNPAID).where(
    _lines.merchant_account == bindparam("account"), _lines.status != text(f"'{SUPERSEDED}'")
)
_NAME: Final = (
    update(settlement_lines)
    .where(_lines.id == bindparam("b_id"))
    .values({name: func.coalesce(_lines[name], bindparam(f"b_{name}", type_=_lines[name].type)) for name in _NAMES})
)


class CameOf(Struct, frozen=True, kw_only=True):
    """How many lines were new, known and restated, and what became of those that were written."""

    added: int = 0
    known: int = 0
    restated: int = 0
    settled: Settled = Settled()


class Standing(NamedTuple):
    """A line that stands.

    `nameless`: it is in an exception, and does not bear all names that it might be found by. `unpaid`: it is not known
    in which payout it is.
    """

    id: str
    digest: str
    batch_id: str
    nameless: bool = False
    unpaid: bool = False


class Sorted(Struct, frozen=True, kw_only=True):
    """Lines by what they are to the ones before.

    `restated` come with the ids of those they stand in place of, `outdated` and `named` with those of what stays:
    `outdated` are of an earlier report than those, `named` say the same and may say more of whose money it is. Of
    `named`, those of `paid` say in which payout it is.
    """

    new: Sequence[NewLine]
    known: int = 0
    restated: Sequence[tuple[str, NewLine]] = ()
    outdated: Sequence[tuple[str, NewLine]] = ()
    named: Sequence[tuple[str, NewLine]] = ()
    paid: Sequence[NewLine] = ()


async def tell(connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine]) -> CameOf:
    """Take up *lines*, in their order, in the transaction of *connection*."""
    came_of = CameOf()
    while lines:
        first, lines = first_of_each(lines)
        came_of = _sum(came_of, await _tell(connection, terms, first))
    return came_of


def first_of_each(lines: Sequence[NewLine]) -> tuple[Sequence[NewLine], Sequence[NewLine]]:
    """Part the first line of each key from those that tell it again; nearly always there are none."""
    by_key: dict[str, NewLine] = {}
    rest = [new for new in lines if by_key.setdefault(new.line.key, new) is not new]
    return (list(by_key.values()) if rest else lines), rest


def sort_out(lines: Sequence[NewLine], standing: Mapping[str, Standing], batch_id: str) -> Sorted:
    """Hold lines of different keys, told by the report *batch_id*, against those that stand, by key.

    The ids of reports ascend as they come.
    """
    if not standing:
        return Sorted(new=lines)
    new, restated, outdated, named, paid = [], [], [], [], []
    for one in lines:
        before = standing.get(one.line.key)
        if before is None:
            new.append(one)
        elif before.digest == one.digest:
            told_paid = before.unpaid and one.line.batch is not None
            if told_paid:
                paid.append(one)
            if told_paid or before.nameless:
                named.append((before.id, one))
        elif before.batch_id > batch_id:
            outdated.append((before.id, one))
        else:
            restated.append((before.id, one))
    known = len(lines) - len(new) - len(restated)
    return Sorted(new=new, known=known, restated=restated, outdated=outdated, named=named, paid=paid)


async def _tell(connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine]) -> CameOf:
    standing = await standing_of(connection, terms.merchant_account, [new.line.key for new in lines])
    found = sort_out(lines, standing, terms.batch_id)
    before = await supersede(connection, terms, [id_ for id_, _ in found.restated])
    written = [*found.new, *(new for _, new in found.restated)]
    settled = await settling.settle(connection, terms, written) if written else Settled()
    openings = [_restated(terms, before[id_], new) for id_, new in found.restated]
    if found.outdated:
        openings += await _keep_outdated(connection, terms, found.outdated)
    if openings:
        await open_exceptions(connection, openings, terms.now)
    if found.named:
        await connection.execute(_NAME, [_names(id_, new) for id_, new in found.named])
        await payouts.count(connection, terms, [new.line for new in found.paid])
    return CameOf(added=len(found.new), known=found.known, restated=len(found.restated), settled=settled)


def _names(id_: str, new: NewLine) -> dict[str, str | None]:
    return {"b_id": id_} | {f"b_{name}": getattr(new.line, told) for name, told in _NAMES.items()}


async def _keep_outdated(
    connection: AsyncConnection, terms: Terms, outdated: Sequence[tuple[str, NewLine]]
) -> list[Opening]:
    """Keep what an earlier report says of lines of which a later one has told already; books nothing."""
    lines = [new for _, new in outdated]
    past = {new.id: Decided(line=Pending(new.id, new.line), status=SUPERSEDED) for new in lines}
    await add_lines(connection, line_rows(terms, lines, past))
    stay = select(settlement_lines).where(_lines.id.in_([id_ for id_, _ in outdated]))
    later = {row["id"]: row for row in (await connection.execute(stay)).mappings()}
    return [_outdated(terms, new, later[id_]) for id_, new in outdated]


@cache
def _standing(postgresql: bool) -> Select[Any]:  # noqa: FBT001 - the key of a cache
    return _STANDING.where(lookups.among(_lines.key, "keys", postgresql=postgresql))


async def standing_of(connection: AsyncConnection, account: str, keys: Iterable[str]) -> dict[str, Standing]:
    """Read the lines that stand under *keys*, by key."""
    asked = {"account": account, "keys": lookups.listed(connection, keys)}
    rows = await connection.execute(_standing(lookups.is_postgresql(connection)), asked)
    return {row[0]: Standing(*row[1:]) for row in rows}


def _restated(terms: Terms, before: RowMapping, new: NewLine) -> Opening:
    was, now = _as_stored(before), _as_told(new)
    told = {"key": new.line.key, "superseded_line": before["id"], "superseded_settlement": before["batch_id"]}
    detail = f"line {new.number} says something else than before: {_both(was, now)}"
    return _otherwise(terms, new.id, detail, told | {"before": was, "after": now})


def _outdated(terms: Terms, new: NewLine, later: RowMapping) -> Opening:
    was, now = _as_told(new), _as_stored(later)
    told = {"key": new.line.key, "superseded_line": new.id, "superseded_settlement": terms.batch_id}
    detail = f"line {new.number} says something else than the later report {later['batch_id']}: {_both(was, now)}"
    return _otherwise(terms, later["id"], detail, told | {"before": was, "after": now})


def _as_stored(row: RowMapping) -> dict[str, Any]:
    amounts = {name: row[f"{name}_minor"] for name in ("gross", "fee", "net")}
    return amounts | {"type": row["type"], "currency": row["currency"]}


def _as_told(new: NewLine) -> dict[str, Any]:
    line = new.line
    amounts = {"gross": line.gross_minor, "fee": line.fee_minor, "net": line.net_minor}
    return amounts | {"type": line.type.value, "currency": line.currency.value}


def _both(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    before = written(was["net"], was["currency"])
    return f"net {written(now['net'], now['currency'])}, where it was {before}"


def _otherwise(terms: Terms, line_id: str, detail: str, context: Mapping[str, Any]) -> Opening:
    was, now = context["before"], context["after"]
    variance = now["net"] - was["net"] if was["currency"] == now["currency"] else None
    return Opening(
        type="settlement_file_restated",
        livemode=terms.livemode,
        merchant_account=terms.merchant_account,
        amount_minor=abs(now["net"] if variance is None else variance),
        currency=now["currency"],
        variance_minor=variance,
        detail=detail,
        line_id=line_id,
        batch_id=terms.batch_id,
        context=context,
    )


def _sum(one: CameOf, other: CameOf) -> CameOf:
    return CameOf(
        added=one.added + other.added,
        known=one.known + other.known,
        restated=one.restated + other.restated,
        settled=one.settled + other.settled,
    )
