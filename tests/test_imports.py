"""Every contract on who may import whom is broken once on purpose, in a copy, to see that it holds."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("hub", "adapters", "routing", "normalization")
BREACHES = (
    ("rooms", "normalization/money.py", "import routing.plan"),
    ("rooms", "normalization/money.py", "import adapters.errors"),
    ("rooms", "routing/plan.py", "import adapters.errors"),
    ("rooms", "routing/plan.py", "import hub.errors"),
    ("rooms", "adapters/stripe/adapter.py", "import routing.plan"),
    ("rooms", "adapters/transport.py", "import hub.settings"),
    ("registry", "hub/payments/charging.py", "import adapters.registry"),
    ("registry", "adapters/transport.py", "import adapters.registry"),
    ("adapters-apart", "adapters/stripe/adapter.py", "import adapters.adyen.wire"),
    ("adapters-apart", "adapters/adyen/adapter.py", "import adapters.stripe"),
    ("kit-apart", "hub/app.py", "import adapters.conformance.suite"),
    ("kit-apart", "adapters/stripe/adapter.py", "import adapters.conformance"),
    ("kit-alone-tests", "adapters/conformance/checks.py", "import pytest"),
    ("kit-alone-tests", "adapters/transport.py", "import pytest"),
    ("pure-core", "normalization/money.py", "import logging"),
    ("pure-core", "normalization/declines.py", "import redis.asyncio"),
    ("pure-core", "routing/plan.py", "from time import monotonic"),
    ("pure-core", "routing/rules.py", "import random"),
    ("pure-core", "hub/payments/rules.py", "from sqlalchemy import select"),
    ("pure-core", "hub/payments/rules.py", "import asyncio"),
    ("pure-core", "hub/payments/rules.py", "import hub.payments.store"),
    ("adapters-serve-nothing", "adapters/transport.py", "from litestar import get"),
    ("adapters-serve-nothing", "adapters/adyen/adapter.py", "import sqlalchemy"),
    ("sandbox-reads-alone", "hub/sandbox/server.py", "import adapters.contract"),
    ("sandbox-reads-alone", "hub/sandbox/stripe/form.py", "from normalization.money import Money"),
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("contract", "module", "line"), BREACHES)
def test_a_breach_fails_and_the_contract_is_named(copy: Path, contract: str, module: str, line: str) -> None:
    broken = copy / module
    broken.write_text(f"{broken.read_text()}\n{line}\n")

    status, told = lint(copy, contract)

    assert status == 1, told
    assert f"{CONTRACTS[contract]} BROKEN" in told


def test_a_new_adapter_is_held_apart_without_being_named(copy: Path) -> None:
    (copy / "adapters/acme").mkdir()
    (copy / "adapters/acme/__init__.py").write_text("import adapters.contract\nimport adapters.stripe.wire\n")

    status, told = lint(copy, "adapters-apart")

    assert status == 1, told
    assert "adapters.acme -> adapters.stripe.wire" in told


def test_every_contract_is_tried() -> None:
    assert {contract for contract, _, _ in BREACHES} == set(CONTRACTS)


def test_the_copy_itself_keeps_every_contract(copy: Path) -> None:
    status, told = lint(copy, *CONTRACTS)

    assert status == 0, told


def lint(folder: Path, *contracts: str) -> tuple[int, str]:
    """Check *contracts* in *folder*: the exit status and what was printed, on one line."""
    chosen = [part for contract in contracts for part in ("--contract", contract)]
    program = str(Path(sys.executable).with_name("lint-imports"))
    done = subprocess.run(
        (program, "--no-cache", "--no-logo", *chosen), cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def _contracts() -> dict[str, str]:
    configured: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {one["id"]: one["name"] for one in configured["tool"]["importlinter"]["contracts"]}


CONTRACTS = _contracts()
