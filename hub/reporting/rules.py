"""What a transfer counts as in a reconciliation, and what its figures must come to; pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from operator import add
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple, fields

from hub.ledger import chart
from normalization.money import written

_CODES: Final[Mapping[str, tuple[str, int]]] = {
    "capture": ("captured", 1),
    "capture_reversal": ("captured", -1),
    "refund": ("refunded", 1),
    "refund_reversal": ("refunded", -1),
    "dispute_taken": ("disputed", 1),
    "dispute_reinstated": ("disputed", -1),
}
"""The figure that a transfer's code alone names, and whether it raises it."""
_KINDS: Final[Mapping[str, tuple[str, int]]] = {
    "processor_fees": ("fees", 1),
    "dispute_fees": ("fees", 1),
    "reserve_receivable": ("reserve", 1),
    "fx_gain_loss": ("exchange_loss", 1),
    "bank": ("received", 1),
}
"""The figure that an account's balance is, and whether a debit raises it."""
_WAITING: Final = frozenset({"suspense", "customer_refunds_payable"})
_SURPLUS: Final = frozenset({"surplus", "surplus_reversal"})


class Figures(Struct, frozen=True, kw_only=True):
    """What a reconciliation says of one group in one currency, in minor units; docs/reconciliation.md defines each."""

    expected: int = 0
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    surplus: int = 0
    settled: int = 0
    adjusted: int = 0
    unmatched: int = 0
    fees: int = 0
    reserve: int = 0
    exchange_loss: int = 0
    received: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        """Add up two groups of one currency."""
        return figures(map(add, astuple(self), astuple(other)))

    @property
    def moved(self) -> int:
        """By how much what processors owe us rose."""
        return self.expected - self.settled + self.adjusted


NAMES: Final = tuple(field.name for field in fields(Figures))
"""The figures that are added up from transfers and authorizations; the columns of `report_days`."""
NOTHING: Final = Figures()


def figures(sums: Iterable[int]) -> Figures:
    """Make figures of sums in the order of `NAMES`."""
    return Figures(**dict(zip(NAMES, sums, strict=True)))


class Key(NamedTuple):
    """What figures are of; one field a column of `report_days`. An empty `ruleset` or `rule` is none."""

    livemode: bool
    day: date
    merchant_account: str
    currency: str
    ruleset: str
    rule: str


class Alike(NamedTuple):
    """Transfers alike, added up.

    `line_account` is the merchant account of the settlement line that caused them, None where none did. `by_hand`: a
    human settled an exception by them. `at_once`: their payment is authorized and captured in one step.
    """

    livemode: bool
    day: date
    debit: str
    credit: str
    currency: str
    code: str
    line_account: str | None
    by_hand: bool
    at_once: bool
    ruleset: str
    rule: str
    amount_minor: int


def account_of(alike: Alike) -> str:
    """Name the merchant account that transfers belong to; empty where none of them says."""
    if alike.line_account is not None:
        return alike.line_account
    for side in (alike.debit, alike.credit):
        account = chart.read(side)
        if account is not None and account.merchant_account is not None:
            return account.merchant_account
    return ""


def counted_as(alike: Alike) -> Figures:
    """Say which figures transfers raise and lower, and by how much."""
    minor, found = alike.amount_minor, dict.fromkeys(NAMES, 0)
    for side, sign in ((alike.debit, 1), (alike.credit, -1)):
        kind = side.partition(":")[0]
        if kind == "settlement_receivable":
            if alike.by_hand:
                found["adjusted"] += sign * minor
            elif alike.line_account is not None:
                found["settled"] -= sign * minor
            else:
                found["expected"] += sign * minor
                found["surplus"] += sign * minor if alike.code in _SURPLUS else 0
        elif kind in _WAITING and alike.line_account is not None:
            found["unmatched"] -= sign * minor
        elif kind in _KINDS:
            name, raised_by_debit = _KINDS[kind]
            found[name] += sign * raised_by_debit * minor
    if alike.code in _CODES:
        name, raises = _CODES[alike.code]
        found[name] += raises * minor
        if name == "captured" and alike.at_once:
            found["authorized"] += raises * minor
    return Figures(**found)


def by_key(transfers: Iterable[Alike], authorized: Iterable[tuple[Key, int]] = ()) -> dict[Key, Figures]:
    """Add up the figures of transfers, and what was authorized to be captured later; no row counts nothing."""
    found: dict[Key, Figures] = {}
    for one in transfers:
        counted = counted_as(one)
        if counted != NOTHING:
            key = Key(one.livemode, one.day, account_of(one), one.currency, one.ruleset, one.rule)
            found[key] = found.get(key, NOTHING) + counted
    for key, minor in authorized:
        found[key] = found.get(key, NOTHING) + Figures(authorized=minor)
    return found


def unconserved(figures: Figures, currency: str, of: str) -> Iterator[str]:
    """Tell where what is expected is not what was captured less what was given back; a sentence each."""
    moved = figures.captured - figures.refunded - figures.disputed + figures.surplus
    if figures.expected != moved:
        yield (
            f"{of}: {written(figures.expected, currency)} is expected, and captured less refunded less disputed with "
            f"the surplus is {written(moved, currency)}"
        )


def unlike_the_ledger(outstanding: Mapping[tuple[str, str], int], owed: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Tell where what is outstanding, by account and currency, is not what the ledger says is owed."""
    for key in sorted({*outstanding, *owed}):
        here, there = outstanding.get(key, 0), owed.get(key, 0)
        if here != there:
            account, currency = key
            is_, booked = written(here, currency), written(there, currency)
            yield f"{account}: {is_} is outstanding, and the ledger says {booked}"
