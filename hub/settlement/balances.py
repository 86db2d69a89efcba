"""What a processor holds for us, held against what our books say that it holds; pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Books(Struct, frozen=True, kw_only=True):
    """What our books say of one currency: `owed_minor` should be held, of which `fees_minor` may be kept already.

    A processor keeps its fee when it charges or when it settles, and which of both nobody knows before the line comes.
    """

    owed_minor: int = 0
    fees_minor: int = 0


class Drift(Struct, frozen=True, kw_only=True):
    """How far a balance is off: positive where the processor holds more than our books say."""

    currency: str
    held_minor: int
    owed_minor: int
    fees_minor: int
    drift_minor: int


NOTHING = Books()


def compare(held: Mapping[str, int], books: Mapping[str, Books]) -> Sequence[Drift]:
    """Compare every currency of either side; one that is on one side only counts as zero on the other."""
    return [
        _drift(currency, held.get(currency, 0), books.get(currency, NOTHING)) for currency in sorted({*held, *books})
    ]


def _drift(currency: str, held_minor: int, books: Books) -> Drift:
    over = held_minor - books.owed_minor
    short = held_minor - (books.owed_minor - books.fees_minor)
    return Drift(
        currency=currency,
        held_minor=held_minor,
        owed_minor=books.owed_minor,
        fees_minor=books.fees_minor,
        drift_minor=over if over > 0 else min(short, 0),
    )
