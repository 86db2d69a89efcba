"""The kit as test classes: one test for each rule. The only module of the hub that needs pytest.

from adapters.conformance.suite import ConformanceSuite

class TestAcquirer(ConformanceSuite):
    harness = AcquirerHarness()
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from adapters.conformance import CHECKS, FIRST_HALF, Check
from adapters.conformance.checks import fitting
from adapters.conformance.harness import Harness, SandboxHarness


class FirstHalfSuite:
    """What an adapter passes before it knows anything of its processor."""

    harness: ClassVar[Harness]
    checks: ClassVar[Sequence[Check]] = FIRST_HALF

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test of each check that fits the harness."""
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", list(fitting(self.checks, self.harness)), ids=str)

    def test_conforms(self, check: Check, tmp_path: Path) -> None:
        """Run one check in an event loop of its own."""
        asyncio.run(check.run(self.harness, tmp_path))


class ConformanceSuite(FirstHalfSuite):
    """Both halves: what an adapter passes or is not supported."""

    harness: ClassVar[SandboxHarness]
    checks: ClassVar[Sequence[Check]] = CHECKS
