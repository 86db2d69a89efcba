"""A month of one merchant account: what there was, what moved it, what there is; pure.

The balance is what the processor owes us and what it has settled that our bank has not received: the ledger's
`settlement_receivable` and `bank_clearing`. What moves between these two changes nothing; every transfer that touches
one of them and an account besides is in exactly one part, so that the parts add up by what they are made of.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import fields

from hub.ledger import chart
from hub.ledger.summing import Totals

BY_HAND: Final = frozenset({"exception_settled", "exception_reopened"})
_BY_CODE: Final[Mapping[str, str]] = {
    "capture": "captured",
    "capture_reversal": "captured",
    "refund": "refunded",
    "refund_reversal": "refunded",
}
_BY_COUNTER: Final[Mapping[str, str]] = {
    "disputes_receivable": "disputed",
    "dispute_losses": "disputed",
    "processor_fees": "fees",
    "dispute_fees": "fees",
    "reserve_receivable": "reserve",
    "own_funds": "own_funds",
    "fx_position": "exchanged",
    "fx_gain_loss": "exchanged",
    "suspense": "unexplained",
    "customer_refunds_payable": "unexplained",
    "bank": "received",
}
"""The part that any other movement belongs to, by the account on its other side."""


class Movement(NamedTuple):
    """Transfers alike of one month, added up."""

    debit: str
    credit: str
    currency: str
    code: str
    amount_minor: int


class Parts(Struct, frozen=True, kw_only=True):
    """What changed a balance, in minor units: positive is more for us. docs/reconciliation.md says what each is."""

    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    fees: int = 0
    reserve: int = 0
    own_funds: int = 0
    exchanged: int = 0
    unexplained: int = 0
    adjusted: int = 0
    received: int = 0


PARTS: Final = tuple(field.name for field in fields(Parts))


class Standing(Struct, frozen=True, kw_only=True):
    """What stands on a merchant account's accounts at an instant; `balance` is the first two together."""

    outstanding: int = 0
    clearing: int = 0
    reserve: int = 0
    unexplained: int = 0

    @property
    def balance(self) -> int:
        """What the processor owes us and what is on its way to our bank."""
        return self.outstanding + self.clearing


class Month(Struct, frozen=True, kw_only=True):
    """One currency's month."""

    currency: str
    opening: Standing
    parts: Parts
    closing: Standing

    @property
    def off(self) -> int:
        """How far opening and parts are from closing; anything but 0 is a mistake in the books or here."""
        moved: int = sum(getattr(self.parts, name) for name in PARTS)
        return self.closing.balance - self.opening.balance - moved


def months_of(account: str, opening: Totals, movements: Iterable[Movement], closing: Totals) -> list[Month]:
    """Make the month of *account* in each currency in which it has one, by currency."""
    moved: dict[str, dict[str, int]] = {}
    for one in movements:
        part, minor = _part(account, one)
        if minor:
            of = moved.setdefault(one.currency, dict.fromkeys(PARTS, 0))
            of[part] += minor
    before, after = _standing(account, opening), _standing(account, closing)
    return [
        Month(
            currency=currency,
            opening=before.get(currency, Standing()),
            parts=Parts(**moved.get(currency, {})),
            closing=after.get(currency, Standing()),
        )
        for currency in sorted({*moved, *before, *after})
    ]


def _part(account: str, moved: Movement) -> tuple[str, int]:
    own = {chart.receivable(account), chart.bank_clearing(account)}
    if (moved.debit in own) is (moved.credit in own):
        return "adjusted", 0
    counter, minor = (moved.credit, moved.amount_minor) if moved.debit in own else (moved.debit, -moved.amount_minor)
    if moved.code in BY_HAND:
        return "adjusted", minor
    by_code = _BY_CODE.get(moved.code)
    return by_code or _BY_COUNTER.get(counter.partition(":")[0], "adjusted"), minor


def _standing(account: str, totals: Totals) -> dict[str, Standing]:
    names = {
        chart.receivable(account): "outstanding",
        chart.bank_clearing(account): "clearing",
        chart.reserve(account): "reserve",
        chart.suspense(account): "unexplained",
    }
    found: dict[str, dict[str, int]] = {}
    for (name, currency), sums in totals.items():
        if name in names:
            sign = -1 if names[name] == "unexplained" else 1
            found.setdefault(currency, {})[names[name]] = sign * (sums.debits_minor - sums.credits_minor)
    return {currency: Standing(**of) for currency, of in found.items()}
