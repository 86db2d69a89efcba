"""What a refusal comes to, from all that was said of it at once: `resolve` decides, `reasons` tells how.

In this order: who forbids another try (a network, the processor); how long the network says to wait; then the code that
says more, and of two that say equally much the stricter. What is generic never overrides what says why; the processor's
fraud, authentication and configuration verdicts always stand; the merchant's policy may only be stricter.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from normalization.declines import GENERIC, MEANING, NEVER_SOFTENED, Advice, Category, Decline, DeclineCode
from normalization.networks import DESCRIBES_CARD, MerchantAdvice, Stop, merchant_advice, stop_signal
from normalization.responses import response_meaning


class Basis(StrEnum):
    """Why the code is the one it is."""

    PROCESSOR_ALONE = "processor_alone"  # The network said nothing that is known.
    AGREED = "agreed"
    PROCESSOR_STANDS = "processor_stands"  # Fraud, authentication, configuration.
    PROCESSOR_SAYS_MORE = "processor_says_more"
    NETWORK_SAYS_MORE = "network_says_more"
    PROCESSOR_STRICTER = "processor_stricter"
    NETWORK_STRICTER = "network_stricter"
    NETWORK_ADVICE = "network_advice"  # Both were generic, and the advice says why.
    PROCESSOR_ADVICE = "processor_advice"  # All were generic, and the processor said never again.


class Kept(StrEnum):
    """Why no other processor may be tried within the same request."""

    STOP = "stop"
    CODE = "code"
    NETWORK_ADVICE = "network_advice"
    POLICY = "policy"


class Policy(Struct, frozen=True, kw_only=True):
    """What a merchant asks beyond the hub's rules; there is nothing in it that could make them milder."""

    never: frozenset[DeclineCode] = frozenset()
    wait_at_least: Mapping[DeclineCode, timedelta] = MappingProxyType({})
    no_failover: frozenset[DeclineCode] = frozenset()


class Verdict(Struct, frozen=True, kw_only=True):
    """What a refusal comes to.

    `wait` is the shortest time before the same payment method is tried again, None where waiting does not help.
    `failover`: another processor may be tried within the same request; `kept` says why not.
    """

    code: DeclineCode
    category: Category
    advice: Advice
    alternatives: tuple[Advice, ...]
    wait: timedelta | None
    failover: bool
    basis: Basis
    stop: Stop | None
    kept: Kept | None


NO_POLICY: Final = Policy()


def resolve(
    decline: Decline, on: date | None = None, policy: Policy = NO_POLICY, *, funds_elsewhere: bool = False
) -> Verdict:
    """Decide what *decline* comes to by the rules in force on a day; None: by the newest.

    Its `code` is what the processor's code alone means, or what `settled` made of it: the verdict is the same.
    *funds_elsewhere* lets another processor be tried after `insufficient_funds`.
    """
    told = merchant_advice(decline.network, decline.network_advice_code)
    code, basis = _weigh(decline, response_meaning(decline.network_code, decline.network), told)
    stop = _stop(decline, code, on, policy)
    kept = _kept(decline, code, stop, policy, funds_elsewhere=funds_elsewhere)
    meaning = MEANING[code]
    if stop is not None:
        category, alternatives = _STOPPED[code]
        return Verdict(
            code=code,
            category=category,
            advice=Advice.NEVER,
            alternatives=alternatives,
            wait=None,
            failover=False,
            basis=basis,
            stop=stop,
            kept=kept,
        )
    return Verdict(
        code=code,
        category=meaning.category,
        advice=meaning.advice,
        alternatives=meaning.alternatives,
        wait=_wait(code, told, policy),
        failover=kept is None,
        basis=basis,
        stop=None,
        kept=kept,
    )


def settled(decline: Decline) -> Decline:
    """Give *decline* the code that all of its raw codes come to; an adapter's last step."""
    code = resolve(decline).code
    return decline if code is decline.code else msgspec.structs.replace(decline, code=code)


