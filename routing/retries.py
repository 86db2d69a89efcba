"""Whether a refused card may be tried again: the networks' rules on it, and what follows for who asks.

barrier   before a charge: the rule that forbids it now, and until when
retry     after a decline: what to do next, and when at the earliest

A network's rule binds the card wherever it is tried, so no other processor helps against it: only another payment
method does. A card of an unknown network is held to every network's rules at once; one of a network that publishes none
(American Express, Discover, …) to none.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from normalization.declines import MEANING, Advice, Category, Decline
from normalization.money import Money
from normalization.networks import CAPS, Cap, Stop, Tally, advised_wait, caps, stop_signal
from normalization.verdicts import NO_POLICY, Policy, resolve

FREE: Final = frozenset({Category.CONFIGURATION, Category.PROCESSOR_ERROR})
"""Our mistakes and the processor's cost the payer no attempt."""
_OF_NETWORK: Final = {"maestro": "mastercard"}
"""Brands that stand under another network's rules."""
_SAME_METHOD: Final = frozenset({Advice.AFTER_DELAY, Advice.WITH_3DS})
_EVERY: Final = tuple(sorted({cap.network for cap in CAPS}))


class Past(Struct, frozen=True, kw_only=True):
    """An earlier attempt on the same card; without a `decline` its end is not known yet.

    `at` is when it was declined, else when it was sent. `renewed`: the card's details were given anew since, so that a
    word to stop or to wait no longer speaks of them; the caps count it all the same.
    """

    at: datetime
    money: Money
    decline: Decline | None
    renewed: bool = False


class Barrier(Struct, frozen=True, kw_only=True):
    """A network's rule that forbids to try a card now; `until` None: for good. `text` explains it to people."""

    rule: str
    text: str
    until: datetime | None


class Retry(Struct, frozen=True, kw_only=True):
    """What to do after a decline; `rule` is the network's rule that decided it, None where its own meaning did.

    `retry_after` is when the same payment method may be tried again at the earliest; None: waiting does not help.
    """

    advice: Advice
    alternatives: tuple[Advice, ...]
    retry_after: datetime | None
    rule: str | None = None


def costs(decline: Decline) -> bool:
    """Whether a decline counts against the card's budget."""
    return MEANING[decline.code].category not in FREE


def stops(decline: Decline, network: str | None, at: datetime) -> bool:
    """Whether the network forbids, with this decline, to try the card ever again."""
    return _stop(decline, network, at) is not None


def matters(decline: Decline, network: str | None, at: datetime) -> bool:
    """Whether later attempts on the card have to know of this decline."""
    return costs(decline) or stops(decline, network, at) or any(_waits(decline, _networks(network)))


def barrier(history: Iterable[Past], network: str | None, money: Money, now: datetime) -> Barrier | None:
    """Name the rule that forbids to charge *money* to a card of this *history* now; of several, the longest.

    *network* is the card's brand, None where it is not known.
    """
    past = tuple(history)
    found = [
        rule
        for rule in (*_stopping(past, network), *_waiting(past, network), *_capping(past, network, money, now))
        if rule.until is None or rule.until > now
    ]
    return max(found, key=lambda rule: (rule.until is None, rule.until or now), default=None)


def retry(
    decline: Decline,
    history: Iterable[Past],
    network: str | None,
    money: Money,
    at: datetime,
    policy: Policy = NO_POLICY,
) -> Retry:
    """Say what to do after *decline*, told at *at* of a charge of *money*; *history* holds the attempts before it."""
    if decline.network is None:
        decline = replace(decline, network=network)
    verdict = resolve(decline, at.date(), policy)
    rule = barrier((*history, Past(at=at, money=money, decline=decline)), network, money, at)
    given = (verdict.advice, *verdict.alternatives)
    own = None if verdict.wait is None else at + verdict.wait
    if rule is None:
        return Retry(advice=verdict.advice, alternatives=verdict.alternatives, retry_after=own)
    if rule.until is None:
        left = tuple(advice for advice in given if advice is Advice.NEW_PAYMENT_METHOD)
        return Retry(advice=Advice.NEVER, alternatives=left, retry_after=None, rule=rule.rule)
    # What binds everywhere leaves, in place of another processor, to wait.
    advice, *others = dict.fromkeys(Advice.AFTER_DELAY if a is Advice.ANOTHER_PROCESSOR else a for a in given)
    helps = own is not None or _SAME_METHOD & {advice, *others}
    retry_after = max(rule.until, own or rule.until) if helps else None
    return Retry(advice=advice, alternatives=tuple(others), retry_after=retry_after, rule=rule.rule)


def _networks(network: str | None) -> tuple[str, ...]:
    return _EVERY if network is None else (_OF_NETWORK.get(network, network),)


def _stop(decline: Decline, network: str | None, at: datetime) -> Stop | None:
    """Who forbids any further try; a processor's word is taken for the network's where that is not told itself."""
    for name in _networks(network):
        found = stop_signal(name, decline.network_code, decline.network_advice_code, at.date())
        if found is not None:
            return found
    silent = decline.network_code is None and decline.network_advice_code is None
    return Stop.PROCESSOR_ADVICE if decline.stop and silent else None


def _stopping(history: Sequence[Past], network: str | None) -> Iterator[Barrier]:
    for past in history:
        found = None if past.decline is None or past.renewed else _stop(past.decline, network, past.at)
        if found is not None:
            yield Barrier(rule=found, text="the card's network has forbidden to try it again", until=None)


def _waits(decline: Decline, networks: Iterable[str]) -> Iterator[tuple[str, timedelta]]:
    for name in networks:
        wait = advised_wait(name, decline.network_advice_code)
        if wait is not None:
            yield name, wait


def _waiting(history: Sequence[Past], network: str | None) -> Iterator[Barrier]:
    for past in history:
        if past.decline is None or past.renewed:
            continue
        for name, wait in _waits(past.decline, _networks(network)):
            text = f"advice {past.decline.network_advice_code} of {name} asks to wait"
            yield Barrier(rule=f"{name}_wait", text=text, until=past.at + wait)


def _capping(history: Sequence[Past], network: str | None, money: Money, now: datetime) -> Iterator[Barrier]:
    spent = [past for past in history if past.decline is None or costs(past.decline)]
    for name in _networks(network):
        for cap in caps(name, now.date()):
            counted = sorted(past.at for past in spent if not cap.same_amount or past.money == money)
            if cap.counted is Tally.REATTEMPTS:
                counted = [again for before, again in pairwise(counted) if again - before < cap.within]
            recent = [at for at in counted if at > now - cap.within]
            if len(recent) >= cap.count:
                yield Barrier(rule=f"{name}_{cap.counted}", text=_bound(cap), until=recent[-cap.count] + cap.within)


def _bound(cap: Cap) -> str:
    hours = round(cap.within.total_seconds() / 3600)
    span = f"{cap.within.days} days" if cap.within.days > 1 else f"{hours} hours"
    amount = " of one amount" if cap.same_amount else ""
    return f"{cap.network} allows {cap.count} {cap.counted}{amount} of a card in {span}"
