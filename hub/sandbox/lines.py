"""What moved for an account, and the line of its settlement that comes of it. Pure."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.book import Body, Kind
from hub.sandbox.terms import DAY_S, Terms, converted

LineKind = Literal[
    "charge", "charge_failed", "refund", "refund_failed", "chargeback", "chargeback_reversed", "second_chargeback",
    "reserve", "other",
]  # fmt: skip
Digits = Callable[[str], int]
"""How many decimals the processor gives a currency."""

OTHER_MINOR = 100
_KINDS: dict[Kind, tuple[LineKind, LineKind]] = {
    "captured": ("charge", "charge_failed"),
    "refunded": ("refund", "refund_failed"),
    "disputed": ("chargeback", "chargeback_reversed"),
}
_SECOND = "SECOND_CHARGEBACK"


class Moved(Struct, frozen=True, kw_only=True):
    """One movement of the book that has not been settled, see `Entry`."""

    seq: int
    payment: str
    tag: str
    own_tag: str
    kind: Kind
    amount_minor: int
    currency: str
    at: float
    reference: str
    word: str

    @property
    def name(self) -> str:
        """What the merchant calls it; what it gave no name of its own, and is no charge, by the processor's."""
        return self.own_tag or (self.tag if self.kind == "captured" else self.reference)

    @property
    def line_kind(self) -> LineKind:
        """What the settlement calls it."""
        if self.word == _SECOND:
            return "second_chargeback"
        there, back = _KINDS[self.kind]
        return there if self.amount_minor > 0 else back

    def settles_at(self, terms: Terms) -> float:
        """Return when it is settled: a charge after the account's days, what goes back at once."""
        return self.at + (terms.settlement_days * DAY_S if self.line_kind == "charge" else 0)


class Line(Struct, frozen=True, kw_only=True):
    """
    One line of a settlement.

    `charged_minor` is in the payment's currency `charged`, `gross_minor` and `fee_minor` in the `currency` that is paid
    out; what credits the merchant is positive, a fee that it pays too. Without a `rate` both currencies are one.
    `facts` are the processor's, of the payment as it was then.
    """

    kind: LineKind
    payment: str = ""
    reference: str = ""
    tag: str = ""
    own_tag: str = ""
    charged_minor: int
    charged: str
    rate: str = ""
    gross_minor: int
    fee_minor: int = 0
    currency: str
    at: float
    word: str = ""  # A kind of line that only the processor knows.
    facts: Body = {}

    @property
    def net_minor(self) -> int:
        """What it adds to the payout."""
        return self.gross_minor - self.fee_minor

    @property
    def name(self) -> str:
        """What the merchant calls it, as in `Moved`."""
        return self.own_tag or (self.tag if self.kind == "charge" else self.reference)


def line_of(moved: Moved, terms: Terms, digits: Digits, facts: Body) -> Line:
    """Settle one movement by the account's terms."""
    charged_minor = moved.amount_minor if moved.kind == "captured" else -moved.amount_minor
    rate = terms.rate(moved.currency)
    currency = terms.settlement_currency if rate else moved.currency
    gross = converted(charged_minor, rate, digits(moved.currency), digits(currency)) if rate else charged_minor
    kind = moved.line_kind
    fee = {"charge": terms.fees.of_charge(gross), "chargeback": terms.fees.dispute_minor}.get(kind, 0)
    return Line(
        kind=kind, payment=moved.payment, reference=moved.reference, tag=moved.tag, own_tag=moved.own_tag,
        charged_minor=charged_minor, charged=moved.currency, rate=rate, gross_minor=gross, fee_minor=fee,
        currency=currency, at=moved.at, facts=facts,
    )  # fmt: skip


def of_account(kind: LineKind, gross_minor: int, currency: str, at: float, word: str = "") -> Line:
    """Return a line that belongs to no payment."""
    return Line(
        kind=kind, charged_minor=gross_minor, charged=currency, gross_minor=gross_minor, currency=currency, at=at,
        word=word,
    )  # fmt: skip


def dearer(line: Line, by_name: dict[str, int]) -> Line:
    """Charge more for a charge that is named."""
    more = by_name.get(line.name, 0) if line.kind == "charge" else 0
    return replace(line, fee_minor=line.fee_minor + more) if more else line


def sums(lines: list[Line]) -> dict[str, int]:
    """Add what the lines net in each currency."""
    found: dict[str, int] = {}
    for line in lines:
        found[line.currency] = found.get(line.currency, 0) + line.net_minor
    return found
