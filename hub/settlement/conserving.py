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
    """Say by how many minor units each check is off, by check and currency, or match; nothing where all is well."""
    clearing, owed = chart.bank_clearing(account), chart.receivable(account)
    found: Counter[tuple[str, str]] = Counter()
    for one in decided:
        line = one.line.line
        stays = line.gross_minor if line.type in MOVES_NOTHING else 0  # Until the bank has it.
        cleared = _net(one, clearing) + stays - line.net_minor
        settled = -_net(one, owed) - sum([each.gross_minor for each in one.wanted if each.type != BILLED])
        if cleared:
            found["clearing", line.currency.value] += cleared
        if settled:  # The lines of one match make up for each other.
            found["receivable", one.match_id or one.line.id] += settled
        if off := unbalanced(line):
            found["net", line.currency.value] += abs(off)
    return {of: off for of, off in found.items() if off}


def _net(one: Decided, account: str) -> int:
    """Sum what a line debits an account with, less what it credits it with."""
    net = 0
    for booking in one.bookings:
        if booking.debit == account:
            net += booking.money.minor
        elif booking.credit == account:
            net -= booking.money.minor
    return net


def alarm(account: str, found: Mapping[tuple[str, str], int]) -> None:
    """Count and log what is off."""
    for (check, of), off in found.items():
        metrics.SETTLEMENT_OFF.labels(check).inc(abs(off))
        _log.error("settlement_does_not_add_up", merchant_account=account, check=check, of=of, off=off)
