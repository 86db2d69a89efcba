"""How a verdict came about, in sentences, in the order in which it was decided."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from normalization.declines import MEANING, Advice, Decline, DeclineCode
from normalization.networks import Stop, merchant_advice, visa_category
from normalization.responses import response_meaning
from normalization.verdicts import Basis, Kept, Verdict

_BASIS: Final = {
    Basis.PROCESSOR_ALONE: "the processor's code decides: the network said nothing that is known",
    Basis.AGREED: "processor and network agree",
    Basis.PROCESSOR_STANDS: "the processor's code decides: a {category} verdict is never softened",
    Basis.PROCESSOR_SAYS_MORE: "the processor's code decides: it says more than the network's",
    Basis.NETWORK_SAYS_MORE: "the network's code decides: it says more than the processor's",
    Basis.PROCESSOR_STRICTER: "the processor's code decides: of two that say equally much, it is the stricter",
    Basis.NETWORK_STRICTER: "the network's code decides: of two that say equally much, it is the stricter",
    Basis.NETWORK_ADVICE: "the network's advice decides: the codes say no more than no",
    Basis.PROCESSOR_ADVICE: "the processor's advice decides: the codes say no more than no",
}
_STOP: Final = {
    Stop.MASTERCARD_ADVICE: "network advice {advice} stops: this card is never tried again",
    Stop.VISA_CATEGORY: "network code {code} stops: it is of Visa's category 1, never tried again",
    Stop.PROCESSOR_ADVICE: "the processor's advice {processor_advice} stops: this card is never tried again",
    Stop.POLICY: "the merchant's policy stops: it never tries again after {verdict}",
}
_KEPT: Final = {
    Kept.STOP: "no other processor: the card may not be tried again",
    Kept.CODE: "no other processor: {verdict} would be refused there too, or must not be tried there",
    Kept.NETWORK_ADVICE: "no other processor: network advice {advice} asks for something else first",
    Kept.POLICY: "no other processor: the merchant's policy keeps {verdict} where it is",
}


def reasons(decline: Decline, verdict: Verdict) -> tuple[str, ...]:
    """Tell how *verdict* came of *decline*, whose code is what the processor's code alone means."""
    words = {
        "advice": decline.network_advice_code,
        "category": MEANING[decline.code].category,
        "code": decline.network_code,
        "processor_advice": decline.processor_advice or "",
        "verdict": verdict.code,
    }
    return (
        f"processor code {decline.processor_code} means {decline.code}",
        *_network_said(decline),
        *([_STOP[verdict.stop].format(**words)] if verdict.stop else []),
        _BASIS[verdict.basis].format(**words),
        _when(decline, verdict),
        _elsewhere(verdict, words),
    )


def _elsewhere(verdict: Verdict, words: Mapping[str, object]) -> str:
    if verdict.kept is None:
        return "another processor may be tried within the request"
    if verdict.kept is Kept.CODE and verdict.code is DeclineCode.INSUFFICIENT_FUNDS:
        return "no other processor, unless the setting HUB_FAILOVER_INSUFFICIENT_FUNDS allows it"
    return _KEPT[verdict.kept].format(**words)


def _network_said(decline: Decline) -> list[str]:
    said = []
    card = f"a card of {decline.network or 'unknown network'}"
    if (code := decline.network_code) is not None:
        meaning = response_meaning(code, decline.network)
        category = f", category {visa_category(code)} of Visa" if decline.network == "visa" else ""
        told = f"means {meaning} on {card}{category}" if meaning else f"is in no table for {card} and decides nothing"
        said.append(f"network code {code} {told}")
    if (advice := decline.network_advice_code) is not None:
        found = merchant_advice(decline.network, advice)
        told = f"says: {found.text}" if found else f"is in no table for {card}; it may ask to stop"
        said.append(f"network advice {advice} {told}")
    return said


def _when(decline: Decline, verdict: Verdict) -> str:
    if verdict.advice is Advice.NEVER:
        return "the same payment method is not tried again"
    if verdict.wait is None:
        return "waiting does not help: no time is given"
    found = merchant_advice(decline.network, decline.network_advice_code)
    own = MEANING[verdict.code].delay_hours
    if found is not None and found.wait == verdict.wait:
        return f"network advice {decline.network_advice_code} sets the wait: {in_words(verdict.wait)}"
    if own is not None and timedelta(hours=own) == verdict.wait:
        return f"{verdict.code} sets the wait: {in_words(verdict.wait)}"
    return f"the merchant's policy sets the wait: {in_words(verdict.wait)}"


def in_words(wait: timedelta) -> str:
    """Say a wait as people do: "36 hours", "2 days"."""
    hours = round(wait / timedelta(hours=1))
    days, rest = divmod(hours, 24)
    if days > 1 and not rest:
        return f"{days} days"
    return f"{hours} hour{'' if hours == 1 else 's'}"
