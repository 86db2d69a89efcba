"""What no import may break: what is booked is what the lines say, and what is owed shrinks by what was expected."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from hub import metrics
from hub.ledger import chart
from hub.settlement.billing import BILLED
from hub.settlement.posting import MOVES_NOTHING
from hub.settlement.values import Decided
from normalization.settlements import unbalanced

CHECKS: Final = ("net", "clearing", "receivable", "payout")
"""Gross less fee is net; clearing moved by net; what is owed moved by what was expected; lines are their payout."""
_log = structlog.get_logger(__name__)


def offs(account: str, decided: Iterable[Decided]) -> Mapping[tuple[str, str], int]:
    """Say by how many minor units each check is off, by check and currency; nothing where all is well."""
    clearing, owed = chart.bank_clearing(account), chart.receivable(account)
    found: Counter[tuple[str, str]] = Counter()
    for one in decided:
        line = one.line.line
        currency = line.currency.value
        found["net", currency] += abs(unbalanced(line))
        if line.type not in MOVES_NOTHING:
            found["clearing", currency] -= line.net_minor
        for booking in one.bookings:
            money = booking.money
            if booking.debit == clearing:
                found["clearing", money.currency.value] += money.minor
            elif booking.credit == clearing:
                found["clearing", money.currency.value] -= money.minor
            if booking.credit == owed:
                found["receivable", money.currency.value] += money.minor
            elif booking.debit == owed:
                found["receivable", money.currency.value] -= money.minor
        for wanted in one.wanted:
            if wanted.type != BILLED:
                found["receivable", wanted.currency] -= wanted.gross_minor
    return {of: off for of, off in found.items() if off}


def alarm(account: str, found: Mapping[tuple[str, str], int]) -> None:
    """Count and log what is off."""
    for (check, currency), off in found.items():
        metrics.SETTLEMENT_OFF.labels(check).inc(abs(off))
        _log.error("settlement_does_not_add_up", merchant_account=account, check=check, currency=currency, off=off)
