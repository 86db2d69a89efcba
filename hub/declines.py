"""`hub declines explain`: what a refusal comes to, and how."""

import os
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from adapters.contract import Registration
from hub.app import known_adapters, utc_now
from hub.declines_unknown import OURS
from hub.settings import InvalidSettingError, load_settings
from normalization.declines import MEANING, Advice, Category, Decline, DeclineCode
from normalization.reasons import in_words, reasons
from normalization.verdicts import NO_POLICY, Policy, resolve

_SIMILAR_MAX: Final = 3
_NETWORKS: Final = ("amex", "diners", "discover", "jcb", "maestro", "mastercard", "unionpay", "visa")
"""Those whose names a slip is guessed for; others are taken as they are, and have no rows of their own."""


class NotExplainedError(click.ClickException):
    """No such processor, or no such code of it; the message says what there is."""


class Explained(Struct, frozen=True, kw_only=True):
    """What a refusal comes to; `wait_seconds` None: waiting does not help."""

    processor: str
    processor_code: str
    network_code: str | None
    network_advice_code: str | None
    network: str | None
    code: DeclineCode
    category: Category
    advice: Advice
    alternatives: tuple[Advice, ...]
    wait_seconds: int | None
    failover: bool
    message: str
    reasons: tuple[str, ...]


def run(
    processor: str, code: str, *, network_code: str | None, advice: str | None, brand: str | None, as_json: bool
) -> None:
    """Explain a refusal on standard output, by today's rules.

    Raises:
        NotExplainedError: for a processor without an adapter, a code in none of its tables, or a misspelt network.
    """
    network = _network(brand)
    raw = Decline(
        code=DeclineCode.GENERIC_DECLINE,
        processor_code=code,
        network_code=network_code,
        network_advice_code=advice,
        network=network,
    )
    try:
        policy = load_settings(os.environ).decline_policy
    except InvalidSettingError as wrong:
        raise click.ClickException(str(wrong)) from wrong
    explained = explain(known_adapters(), processor, raw, utc_now().date(), policy)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(explained), indent=2).decode() + "\n")
    else:
        sys.stdout.write(_told(explained))


def explain(
    adapters: Mapping[str, Registration[Any]], processor: str, raw: Decline, on: date, policy: Policy = NO_POLICY
) -> Explained:
    """Resolve *raw*, whose code is not looked at, as a refusal by *processor* on a day, under the merchant's *policy*.

    Raises:
        NotExplainedError: for a processor without an adapter, or a code in none of its tables.
    """
    registration = adapters.get(processor)
    if registration is None:
        raise NotExplainedError(f"no adapter for {processor!r}; there are {', '.join(sorted(adapters))}")
    meaning = registration.meaning_of(raw.processor_code)
    if meaning is None:
        raise NotExplainedError(_no_such_code(registration, raw.processor_code))
    decline = msgspec.structs.replace(raw, code=meaning)
    verdict = resolve(decline, on, policy)
    return Explained(
        processor=processor,
        processor_code=decline.processor_code,
        network_code=decline.network_code,
        network_advice_code=decline.network_advice_code,
        network=decline.network,
        code=verdict.code,
        category=verdict.category,
        advice=verdict.advice,
        alternatives=verdict.alternatives,
        wait_seconds=None if verdict.wait is None else int(verdict.wait.total_seconds()),
        failover=verdict.failover,
        message=MEANING[verdict.code].message,
        reasons=reasons(decline, verdict),
    )


def _network(brand: str | None) -> str | None:
    if not brand:
        return None
    network = brand.lower()
    if network not in _NETWORKS and (similar := get_close_matches(network, _NETWORKS, 1)):
        raise NotExplainedError(f"--brand: no network is called {brand!r}; did you mean {similar[0]}?")
    return network


def _no_such_code(registration: Registration[Any], code: str) -> str:
    if code.startswith(OURS):
        return f"{code!r} is a code of the hub's own and no processor's; the payment's timeline tells how it came about"
    similar = get_close_matches(code, registration.decline_codes, _SIMILAR_MAX)
    hint = f"did you mean {', '.join(similar)}?" if similar else "docs/declines lists its codes."
    return (
        f"{code!r} is in no table of {registration.processor}: by itself it would mean generic_decline and be listed "
        f"by `hub doctor`; {hint}"
    )


def _told(explained: Explained) -> str:
    wait = "none" if explained.wait_seconds is None else in_words(timedelta(seconds=explained.wait_seconds))
    alternatives = ", ".join(explained.alternatives) or "nothing"
    lines = [
        f"{explained.code} ({explained.category})",
        f"  advice    {explained.advice}; else {alternatives}",
        f"  wait      {wait}",
        f"  failover  {'yes' if explained.failover else 'no'}",
        f"  payer     {explained.message}",
        "",
        *(f"{number}. {reason}" for number, reason in enumerate(explained.reasons, 1)),
    ]
    return "\n".join(lines) + "\n"
