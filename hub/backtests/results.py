"""What a backtest shows: what would move, what that would cost, and with what expected approvals; pure.

Nothing is expected where nothing was seen: where an account has no outcome of payments in the same currency and
country, its part of the answer is `no_evidence` and not a guess.
"""

from collections import defaultdict
from collections.abc import Iterable
from math import sqrt
from typing import Final, Literal

from msgspec import Struct, field

from hub.backtests.rules import NOWHERE, REFUSED, Flow, Group, Seen, Tally

Z: Final = 1.96
"""Standard deviations on either side of a rate that hold 95 of 100."""

Evidence = Literal["unchanged", "measured", "no_evidence", "none_needed"]


class Approvals(Struct, frozen=True, kw_only=True):
    """Approvals to be expected, and the bounds between which 95 of 100 such counts lie."""

    expected: float
    low: float
    high: float


NONE: Final = Approvals(expected=0.0, low=0.0, high=0.0)


class FlowBody(Struct, frozen=True, kw_only=True):
    """Payments that went to `from` and would go to `to`.

    Where no account took or would take them that is null, and `why` says what would become of them. `evidence`:
    unchanged (they stay), measured (`approvals` rests on so many `outcomes` of `to` in the same group), no_evidence (it
    has none) or none_needed (no account would be asked). `approved`, `declined` and `open` are what happened. Costs are
    of the approved ones, as far as both are known (`costed`).
    """

    from_: str | None = field(name="from")
    to: str | None
    why: str | None
    payments: int
    amount_minor: int
    approved: int
    declined: int
    open: int
    evidence: Evidence
    outcomes: int
    approvals: Approvals | None
    costed: int
    paid_minor: int
    cost_minor: int


class GroupBody(Struct, frozen=True, kw_only=True):
    """All payments of one currency and payer's country; null: not told, "*": the countries beyond a thousand.

    `approvals` is expected of the payments with an outcome, but for `no_evidence` many, of which nothing can be said;
    `approved` is what happened to all.
    """

    currency: str
    country: str | None
    payments: int
    moved: int
    moved_minor: int
    approved: int
    declined: int
    open: int
    approvals: Approvals
    no_evidence: int
    costed: int
    paid_minor: int
    cost_minor: int
    flows: list[FlowBody]


class AccountBody(Struct, frozen=True, kw_only=True):
    """One merchant account in one currency, before and after."""

    merchant_account: str
    currency: str
    payments_before: int
    payments_after: int
    amount_before_minor: int
    amount_after_minor: int


class ResultBody(Struct, frozen=True, kw_only=True):
    """What the ruleset would change.

    `refused` and `nowhere` would reach no account: for a rule, or because none would take them. `unreadable` were
    stored by another version and are in no other figure.
    """

    payments: int
    moved: int
    refused: int
    nowhere: int
    unreadable: int
    approved: int
    declined: int
    open: int
    approvals: Approvals
    no_evidence: int
    accounts: list[AccountBody]
    groups: list[GroupBody]


