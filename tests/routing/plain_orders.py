"""How strategies put accounts in order, said plainly, one account at a time: what the columns must equal."""

from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256
from math import log

from routing.accounts import MerchantAccount
from routing.choosing import EXPLORED_IN_ALL, EXPLORED_MAX, OUTCOMES_MIN, REGRET_MAX, Figures
from routing.costs import expected_cost
from routing.evidence import Estimate, estimate, groups_of
from routing.facts import Facts
from routing.rules import Use


def drawn(accounts: Sequence[str], use: Use, lot: str) -> list[str]:
    """As the documentation has it: each waits for -ln(u) / weight, and who has no weight comes last, as listed."""
    weights = dict(zip(use.accounts, use.weights, strict=True))

    def wait(account: str) -> float:
        u = (int.from_bytes(sha256(f"{lot}:{account}".encode()).digest()[:8], "big") + 1) / 2**64
        return -log(u) / weights[account]

    weighty = [one for one in accounts if weights[one]]
    return [*sorted(weighty, key=wait), *(one for one in accounts if not weights[one])]


def cost(account: MerchantAccount, facts: Facts, figures: Figures) -> int | None:
    """The fee, None where nobody knows it."""
    found = expected_cost(facts.money, account.fees, figures.learned_fees.get(account.id, ()), facts.card)
    return None if found is None else found.minor


def cheapest(accounts: Sequence[MerchantAccount], facts: Facts, figures: Figures) -> list[tuple[str, int | None]]:
    """By cost, ties as listed; then those without one, as listed."""
    costs = [(one.id, cost(one, facts, figures)) for one in accounts]
    known = [(id, minor) for id, minor in costs if minor is not None]
    return [*sorted(known, key=lambda one: one[1]), *((id, minor) for id, minor in costs if minor is None)]


def left(account: MerchantAccount, use: Use, facts: Facts, figures: Figures) -> Fraction | None:
    """What is left in the end, exactly; None where nobody knows the cost."""
    fee, minor = cost(account, facts, figures), Fraction(facts.money.minor)
    if fee is None:
        return None
    rate = Fraction(figures.chargebacks.get(account.id, use.chargeback_bps / 10_000))
    chargeback = rate * (minor + use.chargeback_fee_minor)
    delay = minor * use.capital_bps / 10_000 / 365 * account.settlement_days
    earned = minor * use.margin_bps / 10_000 - fee - chargeback - delay
    return Fraction(told(account, facts, figures).approval) * earned


def told(account: MerchantAccount, facts: Facts, figures: Figures) -> Estimate:
    """What its outcomes say of payments like this one."""
    return estimate(figures.evidence, account.id, groups_of(facts))


def likeliest(accounts: Sequence[MerchantAccount], facts: Facts, figures: Figures, lot: str) -> list[str]:
    """The best of those with enough outcomes, then by estimate, ties as listed; but a share tries another one first."""
    known = {one.id: told(one, facts, figures) for one in accounts}
    names = list(known)
    if not names:
        return []
    proven = [one for one in names if known[one].outcomes >= OUTCOMES_MIN]
    best = max(proven, key=lambda one: known[one].approval) if proven else names[0]
    others = [one for one in names if one != best]
    behind = [known[best].approval - known[one].approval for one in others]
    shares = [EXPLORED_MAX if gap <= 0 else min(EXPLORED_MAX, REGRET_MAX / gap) for gap in behind]
    all_of_them = min(1.0, EXPLORED_IN_ALL / sum(shares)) if shares else 1.0
    ordered = [best, *sorted(others, key=lambda one: -known[one].approval)]
    point, end = int.from_bytes(sha256(lot.encode()).digest()[:8], "big") / 2**64, 0.0
    for one, share in zip(others, shares, strict=True):
        end += share * all_of_them
        if point < end:
            return [one, *(name for name in ordered if name != one)]
    return ordered
