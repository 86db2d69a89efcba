"""Every adapter of the registry passes the conformance kit, at a server of its processor."""

import asyncio
from importlib import import_module
from pathlib import Path

import pytest

from adapters.conformance import CHECKS, FIRST_HALF, Check
from adapters.conformance.checks import fitting
from adapters.conformance.harness import SandboxHarness
from adapters.conformance.suite import ConformanceSuite, FirstHalfSuite
from adapters.registry import registrations


def harness_of(processor: str) -> SandboxHarness | None:
    """An adapter's harness stands beside its own tests: adding one touches no file of another."""
    if not (Path(__file__).parent / processor / "harness.py").exists():
        return None
    found = import_module(f"tests.adapters.{processor}.harness").HARNESS
    return found if isinstance(found, SandboxHarness) else None


HARNESSES = {processor: harness for processor in registrations() if (harness := harness_of(processor))}
TRIED = [(processor, check) for processor, harness in HARNESSES.items() for check in fitting(CHECKS, harness)]


@pytest.mark.parametrize("processor", registrations())
def test_an_adapter_of_the_registry_has_a_harness(processor: str) -> None:
    assert processor in HARNESSES, f"tests/adapters/{processor}/harness.py has no harness with a server"
    assert HARNESSES[processor].registration is registrations()[processor]


@pytest.mark.parametrize(("processor", "check"), TRIED, ids=[f"{processor}-{check}" for processor, check in TRIED])
def test_an_adapter_passes(processor: str, check: Check, tmp_path: Path) -> None:
    asyncio.run(check.run(HARNESSES[processor], tmp_path))


class TestAsOthersRunIt(ConformanceSuite):
    """A test class of somebody else's, cut down to a rule of each half."""

    harness = HARNESSES["stripe"]
    checks = (CHECKS[0], CHECKS[-1])


def test_the_suites_have_every_rule_of_their_halves() -> None:
    assert ConformanceSuite.checks == CHECKS
    assert FirstHalfSuite.checks == FIRST_HALF
    assert {check.name for check in FIRST_HALF} < {check.name for check in CHECKS}
    assert len({check.name for check in CHECKS}) == len(CHECKS)
