"""Which entry of our bank is which payout: by its name in the entry's texts, else by amount and day; pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from msgspec import Struct

NAMES_MIN: Final = 6
"""A payout's name shorter than this proves nothing by itself: the amount has to agree as well."""
EARLY: Final = timedelta(days=1)
"""How long before a processor says so a payout may be booked: days begin at other hours elsewhere."""
LATE: Final = timedelta(days=7)
"""How long after it, at the latest; a payout that has not arrived by then is missing."""
_WORD: Final = re.compile(r"[0-9A-Za-z_-]+")


class Payout(Struct, frozen=True, kw_only=True):
    """Money on its way to our bank; below zero where the processor takes it from there.

    `reference` is another name of it, which some processors write on the bank statement instead.
    """

    merchant_account: str
    name: str
    currency: str
    amount_minor: int
    paid_on: date
    reference: str | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """Money that our bank booked; negative where it left."""

    id: str
    booked_on: date
    currency: str
    amount_minor: int
    texts: tuple[str, ...] = ()


class Ties(Struct, frozen=True, kw_only=True):
    """Which entry is which payout; `ambiguous` entries fit several payouts equally well, and are tied to none."""

    tied: Sequence[tuple[Entry, Payout]]
    ambiguous: Sequence[tuple[Entry, Sequence[Payout]]]


def tie(entries: Sequence[Entry], payouts: Sequence[Payout], known: Sequence[Payout] = ()) -> Ties:
    """Tie entries to payouts, each of both once: by name first, then by amount within a window of days.

    What came in is a payout to us, what left one that the processor took, which is below zero. *known* are all that
    there ever were: what names one of them is no other, however well the amount fits.
    """
    left = {_key(one): one for one in payouts}
    tied: list[tuple[Entry, Payout]] = []
    by_name, of_any = _named(payouts), _named([*payouts, *known], NAMES_MIN)
    rest = []
    for entry in sorted(entries, key=lambda one: not any(_pays(one, of) for of in _meant(one, by_name))):
        named = [one for one in _meant(entry, by_name) if _key(one) in left and _goes_as(entry, one)]
        if len(named) == 1:
            tied.append((entry, left.pop(_key(named[0]))))
        elif len(named) > 1 or not _meant(entry, of_any):
            rest.append(entry)
    tied_by_amount, ambiguous = _by_amount(rest, list(left.values()))
    return Ties(tied=[*tied, *tied_by_amount], ambiguous=ambiguous)


def _pays(entry: Entry, payout: Payout) -> bool:
    return entry.amount_minor == payout.amount_minor


def _goes_as(entry: Entry, payout: Payout) -> bool:
    return (entry.amount_minor > 0) is (payout.amount_minor > 0)


def came_back(entry: Entry, payouts: Sequence[Payout]) -> Payout | None:
    """Find the one payout to us that an entry names by which money left again."""
    found = [one for one in _meant(entry, _named(payouts)) if not _goes_as(entry, one) and one.amount_minor > 0]
    return found[0] if len(found) == 1 else None


def _key(payout: Payout) -> tuple[str, str, str]:
    return payout.merchant_account, payout.name, payout.currency


def _named(payouts: Sequence[Payout], letters_min: int = 1) -> Mapping[str, Sequence[Payout]]:
    found: dict[str, list[Payout]] = defaultdict(list)
    for payout in payouts:
        for name in {payout.name, payout.reference or ""}:
            if len(name) >= letters_min:
                found[name].append(payout)
    return found


def _meant(entry: Entry, by_name: Mapping[str, Sequence[Payout]]) -> Sequence[Payout]:
    words = dict.fromkeys(word for text in entry.texts for word in _WORD.findall(text))
    meant = (
        payout
        for word in words
        for payout in by_name.get(word, ())
        if payout.currency == entry.currency
        and (len(word) >= NAMES_MIN or abs(payout.amount_minor) == abs(entry.amount_minor))
    )
    return [*dict.fromkeys(meant)]


def _by_amount(
    entries: Sequence[Entry], payouts: Sequence[Payout]
) -> tuple[list[tuple[Entry, Payout]], list[tuple[Entry, Sequence[Payout]]]]:
    alike: dict[tuple[str, int], list[Payout]] = defaultdict(list)
    for payout in payouts:
        alike[payout.currency, payout.amount_minor].append(payout)
    fits = {
        entry.id: [one for one in alike[entry.currency, entry.amount_minor] if _in_time(entry, one)]
        for entry in entries
    }
    wanted: dict[tuple[str, str, str], int] = defaultdict(int)
    for found in fits.values():
        for payout in found:
            wanted[_key(payout)] += 1
    tied: list[tuple[Entry, Payout]] = []
    ambiguous: list[tuple[Entry, Sequence[Payout]]] = []
    for entry in entries:
        found = fits[entry.id]
        if len(found) == 1 and wanted[_key(found[0])] == 1:
            tied.append((entry, found[0]))
        elif found:
            ambiguous.append((entry, found))
    return tied, ambiguous


def _in_time(entry: Entry, payout: Payout) -> bool:
    return payout.paid_on - EARLY <= entry.booked_on <= payout.paid_on + LATE
