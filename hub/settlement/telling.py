"""What a chunk of lines tells: which are new, which were told before, and which now say something else.

A line that says something else stands in the place of the one before, which is kept: what that had posted is posted
back, what it was matched with is free again, and a human is told by an exception with both.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, Select, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.settlement import settling
from hub.settlement.superseding import supersede
from hub.settlement.tables import settlement_lines
from hub.settlement.values import NewLine, Settled, Terms

SUPERSEDED: Final = "superseded"
_lines: Final = settlement_lines.c
_STANDING: Final = select(_lines.key, _lines.id, _lines.digest).where(
    _lines.merchant_account == bindparam("account"), _lines.status != text(f"'{SUPERSEDED}'")
)
_BY_ARRAY: Final = _STANDING.where(_lines.key == any_(bindparam("keys", type_=ARRAY(TEXT))))
_BY_JSON: Final = _STANDING.where(
    _lines.key.in_(select(func.json_each(bindparam("keys")).table_valued("value").c.value))
)


class CameOf(Struct, frozen=True, kw_only=True):
    """How many lines were new, known and restated, and what became of those that were written."""

    added: int = 0
    known: int = 0
    restated: int = 0
    settled: Settled = Settled()


class Sorted(Struct, frozen=True, kw_only=True):
    """Lines by what they are to the ones before: `restated` with the ids of those they stand in place of."""

    new: Sequence[NewLine]
    known: int
    restated: Sequence[tuple[str, NewLine]]


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


def sort_out(lines: Sequence[NewLine], standing: dict[str, tuple[str, str]]) -> Sorted:
    """Hold lines of different keys against those that stand, whose id and digest are by key."""
    if not standing:
        return Sorted(new=lines, known=0, restated=())
    new, restated = [], []
    for one in lines:
        before = standing.get(one.line.key)
        if before is None:
            new.append(one)
        elif before[1] != one.digest:
            restated.append((before[0], one))
    return Sorted(new=new, known=len(lines) - len(new) - len(restated), restated=restated)


async def _tell(connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine]) -> CameOf:
    found = sort_out(lines, await _standing(connection, terms.merchant_account, [new.line.key for new in lines]))
    before = await supersede(connection, terms, [id_ for id_, _ in found.restated])
    written = [*found.new, *(new for _, new in found.restated)]
    settled = await settling.settle(connection, terms, written) if written else Settled()
    if found.restated:
        openings = [_restated(terms, before[id_], new) for id_, new in found.restated]
        await open_exceptions(connection, openings, terms.now)
    return CameOf(added=len(found.new), known=found.known, restated=len(found.restated), settled=settled)


async def _standing(connection: AsyncConnection, account: str, keys: list[str]) -> dict[str, tuple[str, str]]:
    asked: Select[Any] = _BY_ARRAY
    given: Any = keys
    if connection.dialect.name != "postgresql":
        asked, given = _BY_JSON, msgspec.json.encode(keys).decode()
    rows = await connection.execute(asked, {"account": account, "keys": given})
    return {key: (id_, digest) for key, id_, digest in rows}


def _restated(terms: Terms, before: RowMapping, new: NewLine) -> Opening:
    line = new.line
    same = before["currency"] == line.currency
    variance = line.net_minor - before["net_minor"] if same else None
    told = {
        "key": line.key,
        "superseded_line": before["id"],
        "superseded_settlement": before["batch_id"],
        "before": {name: before[f"{name}_minor"] for name in ("gross", "fee", "net")}
        | {"type": before["type"], "currency": before["currency"]},
        "after": {"gross": line.gross_minor, "fee": line.fee_minor, "net": line.net_minor}
        | {"type": line.type, "currency": line.currency},
    }
    was, now = f"{before['net_minor']} {before['currency']}", f"{line.net_minor} {line.currency.value}"
    return Opening(
        type="settlement_file_restated",
        livemode=terms.livemode,
        merchant_account=terms.merchant_account,
        amount_minor=abs(line.net_minor if variance is None else variance),
        currency=line.currency.value,
        variance_minor=variance,
        detail=f"line {new.number} says something else than before: net {now} in minor units, where it was {was}",
        line_id=new.id,
        batch_id=terms.batch_id,
        context=told,
    )


def _sum(one: CameOf, other: CameOf) -> CameOf:
    return CameOf(
        added=one.added + other.added,
        known=one.known + other.known,
        restated=one.restated + other.restated,
        settled=one.settled + other.settled,
    )
