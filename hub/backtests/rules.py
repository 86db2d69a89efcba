"""Replaying one payment, and counting where payments went and would go; pure.

Everything that is kept is a count by currency, country and two merchant accounts, so a million payments take no more
room than a thousand, and two counts can be added in any order.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from normalization.money import Money
from normalization.tokens import CardFacts
from routing.accounts import MerchantAccount
from routing.choosing import Figures
from routing.costs import expected_cost
from routing.facts import COUNTED, Facts
from routing.plan import Plan, Snapshot, plan

REFUSED: Final = "refused"
NO_ACCOUNT: Final = "no_merchant_account"
UNAVAILABLE: Final = "merchant_accounts_unavailable"
NOWHERE: Final = frozenset({REFUSED, NO_ACCOUNT, UNAVAILABLE})
"""Where a payment goes that goes to no account, and why."""
OPEN: Final = frozenset({"processing", "requires_action"})
GROUPS_MAX: Final = 1_000
"""Currencies and countries told apart; the payments of further ones count for their currency as `OTHERS`."""
OTHERS: Final = "*"

Group = tuple[str, str]
"""A currency and the payer's country, "" where it is not known."""
Key = tuple[str, str, str, str]
"""A group, the account that was tried first, and the one that would be."""


class Flow(Struct):
    """Payments of one group that went to one account and would go to another, or to the same.

    `open` have no outcome yet. `paid_minor` is what the approved ones cost where they went and `cost_minor` what they
    would have where they would go, over the `costed` ones, both of whose costs are known.
    """

    payments: int = 0
    amount_minor: int = 0
    approved: int = 0
    open: int = 0
    costed: int = 0
    paid_minor: int = 0
    cost_minor: int = 0

    def add(self, other: "Flow") -> None:
        """Count *other* too."""
        self.payments += other.payments
        self.amount_minor += other.amount_minor
        self.approved += other.approved
        self.open += other.open
        self.costed += other.costed
        self.paid_minor += other.paid_minor
        self.cost_minor += other.cost_minor


class Seen(Struct):
    """Outcomes that an account had in a group."""

    tried: int = 0
    approved: int = 0


class Tally(Struct):
    """Flows by currency, country, account before and after; outcomes by currency, country and account.

    `undecided` are those that rules were passed over for, for want of counts that were not kept with the payment: what
    it would go to is what it goes to without those rules. `unknown_facts` is for how many payments a fact was not
    known that a rule wanted. `unreadable` payments were stored by another version and cannot be replayed.
    """

    flows: dict[Key, Flow] = {}
    undecided: dict[Key, Flow] = {}
    unknown_facts: dict[str, int] = {}
    seen: dict[tuple[str, str, str], Seen] = {}
    unreadable: int = 0


class Stored(Struct, frozen=True, array_like=True):
    """What is read of a stored payment: its columns of these names, with `routing` and `facts` as JSON."""

    facts: bytes
    routing: bytes
    status: str
    authorized_minor: int
    merchant_account: str | None


class _Considered(Struct, frozen=True):
    merchant_account: str
    eligible: bool


class _Decided(Struct, frozen=True):
    """What is read of a payment's `routing`: the accounts, the one that was tried first in front."""

    considered: tuple[_Considered, ...]


_FACTS: Final = msgspec.json.Decoder(Facts)
_DECIDED: Final = msgspec.json.Decoder(_Decided)


def replay(payments: Iterable[Stored], snapshot: Snapshot) -> Tally:
    """Send *payments* through *snapshot*'s rules and count what would become of them."""
    tally = Tally()
    accounts = {account.id: account for account in snapshot.accounts.accounts}
    for payment in payments:
        try:
            facts, decided = _FACTS.decode(payment.facts), _DECIDED.decode(payment.routing)
        except msgspec.DecodeError:
            tally.unreadable += 1
            continue
        considered = decided.considered
        first = considered[0].merchant_account if considered and considered[0].eligible else REFUSED
        if payment.merchant_account is None:
            first = REFUSED
        elif snapshot.allowed is not None and first not in snapshot.allowed:
            first = payment.merchant_account  # Who asks may not know of the one that was tried before it.
        again = plan(facts, snapshot)
        for fact in again.unknown_facts:
            tally.unknown_facts[fact] = tally.unknown_facts.get(fact, 0) + 1
        # What a payment does not tell it would not tell today either; what the hub counts it would.
        flows = tally.flows if COUNTED.isdisjoint(again.unknown_facts) else tally.undecided
        key = (facts.money.currency.value, facts.country or "", first, _destination(again))
        _count(tally, flows.setdefault(key, Flow()), key, payment, facts, accounts, snapshot.figures)
    return tally


def merge(tally: Tally, more: Tally) -> None:
    """Count *more* in *tally* too; *more* is used up."""
    tally.unreadable += more.unreadable
    groups = {key[:2] for flows in (tally.flows, tally.undecided) for key in flows}
    for flows, added in ((tally.flows, more.flows), (tally.undecided, more.undecided)):
        for (currency, country, before, after), flow in added.items():
            group = _bounded(groups, (currency, country))
            flows.setdefault((*group, before, after), Flow()).add(flow)
    for fact, payments in more.unknown_facts.items():
        tally.unknown_facts[fact] = tally.unknown_facts.get(fact, 0) + payments
    for (currency, country, account), seen in more.seen.items():
        known = tally.seen.setdefault((*_bounded(groups, (currency, country)), account), Seen())
        known.tried += seen.tried
        known.approved += seen.approved


def _bounded(groups: set[Group], group: Group) -> Group:
    if group not in groups:
        if len(groups) >= GROUPS_MAX:
            return group[0], OTHERS
        groups.add(group)
    return group


def _destination(decided: Plan) -> str:
    if decided.refusal is not None:
        return REFUSED
    if decided.order:
        return decided.order[0].merchant_account
    return UNAVAILABLE if decided.unavailable else NO_ACCOUNT


def _count(
    tally: Tally,
    flow: Flow,
    key: Key,
    payment: Stored,
    facts: Facts,
    accounts: dict[str, MerchantAccount],
    figures: Figures,
) -> None:
    money, before, after = facts.money, key[2], key[3]
    flow.payments += 1
    flow.amount_minor += money.minor
    if payment.status in OPEN:
        flow.open += 1
        return
    approved = payment.authorized_minor > 0
    ended = payment.merchant_account
    if ended is not None:
        _see(tally, (key[0], key[1], ended), approved=approved)
        if before not in {ended, REFUSED}:
            _see(tally, (key[0], key[1], before), approved=False)  # Another account was tried after it.
    if not approved:
        return
    flow.approved += 1
    paid = _cost(accounts.get(ended or ""), money, facts.card, figures)
    cost = paid if ended == after else _cost(accounts.get(after), money, facts.card, figures)
    if paid is not None and cost is not None:
        flow.costed += 1
        flow.paid_minor += paid
        flow.cost_minor += cost


def _see(tally: Tally, key: tuple[str, str, str], *, approved: bool) -> None:
    seen = tally.seen.get(key)
    if seen is None:
        seen = tally.seen[key] = Seen()
    seen.tried += 1
    seen.approved += approved


def _cost(account: MerchantAccount | None, money: Money, card: CardFacts, figures: Figures) -> int | None:
    if account is None:
        return None
    cost = expected_cost(money, account.fees, figures.learned_fees.get(account.id, ()), card)
    return None if cost is None else cost.minor
