"""What is known of accounts for payments that are alike: all of an order by figures that no amount changes.

What one payment is worked out with stands in columns, with a place in each for each account: all at once is fastest.
"""

from collections.abc import Mapping

from msgspec import Struct

from normalization.money import Currency
from normalization.tokens import CardFacts
from routing.accounts import MerchantAccount
from routing.costs import Learned, Unpriced, tariff, why_unpriced
from routing.evidence import Evidence, Group, estimate, groups_within

Loss = tuple[float | None, int]
"""A chargeback rate, None where an account has none of its own, and settlement days."""


Told = tuple[str, float, float, bool, Unpriced | None, int]
"""What is shown of an account, as a tuple since those come apart fastest.

Its id, its approvals (a share of 1), on how many outcomes, whether its cost comes from settled lines, why nobody knows
that, and the place of its loss.
"""


class Terms(Struct, frozen=True, kw_only=True):
    """The accounts whose cost is known (`priced`, beside them the columns that one payment is worked out with).

    `unpriced` are the others, `losses` has each loss once. All holds for the first four fields alone.
    """

    accounts: tuple[MerchantAccount, ...]
    evidence: Evidence
    learned_fees: Learned
    chargebacks: Mapping[str, float]
    losses: tuple[Loss, ...]
    priced: tuple[Told, ...]
    percents_ppm: tuple[int, ...]
    fixed_minor: tuple[int, ...]
    approvals: tuple[float, ...]
    lost: tuple[int, ...]
    unpriced: tuple[Told, ...]


def terms_of(
    accounts: tuple[MerchantAccount, ...],
    group: Group,
    card: CardFacts,
    evidence: Evidence,
    learned_fees: Learned,
    chargebacks: Mapping[str, float],
) -> Terms:
    """Look *accounts* up for all payments of the finest *group*, which says all of the *card* that costs ask for."""
    groups, currency = groups_within(group), Currency(group[0])
    losses: dict[Loss, int] = {}
    priced, unpriced = [], []
    for one in accounts:
        asked = tariff(currency, one.fees, learned_fees.get(one.id, ()), card)
        likely = estimate(evidence, one.id, groups)
        loss = losses.setdefault((chargebacks.get(one.id), one.settlement_days), len(losses))
        shown = one.id, round(likely.approval, 4), round(likely.outcomes, 1)
        if asked is None:
            unpriced.append((*shown, False, why_unpriced(currency, one.fees), loss))
        else:
            told: Told = (*shown, asked.learned, None, loss)
            priced.append((told, asked, likely.approval))
    return Terms(
        accounts=accounts,
        evidence=evidence,
        learned_fees=learned_fees,
        chargebacks=chargebacks,
        losses=tuple(losses),
        priced=tuple(told for told, _, _ in priced),
        percents_ppm=tuple(asked.percent_ppm for _, asked, _ in priced),
        fixed_minor=tuple(asked.fixed_minor for _, asked, _ in priced),
        approvals=tuple(approval for _, _, approval in priced),
        lost=tuple(told[-1] for told, _, _ in priced),
        unpriced=tuple(unpriced),
    )
