"""The suite that an adapter passes or is not supported; see docs/adapters/conformance.md."""

from typing import Final

from adapters.conformance import (
    abilities,
    answers,
    challenges,
    consequences,
    currencies,
    declining,
    disputes,
    faults,
    intrusions,
    operations,
    refetching,
    registration,
    replays,
    secrecy,
    settlements,
    tagging,
    webhooks,
)
from adapters.conformance.bench import FIRST
from adapters.conformance.checks import Check
from adapters.conformance.shop import SECOND

FIRST_HALF: Final[tuple[Check, ...]] = tuple(FIRST.all)
"""What can be tried without a server that speaks the processor's wire format."""

CHECKS: Final[tuple[Check, ...]] = (*FIRST_HALF, *SECOND.all)
"""Both halves."""

__all__ = [
    "CHECKS",
    "FIRST_HALF",
    "Check",
    "abilities",
    "answers",
    "challenges",
    "consequences",
    "currencies",
    "declining",
    "disputes",
    "faults",
    "intrusions",
    "operations",
    "refetching",
    "registration",
    "replays",
    "secrecy",
    "settlements",
    "tagging",
    "webhooks",
]
