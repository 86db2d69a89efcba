"""How the cells of a report are read: columns by their names, amounts to the digit, instants; pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from types import MappingProxyType
from typing import Final, cast

from normalization.money import EXPONENT, Currency, Money
from normalization.settlements import BrokenRow, NotAReportError

OR: Final = "|"
"""Between the names of columns any of which will do, the best first."""
SHOWN_MAX: Final = 5
"""How many missing columns a message names."""

_DECIMAL: Final = re.compile(r"-?[0-9]{1,13}(?:\.[0-9]{1,18})?", re.ASCII)
_BY_CODE: Final = MappingProxyType(
    {spelt: currency for currency in Currency for spelt in (currency.value, currency.value.lower())}
)
_BYTE_ORDER_MARK: Final = "\ufeff"


class CellError(ValueError):
    """A cell cannot be read; `column` is the header's word, None where it is the row. The cell itself is not shown."""

    def __init__(self, column: str | None, message: str) -> None:
        """Keep where it is beside what is wrong."""
        super().__init__(message)
        self.column = column

    def broken(self) -> BrokenRow:
        """Give the row's place among a report's broken rows."""
        return BrokenRow(column=self.column, message=str(self))


def minor_units(text: str, currency: Currency, column: str) -> int:
    """Read a decimal number of major units ("-12.30") into ISO minor units.

    Raises:
        CellError: when it is none, or has digits that the currency does not have; nothing is ever rounded.
    """
    return units(text, EXPONENT[currency], column)


def units(text: str, digits_max: int, column: str) -> int:
    """Read a decimal number into units of 10**-*digits_max*.

    Raises:
        CellError: when it is none, or has more decimal digits, noughts at the end left out.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise CellError(column, "is no decimal number such as 12.34, with a point and without separators of thousands")
    whole, _, digits = text.partition(".")
    if len(digits) != digits_max:
        if digits[digits_max:].strip("0"):
            raise CellError(column, f"has more than the {digits_max} decimal digits that there can be")
        digits = digits[:digits_max].ljust(digits_max, "0")
    return int(whole + digits)


def currency_of(text: str, column: str) -> Currency:
    """Read a currency's code, in capitals or small letters.

    Raises:
        CellError: when the hub knows no such currency.
    """
    found = _BY_CODE.get(text)
    if found is None:
        raise CellError(column, "is no ISO 4217 code of a currency that the hub knows, such as EUR")
    return found


def instant(text: str, column: str, zone: tzinfo = UTC) -> datetime:
    """Read a date, or date and time, as ISO 8601 has them; in *zone* where it names none.

    Raises:
        CellError: when it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CellError(column, "is no date and time such as 2026-11-20 10:00:00") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    if at.tzinfo is UTC:
        return at
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise CellError(column, "is no date and time of this age") from None


def presented(minor: int, currency: Currency, settled_in: Currency, gross_minor: int) -> Money | None:
    """Give the amount in the payment's own currency, with the sign of *gross_minor*; None where it is the payout's."""
    if currency is settled_in:
        return None
    return Money(-abs(minor) if gross_minor < 0 else abs(minor), currency)


class Picker:
    """Takes the wanted cells out of rows, whatever the order of the columns; what is not there is empty.

    Names are compared without regard to capitals and spaces around them.
    """

    def __init__(self, header: Sequence[str], needed: Sequence[str], wanted: Sequence[str] = ()) -> None:
        """Find the columns, those *needed* first.

        Raises:
            NotAReportError: when a needed column is missing, or one is there twice.
        """
        there = _places(header)
        lacking = missing(header, needed)
        if lacking:
            raise NotAReportError(_lacks(lacking))
        self.names = tuple(_chosen(name, there) for name in (*needed, *wanted))
        places = [there.get(_plain(name), len(header)) for name in self.names]
        twice = [name for name in self.names if [_plain(cell) for cell in header].count(_plain(name)) > 1]
        if twice:
            raise NotAReportError(f"the column {twice[0]} is there twice; remove one")
        self._width = len(header)
        self._take = cast("Callable[[list[str]], tuple[str, ...]]", itemgetter(*places))

    def __call__(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Give the wanted cells in the order in which they were asked for.

        Raises:
            CellError: when the row has more cells than the header, or fewer.
        """
        if len(cells) != self._width:
            raise CellError(None, f"has {len(cells)} cells where the header has {self._width}")
        return self._take([*cells, ""])


def recognised(header: Sequence[str], formats: Mapping[str, Sequence[str]]) -> str:
    """Name the format whose needed columns are all there; of several the first.

    Raises:
        NotAReportError: when there is none; the message names what the nearest lacks.
    """
    lacking = {name: missing(header, needed) for name, needed in formats.items()}
    nearest = min(lacking, key=lambda name: len(lacking[name]))
    if lacking[nearest]:
        raise NotAReportError(f"{_lacks(lacking[nearest])} of the format {nearest}, which comes nearest")
    return nearest


def missing(header: Sequence[str], needed: Sequence[str]) -> list[str]:
    """List the needed columns that *header* has not."""
    there = _places(header)
    return [name for name in needed if not any(_plain(one) in there for one in name.split(OR))]


def _lacks(names: Sequence[str]) -> str:
    shown = [name.replace(OR, " or ") for name in names[:SHOWN_MAX]]
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return f"the header lacks {', '.join(shown)}{more}"


def _chosen(name: str, there: Mapping[str, int]) -> str:
    alternatives = name.split(OR)
    return next((one for one in alternatives if _plain(one) in there), alternatives[0])


def _places(header: Sequence[str]) -> dict[str, int]:
    return {_plain(name): place for place, name in reversed(list(enumerate(header)))}


def _plain(name: str) -> str:
    return name.strip().removeprefix(_BYTE_ORDER_MARK).strip().lower()
