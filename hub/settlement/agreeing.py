"""Whether lines agree with what was expected in amount, fee and exchange, and what is said where they do not; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from hub.merchants.profile import Terms as AccountTerms
from hub.settlement.tolerance import bps_off, within_bps
from hub.settlement.values import Concern, Wanted
from normalization.money import written
from normalization.settlements import SettlementLine


class Agreement(Struct, frozen=True, gc=False):
    """What differs between lines and what they settle: for a human, and what is only worth telling."""

    concerns: tuple[Concern, ...] = ()
    info: tuple[Mapping[str, Any], ...] = ()
    exchange_minor: int = 0


AGREED = Agreement()


def amount_in(line: SettlementLine, currency: str) -> int | None:
    """Say what *line* is about in *currency*; None where the processor did not say it."""
    if line.currency == currency:
        return line.gross_minor
    presented = line.presented
    return presented.minor if presented is not None and presented.currency == currency else None


def is_agreed(line: SettlementLine, wanted: Wanted, account: AccountTerms) -> bool:
    """Whether *line* is in the payment's currency or in the one that the account settles in, where that is known."""
    if line.currency == wanted.currency:
        return True
    agreed = wanted.settle_currency or account.settlement_currency
    return (agreed is None or line.currency == agreed) and amount_in(line, wanted.currency) is not None


def fees_agree(
    lines: Sequence[SettlementLine], wanted: Sequence[Wanted], tolerance_minor: int, besides_minor: int = 0
) -> Agreement:
    """Hold the fees of *lines*, and of others *besides*, against the schedule, where it has them in their currency."""
    currency = lines[0].currency
    expected = 0
    for one in wanted:
        if one.fee_minor is None or one.currency != currency:
            return AGREED
        expected += one.fee_minor
    charged = besides_minor + sum(line.fee_minor for line in lines)
    off = charged - expected
    if not off:
        return AGREED
    if abs(off) <= tolerance_minor:
        return Agreement(info=({"type": "fee_rounding", "variance": off},))
    first = wanted[0]
    concern = Concern(
        type="fee_variance" if expected else "fee_unexpected",
        variance_minor=off,
        currency=currency,
        detail=f"a fee of {written(charged, currency)} was charged, the schedule says {written(expected, currency)}",
        expected_id=first.id,
        payment_id=first.payment_id,
        operation_id=first.operation_id,
        context={"charged": charged, "scheduled": expected},
    )
    return Agreement(concerns=(concern,))


def exchange_agrees(line: SettlementLine, wanted: Wanted, fx_bps: int) -> Agreement:
    """Hold what a conversion brought against what it had to bring, where a rate was known beforehand."""
    if wanted.settle_minor is None or wanted.settle_currency != line.currency or line.currency == wanted.currency:
        return AGREED
    off = line.gross_minor - wanted.settle_minor
    if not off:
        return AGREED
    bps = bps_off(wanted.settle_minor, line.gross_minor)
    if within_bps(wanted.settle_minor, line.gross_minor, fx_bps):
        return Agreement(info=({"type": "fx_difference", "variance": off, "bps": bps},), exchange_minor=off)
    concern = Concern(
        type="fx_variance",
        variance_minor=off,
        currency=line.currency,
        detail=f"{written(line.gross_minor, line.currency)} was settled for "
        f"{written(wanted.gross_minor, wanted.currency)}, "
        f"the rate known then says {written(wanted.settle_minor, line.currency)}",
        expected_id=wanted.id,
        payment_id=wanted.payment_id,
        operation_id=wanted.operation_id,
        context={"bps": bps, "rate": line.exchange_rate},
    )
    return Agreement(concerns=(concern,), exchange_minor=off)
