"""A processor's bill of many small fees: one line for all that a month's declines cost; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from hub.merchants.profile import Terms as AccountTerms
from hub.settlement.posting import of_itself
from hub.settlement.values import Decided, Pending, Terms, Wanted
from normalization.settlements import LineType, SettlementLine

BILLED: Final = "fee"
"""The type of what is expected to be billed."""
BACK: Final = timedelta(days=70)
"""How long before its bill a fee may have been due: a month is billed in the next."""

Month = tuple[str, int, int]
"""A currency, a year and a month."""


def is_bill(line: SettlementLine, account: AccountTerms) -> bool:
    """Whether *line* may be the bill of fees that are expected one by one."""
    return line.type is LineType.FEE and bool(account.other_fees.get("decline"))


def billed_since(lines: Iterable[SettlementLine]) -> tuple[date, date]:
    """Say from which day to which what *lines* bill may have been due."""
    days = [line.booked_at.date() for line in lines]
    return min(days) - BACK, max(days)


def by_month(wanted: Iterable[Wanted]) -> Mapping[Month, Sequence[Wanted]]:
    """Put what is expected to be billed together by month."""
    found: dict[Month, list[Wanted]] = defaultdict(list)
    for one in wanted:
        found[one.currency, one.due_on.year, one.due_on.month].append(one)
    return found


def bill(terms: Terms, lines: Iterable[Pending], months: Mapping[Month, Sequence[Wanted]]) -> list[Decided]:
    """Match each of *lines* with the one month that it bills to the unit; a fee that is none is posted by itself."""
    left, decided = dict(months), list[Decided]()
    for one in lines:
        line = one.line
        fitting = [
            month
            for month, wanted in left.items()
            if month[0] == line.currency and sum(each.gross_minor for each in wanted) == line.net_minor
        ]
        bookings = of_itself(terms.merchant_account, line)
        if len(fitting) == 1:
            wanted = tuple(left.pop(fitting[0]))
            decided.append(Decided(line=one, status="matched", bookings=bookings, match_id=one.id, wanted=wanted))
        else:
            decided.append(Decided(line=one, status="posted", bookings=bookings))
    return decided
