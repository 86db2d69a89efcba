"""The suite that an adapter passes or is not supported; see docs/adapters/conformance.md."""

from typing import Final

from adapters.conformance import consequences, intrusions, registration
from adapters.conformance.bench import FIRST
from adapters.conformance.checks import Check

FIRST_HALF: Final[tuple[Check, ...]] = tuple(FIRST.all)
"""What can be tried without a server that speaks the processor's wire format."""

__all__ = ["FIRST_HALF", "consequences", "intrusions", "registration"]
