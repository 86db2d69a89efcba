"""Accounts ready to be asked: which can take a payment, and for each other one the first reason why not.

Each of the payment's facts is looked up once for all accounts together, as a mask with a bit for each account. What a
reason means stands in `routing.eligibility`.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from normalization.money import Currency, Money
from normalization.regions import REGION, Region, countries_of
from routing.accounts import AccountStatus, MerchantAccount
from routing.eligibility import Reason
from routing.facts import RISK_SCORE_MAX, Chargeable, Facts

LISTS_MAX: Final = 1_024
"""Lists of accounts that are kept: all of a few rulesets' rules."""
FITTING_MAX: Final = 32
"""What is left of each of them, that is kept."""
TOLD_MAX: Final = 512
"""Accounts out together for one reason, that are kept."""
_COUNTRIES: Final = {region: countries_of(region) for region in Region}


class Choice(Struct, frozen=True):
    """An account to try."""

    merchant_account: str
    processor: str


class Excluded(Struct, frozen=True):
    """An account that is not tried, and why."""

    merchant_account: str
    reason: Reason


class State(Struct, frozen=True, kw_only=True):
    """What keeps accounts out just now, by id."""

    limits_reached: frozenset[str] = frozenset()
    open_circuits: frozenset[str] = frozenset()


class Fitting(Struct, frozen=True):
    """The accounts that a payment may go to, in the order wanted; the same ones are the same object."""

    accounts: tuple[MerchantAccount, ...]
    ids: tuple[str, ...]
    choices: tuple[Choice, ...]


class _Listed(Struct, frozen=True):
    """Names that are wanted, those that are accounts here: all their bits, and what is left of them by what is left."""

    ids: tuple[str, ...]
    mask: int
    fitting: dict[int, Fitting]