def wilson(approved: int, tried: int) -> tuple[float, float]:
    """Give the bounds between which an approval rate lies after so many outcomes, with 95% confidence.

    Source: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    rate, weight = approved / tried, Z * Z / tried
    middle = (rate + weight / 2) / (1 + weight)
    half = Z * sqrt(rate * (1 - rate) / tried + weight / (4 * tried)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def result_of(tally: Tally) -> ResultBody:
    """Make the answer of what was counted, the groups that would move most first."""
    by_group: defaultdict[Group, list[tuple[str, str, Flow]]] = defaultdict(list)
    for (currency, country, before, after), flow in tally.flows.items():
        by_group[currency, country].append((before, after, flow))
    groups = [_group(group, flows, tally.seen) for group, flows in by_group.items()]
    groups.sort(key=lambda one: (-one.moved, -one.payments, one.currency, one.country or ""))
    flows = [flow for group in groups for flow in group.flows]
    return ResultBody(
        payments=sum(group.payments for group in groups),
        moved=sum(group.moved for group in groups),
        refused=sum(flow.payments for flow in flows if flow.why == REFUSED),
        nowhere=sum(flow.payments for flow in flows if flow.to is None and flow.why != REFUSED),
        unreadable=tally.unreadable,
        approved=sum(group.approved for group in groups),
        declined=sum(group.declined for group in groups),
        open=sum(group.open for group in groups),
        approvals=_summed(group.approvals for group in groups),
        no_evidence=sum(group.no_evidence for group in groups),
        accounts=_accounts(tally),
        groups=groups,
    )


def _group(group: Group, counted: list[tuple[str, str, Flow]], seen: dict[tuple[str, str, str], Seen]) -> GroupBody:
    flows = [_flow(before, after, flow, seen.get((*group, after))) for before, after, flow in counted]
    flows.sort(key=lambda one: (one.from_ == one.to, -one.payments, one.from_ or "", one.to or ""))
    moved = [flow for flow in flows if flow.from_ != flow.to]
    return GroupBody(
        currency=group[0],
        country=group[1] or None,
        payments=sum(flow.payments for flow in flows),
        moved=sum(flow.payments for flow in moved),
        moved_minor=sum(flow.amount_minor for flow in moved),
        approved=sum(flow.approved for flow in flows),
        declined=sum(flow.declined for flow in flows),
        open=sum(flow.open for flow in flows),
        approvals=_summed(flow.approvals for flow in flows if flow.approvals is not None),
        no_evidence=sum(flow.approved + flow.declined for flow in flows if flow.evidence == "no_evidence"),
        costed=sum(flow.costed for flow in flows),
        paid_minor=sum(flow.paid_minor for flow in flows),
        cost_minor=sum(flow.cost_minor for flow in flows),
        flows=flows,
    )


def _flow(before: str, after: str, flow: Flow, seen: Seen | None) -> FlowBody:
    ended = flow.payments - flow.open
    evidence, approvals = _expected(before, after, flow, seen)
    return FlowBody(
        from_=None if before in NOWHERE else before,
        to=None if after in NOWHERE else after,
        why=after if after in NOWHERE else None,
        payments=flow.payments,
        amount_minor=flow.amount_minor,
        approved=flow.approved,
        declined=ended - flow.approved,
        open=flow.open,
        evidence=evidence,
        outcomes=0 if seen is None else seen.tried,
        approvals=approvals,
        costed=flow.costed,
        paid_minor=flow.paid_minor,
        cost_minor=flow.cost_minor,
    )


def _expected(before: str, after: str, flow: Flow, seen: Seen | None) -> tuple[Evidence, Approvals | None]:
    ended = flow.payments - flow.open
    if after in NOWHERE:
        return "none_needed", NONE
    if before == after:
        same = float(flow.approved)
        return "unchanged", Approvals(expected=same, low=same, high=same)
    if seen is None or not seen.tried:
        return "no_evidence", None
    rate, (low, high) = seen.approved / seen.tried, wilson(seen.approved, seen.tried)
    told = Approvals(expected=round(ended * rate, 1), low=round(ended * low, 1), high=round(ended * high, 1))
    return "measured", told


def _summed(parts: Iterable[Approvals]) -> Approvals:
    """Add up; the bounds too, which makes them wider than they need be and never too narrow."""
    listed = list(parts)
    return Approvals(
        expected=round(sum(part.expected for part in listed), 1),
        low=round(sum(part.low for part in listed), 1),
        high=round(sum(part.high for part in listed), 1),
    )


def _accounts(tally: Tally) -> list[AccountBody]:
    before: defaultdict[tuple[str, str], Flow] = defaultdict(Flow)
    after: defaultdict[tuple[str, str], Flow] = defaultdict(Flow)
    for (currency, _, one, other), flow in tally.flows.items():
        before[one, currency].add(flow)
        after[other, currency].add(flow)
    return [
        AccountBody(
            merchant_account=account,
            currency=currency,
            payments_before=before[account, currency].payments,
            payments_after=after[account, currency].payments,
            amount_before_minor=before[account, currency].amount_minor,
            amount_after_minor=after[account, currency].amount_minor,
        )
        for account, currency in sorted(before.keys() | after.keys())
        if account not in NOWHERE
    ]
