"""From what is known of a card to whether it may be charged now, and to what its next decline tells. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from normalization.declines import Decline
from normalization.money import Money
from normalization.tokens import CardFacts
from normalization.verdicts import NO_POLICY, Policy
from routing.retries import Barrier, Past, Retry, barrier, matters, retry, stops

REMEMBERED: Final = timedelta(days=60)
"""How long a decline is looked at: the longest window, and once more to tell re-attempts from first tries."""


class Print(Struct, frozen=True):
    """A fingerprint, comparable within one processor account; an empty account stands for every one."""

    processor: str
    merchant_account: str
    fingerprint: str


class Card(Struct, frozen=True, kw_only=True):
    """What is known of the card behind a payment method, and of every other method that is the same card.

    `name` is the same for all of them, `place` the next free one among its attempts. `brand` is the newest that a
    decline brought. `prints` are the fingerprints of the holder's own tokens, `kept` those that every holder of one is
    known by already.
    """

    name: str
    past: tuple[Past, ...] = ()
    place: int = 1
    brand: str | None = None
    prints: frozenset[Print] = frozenset()
    kept: frozenset[Print] = frozenset()


class Permit(Struct, frozen=True):
    """Leave to send one attempt; `card` is None where nothing is known against it.

    `overridden` is the network's rule that the caller set aside.
    """

    card: Card | None = None
    overridden: Barrier | None = None


GOOD: Final = Permit()


class Advised(Decline, frozen=True, kw_only=True):
    """A decline with what follows from it for this card, as it stood then."""

    retry: Retry | None = None


class Charged(Struct, frozen=True, kw_only=True):
    """One attempt on a card; `holder` is the payment method, for one-time data the attempt itself."""

    id: str
    livemode: bool
    holder: str
    processor: str
    merchant_account: str
    money: Money


class Counted(Struct, frozen=True, kw_only=True):
    """A decline to be kept with the outcome, and the fingerprints to know its holder by.

    `news`: somebody may think that the card is good; whoever remembers so has to read again.
    """

    attempt: Charged
    brand: str | None
    decline: Decline
    stops: bool
    at: datetime
    prints: tuple[Print, ...]
    news: bool


def forbidden(card: Card | None, brand: str | None, money: Money, now: datetime) -> Barrier | None:
    """Name the network's rule that charging *money* now would break; *brand* is the method's, where it is known."""
    return barrier(card.past, brand or card.brand, money, now) if card is not None and card.past else None


def advised(
    decline: Decline, attempt: Charged, card: Card, facts: CardFacts, at: datetime, policy: Policy = NO_POLICY
) -> Advised:
    """Say what follows from *decline* of *attempt*; *facts* are what is known of the card by now."""
    network = decline.network or facts.brand or card.brand
    told = retry(decline, card.past, network, attempt.money, at, policy)
    return Advised(**{**msgspec.structs.asdict(decline), "network": network, "retry": told})


def counted(decline: Decline, attempt: Charged, card: Card, facts: CardFacts, at: datetime) -> Counted | None:
    """Keep *decline* where later attempts have to know of it."""
    brand = decline.network or facts.brand or card.brand
    if not matters(decline, brand, at):
        return None
    prints = set(card.prints)
    if facts.fingerprint is not None:
        prints.add(Print(attempt.processor, attempt.merchant_account, facts.fingerprint))
    return Counted(
        attempt=attempt,
        brand=brand,
        decline=decline,
        stops=stops(decline, brand, at),
        at=at,
        prints=tuple(sorted(prints, key=msgspec.structs.astuple)),
        news=not card.past or not prints <= card.kept,
    )


def renewed(processor: str, at: datetime, tokens: Mapping[str, datetime]) -> bool:
    """Whether a processor was given a new token after it told of a decline; *tokens* are its newest, by processor.

    A token for another processor says nothing new of the card.
    """
    return processor in tokens and tokens[processor] > at