def _weigh(decline: Decline, network: DeclineCode | None, told: MerchantAdvice | None) -> tuple[DeclineCode, Basis]:
    code, basis = _heavier(decline.code, network)
    if code not in GENERIC:
        return code, basis
    if told is not None and told.code is not None:
        return told.code, Basis.NETWORK_ADVICE
    if decline.stop:
        return DeclineCode.RETRY_LIMIT_REACHED, Basis.PROCESSOR_ADVICE
    return code, basis


def _heavier(processor: DeclineCode, network: DeclineCode | None) -> tuple[DeclineCode, Basis]:
    if network is None:
        return processor, Basis.PROCESSOR_ALONE
    if processor is network:
        return processor, Basis.AGREED
    if MEANING[processor].category in NEVER_SOFTENED:
        return processor, Basis.PROCESSOR_STANDS
    said, told = _SAYS[processor], _SAYS[network]
    if said != told:
        return (processor, Basis.PROCESSOR_SAYS_MORE) if said > told else (network, Basis.NETWORK_SAYS_MORE)
    if _STRICTNESS[network] > _STRICTNESS[processor]:
        return network, Basis.NETWORK_STRICTER
    return processor, Basis.PROCESSOR_STRICTER


def _stop(decline: Decline, code: DeclineCode, on: date | None, policy: Policy) -> Stop | None:
    stop = stop_signal(decline.network, decline.network_code, decline.network_advice_code, on)
    if stop is None and decline.stop:
        return Stop.PROCESSOR_ADVICE
    if stop is None and code in policy.never:
        return Stop.POLICY
    return stop


def _kept(
    decline: Decline, code: DeclineCode, stop: Stop | None, policy: Policy, *, funds_elsewhere: bool
) -> Kept | None:
    """An advice that is not known may say stop; it is taken for one that does."""
    if stop is not None:
        return Kept.STOP
    if not (MEANING[code].failover or (funds_elsewhere and code is DeclineCode.INSUFFICIENT_FUNDS)):
        return Kept.CODE
    if decline.network_advice_code is not None and decline.network_advice_code not in DESCRIBES_CARD:
        return Kept.NETWORK_ADVICE
    return Kept.POLICY if code in policy.no_failover else None


def _wait(code: DeclineCode, told: MerchantAdvice | None, policy: Policy) -> timedelta | None:
    """The network's own time counts also where it is shorter than ours: it knows more of the card."""
    if MEANING[code].advice is Advice.NEVER:
        return None
    wait = told.wait if told is not None and told.wait is not None else _WAITS[code]
    least = policy.wait_at_least.get(code)
    return wait if wait is None or least is None else max(wait, least)


def _says(code: DeclineCode) -> int:
    if code is DeclineCode.GENERIC_DECLINE:
        return 0
    return 1 if code in GENERIC else 2


def _strictness(code: DeclineCode) -> tuple[bool, int, bool, float]:
    meaning = MEANING[code]
    forever = float("inf")
    return (
        meaning.advice is Advice.NEVER,
        _SEVERITY[meaning.category],
        not meaning.failover,
        forever if meaning.delay_hours is None else meaning.delay_hours,
    )


def _stopped(code: DeclineCode) -> tuple[Category, tuple[Advice, ...]]:
    """Another card helps wherever it was the card that was refused; sanctions are not routed around."""
    category = MEANING[code].category
    ours = category in {Category.CONFIGURATION, Category.PROCESSOR_ERROR} or code is DeclineCode.COMPLIANCE_REFUSED
    return (
        Category.HARD if category is Category.SOFT else category,
        () if ours else (Advice.NEW_PAYMENT_METHOD,),
    )


_SEVERITY: Final = {
    Category.SOFT: 0,
    Category.PROCESSOR_ERROR: 0,
    Category.AUTHENTICATION: 1,
    Category.CONFIGURATION: 1,
    Category.HARD: 2,
    Category.FRAUD: 3,
}
# Worked out once: a charge waits for none of it.
_SAYS: Final = {code: _says(code) for code in DeclineCode}
_STRICTNESS: Final = {code: _strictness(code) for code in DeclineCode}
_STOPPED: Final = {code: _stopped(code) for code in DeclineCode}
_WAITS: Final = {
    code: None if meaning.delay_hours is None else timedelta(hours=meaning.delay_hours)
    for code, meaning in MEANING.items()
}
