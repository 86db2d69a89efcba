"""What a backtest shows: what would move, what that would cost, and with what expected approvals; pure.

Nothing is expected where nothing was seen: where an account has no outcome of payments in the same currency and
country, its part of the answer is `no_evidence` and not a guess.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Final, Literal

from msgspec import Struct, field

from hub.backtests.rules import NOWHERE, REFUSED, Flow, Group, Key, Seen, Tally

Z: Final = 1.96
"""Standard deviations on either side of a rate that hold 95 of 100."""

Evidence = Literal["unchanged", "measured", "no_evidence", "none_needed", "unknown_facts"]
UNLIMITED: Final = (
    "what an account would have taken on a day follows from all payments before it, and each is replayed by itself;"
    " those beyond a daily limit would go to the next account"
)


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
    has none), none_needed (no account would be asked) or unknown_facts (a rule asks for counts that were not kept with
    these payments: `to` is where they go without it, and nobody knows whether it would matter). `approved`, `declined`
    and `open` are what happened. Costs are of the approved ones, as far as both are known (`costed`).
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
    undecided: int = 0
    costed: int
    paid_minor: int
    cost_minor: int
    flows: list[FlowBody]


class AccountBody(Struct, frozen=True, kw_only=True):
    """One merchant account in one currency, before and after; what is undecided is not in what comes after."""

    merchant_account: str
    currency: str
    payments_before: int
    payments_after: int
    amount_before_minor: int
    amount_after_minor: int


class UnknownFact(Struct, frozen=True):
    """For how many payments a fact was not known that a rule wanted to know, and was passed over for."""

    fact: str
    payments: int


class LeftOut(Struct, frozen=True):
    """What holds for charges and not here, why, and for which merchant accounts."""

    what: Literal["daily_limits"]
    why: str
    merchant_accounts: list[str]


class ResultBody(Struct, frozen=True, kw_only=True):
    """What the ruleset would change.

    `refused` and `nowhere` would reach no account: for a rule, or because none would take them. `undecided` might go
    elsewhere or not: a rule asks for what the hub counts, which was not kept with them; they are in `no_evidence` too,
    as far as they have an outcome, and not in `moved`, `refused` and `nowhere`. `unreadable` were stored by another
    version and are in no other figure.
    """

    payments: int
    moved: int
    refused: int
    nowhere: int
    undecided: int = 0
    unreadable: int
    approved: int
    declined: int
    open: int
    approvals: Approvals
    no_evidence: int
    unknown_facts: list[UnknownFact] = []
    left_out: list[LeftOut] = []
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


def result_of(tally: Tally, limited: Sequence[str] = ()) -> ResultBody:
    """Make the answer of what was counted, the groups that would move most first; *limited* have daily limits."""
    by_group: defaultdict[Group, list[FlowBody]] = defaultdict(list)
    for flows, decided in ((tally.flows, True), (tally.undecided, False)):
        for key, flow in flows.items():
            seen = tally.seen.get((key[0], key[1], key[3]))
            by_group[key[0], key[1]].append(_flow(key, flow, seen, decided=decided))
    groups = [_group(group, flows) for group, flows in by_group.items()]
    groups.sort(key=lambda one: (-one.moved, -one.payments, one.currency, one.country or ""))
    told = [flow for group in groups for flow in group.flows if flow.evidence != "unknown_facts"]
    unknown = sorted(tally.unknown_facts.items(), key=lambda one: (-one[1], one[0]))
    return ResultBody(
        payments=sum(group.payments for group in groups),
        moved=sum(group.moved for group in groups),
        refused=sum(flow.payments for flow in told if flow.why == REFUSED),
        nowhere=sum(flow.payments for flow in told if flow.to is None and flow.why != REFUSED),
        undecided=sum(group.undecided for group in groups),
        unreadable=tally.unreadable,
        approved=sum(group.approved for group in groups),
        declined=sum(group.declined for group in groups),
        open=sum(group.open for group in groups),
        approvals=_summed(group.approvals for group in groups),
        no_evidence=sum(group.no_evidence for group in groups),
        unknown_facts=[UnknownFact(fact, payments) for fact, payments in unknown],
        left_out=[LeftOut("daily_limits", UNLIMITED, list(limited))] if limited else [],
        accounts=_accounts(tally),
        groups=groups,
    )


def _group(group: Group, flows: list[FlowBody]) -> GroupBody:
    flows.sort(key=lambda one: (one.from_ == one.to, -one.payments, one.from_ or "", one.to or ""))
    moved = [flow for flow in flows if flow.from_ != flow.to and flow.evidence != "unknown_facts"]
    unsure = [flow for flow in flows if flow.evidence in {"no_evidence", "unknown_facts"}]
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
        no_evidence=sum(flow.approved + flow.declined for flow in unsure),
        undecided=sum(flow.payments for flow in flows if flow.evidence == "unknown_facts"),
        costed=sum(flow.costed for flow in flows),
        paid_minor=sum(flow.paid_minor for flow in flows),
        cost_minor=sum(flow.cost_minor for flow in flows),
        flows=flows,
    )


def _flow(key: Key, flow: Flow, seen: Seen | None, *, decided: bool) -> FlowBody:
    _, _, before, after = key
    ended = flow.payments - flow.open
    evidence: Evidence = "unknown_facts"
    approvals: Approvals | None = None
    if decided:
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
    for (currency, _, one, _), flow in tally.undecided.items():
        before[one, currency].add(flow)
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