class AccountIndex:
    """Merchant accounts by what they take; made anew when one of them changes.

    What payments have in common is worked out once: lists of accounts, what is left of them, and tellings of reasons.
    """

    def __init__(self, accounts: Iterable[MerchantAccount]) -> None:
        """Index *accounts*, of either mode."""
        self.accounts: tuple[MerchantAccount, ...] = tuple(accounts)
        self._bits = {account.id: 1 << place for place, account in enumerate(self.accounts)}
        self._by_id = {account.id: account for account in self.accounts}
        self._everyone = (1 << len(self.accounts)) - 1
        self._choices = {account.id: Choice(account.id, account.processor) for account in self.accounts}
        self._sorted = tuple(sorted(self._bits))
        self._listed: dict[tuple[str, ...], _Listed] = {}
        self._excluded: dict[Reason, dict[int, tuple[Excluded, ...]]] = {reason: {} for reason in Reason}
        self._modes = {mode: self._those(lambda a, mode=mode: a.livemode is mode) for mode in (True, False)}
        self._currencies = {one: self._those(lambda a, one=one: _takes_currency(a, one)) for one in Currency}
        self._anywhere = self._those(lambda a: not a.countries)
        self._countries = self._by(lambda a: a.countries, self._anywhere)
        self._outside = {
            region: self._those(lambda a, c=countries: a.countries.isdisjoint(c))
            for region, countries in _COUNTRIES.items()
        }
        self._any_brand = self._those(lambda a: not a.brands)
        self._brands = self._by(lambda a: a.brands, self._any_brand)
        self._any_risk = self._those(lambda a: a.risk_min == 0)
        self._risks = [
            self._those(lambda a, score=score: a.risk_min <= score <= a.risk_max) for score in range(RISK_SCORE_MAX + 1)
        ]
        self._processors = self._by(lambda a: (a.processor,), 0)
        self._series = {
            repeated: self._those(lambda a, repeated=repeated: a.recurring in {None, repeated})
            for repeated in (True, False)
        }
        self._paused = self._those(lambda a: a.status is AccountStatus.PAUSED)
        self._draining = self._those(lambda a: a.status is AccountStatus.DRAINING)
        self._connected = self._those(lambda a: a.connected)
        self._amounts: dict[Currency, tuple[list[int], list[int]]] = {}

    def choices(self, ids: Iterable[str]) -> tuple[Choice, ...]:
        """Give what to try for these ids, which are all here."""
        return tuple([self._choices[one] for one in ids])

    def sort_out(
        self,
        facts: Facts,
        wanted: tuple[str, ...] | None,
        not_wanted: Reason,
        state: State,
        allowed: frozenset[str] | None,
    ) -> tuple[Fitting, tuple[Excluded, ...]]:
        """Part the accounts into those to try, in the order *wanted*, and those left out with their reasons.

        *wanted* None is everybody, by id. Of accounts that are not *allowed* nothing is said at all.
        """
        left = self._everyone if allowed is None else self._of(allowed)
        listed = self._list(self._sorted if wanted is None else wanted)
        excluded: list[Excluded] = []
        for reason, able in self._reasons(facts, None if wanted is None else listed.mask, not_wanted, state):
            out = left & ~able
            if out:
                left &= able
                excluded += self._tell(reason, out)
        return listed.fitting.get(left) or self._fit(listed, left), tuple(excluded)

    def _list(self, names: tuple[str, ...]) -> _Listed:
        known = self._listed.get(names)
        if known is None:
            if len(self._listed) >= LISTS_MAX:  # Callers pin accounts by any text.
                self._listed.clear()
            ids = tuple([name for name in names if name in self._bits])
            known = self._listed[names] = _Listed(ids, self._of(ids), {})
        return known

    def _fit(self, listed: _Listed, left: int) -> Fitting:
        if len(listed.fitting) >= FITTING_MAX:
            listed.fitting.clear()
        ids = tuple([one for one in listed.ids if left & self._bits[one]])
        accounts = tuple([self._by_id[one] for one in ids])
        listed.fitting[left] = fitting = Fitting(accounts, ids, self.choices(ids))
        return fitting

    def _tell(self, reason: Reason, out: int) -> tuple[Excluded, ...]:
        known = self._excluded[reason]
        told = known.get(out)
        if told is None:
            if len(known) >= TOLD_MAX:
                known.clear()
            told = tuple([Excluded(a.id, reason) for place, a in enumerate(self.accounts) if out >> place & 1])
            known[out] = told
        return told

    def _reasons(
        self, facts: Facts, wanted: int | None, not_wanted: Reason, state: State
    ) -> Iterator[tuple[Reason, int]]:
        """Go through the reasons in their order, each with the accounts that it does not keep out."""
        country, score = facts.country, facts.risk_score
        yield Reason.MODE, self._modes[facts.livemode]
        yield Reason.CURRENCY, self._currencies[facts.money.currency]
        placed = self._anywhere if country is None else self._countries.get(country, self._anywhere)
        region = REGION.get(country or "")
        if region is not None:
            yield Reason.REGION, placed | ~self._outside[region]
        yield Reason.COUNTRY, placed
        yield Reason.BRAND, self._any_brand if facts.brand is None else self._brands.get(facts.brand, self._any_brand)
        yield Reason.RISK_SCORE, self._any_risk if score is None else self._risks[score]
        yield Reason.TOKEN, self._with_token(facts.chargeable)
        if facts.money.minor:
            yield Reason.AMOUNT, self._taking(facts.money)
        yield Reason.RECURRING, self._series[facts.recurring is not None]
        if wanted is not None:
            yield not_wanted, wanted
        if state.limits_reached:
            yield Reason.LIMITS, ~self._of(state.limits_reached)
        yield Reason.PAUSED, ~self._paused
        yield Reason.DRAINING, ~self._draining
        yield Reason.NOT_CONNECTED, self._connected
        if state.open_circuits:
            yield Reason.CIRCUIT_OPEN, ~self._of(state.open_circuits)

    def _with_token(self, chargeable: Chargeable) -> int:
        able = self._of(chargeable.accounts)
        for processor in chargeable.processors:
            able |= self._processors.get(processor, 0)
        return able

    def _taking(self, money: Money) -> int:
        """Give the accounts whose bounds *money* lies in, by the bounds of its currency in order."""
        if money.currency not in self._amounts:
            self._amounts[money.currency] = self._bounds(money.currency)
        starts, masks = self._amounts[money.currency]
        return masks[bisect_right(starts, money.minor)]

    def _bounds(self, currency: Currency) -> tuple[list[int], list[int]]:
        ranges = {account.id: _amounts(account, currency) for account in self.accounts}
        starts = sorted({edge for least, most in ranges.values() for edge in (least, most + 1)})
        masks = [
            self._those(lambda a, minor=minor: ranges[a.id][0] <= minor <= ranges[a.id][1]) for minor in (-1, *starts)
        ]
        return starts, masks

    def _of(self, ids: Iterable[str]) -> int:
        bits, mask = self._bits, 0
        for name in ids:
            mask |= bits.get(name, 0)
        return mask

    def _those(self, holds: Callable[..., bool]) -> int:
        return sum(1 << place for place, account in enumerate(self.accounts) if holds(account))

    def _by(self, keys: Callable[[MerchantAccount], Iterable[str]], others: int) -> Mapping[str, int]:
        """Give for each key the accounts that name it, and *others*."""
        found: dict[str, Any] = {}
        for account in self.accounts:
            for key in keys(account):
                found[key] = found.get(key, others) | self._bits[account.id]
        return found


def _takes_currency(account: MerchantAccount, currency: Currency) -> bool:
    if account.currencies and currency not in account.currencies:
        return False
    return account.amount_ranges is None or currency in account.amount_ranges


def _amounts(account: MerchantAccount, currency: Currency) -> tuple[int, int]:
    """Give the least and the most that *account* takes in one payment."""
    least, most = 0, UNBOUNDED
    if account.amount_ranges is not None:
        least, most = account.amount_ranges.get(currency, (0, UNBOUNDED))
    return least, most if account.limits.ticket_max is None else min(most, account.limits.ticket_max)


UNBOUNDED: Final = 10**18
"""Beyond every amount."""
