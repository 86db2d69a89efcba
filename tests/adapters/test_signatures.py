"""Signatures and secrets are compared in a time that tells nothing of them: held against each module that makes any."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MAKES = ("hmac.new", "hmac.digest", "hashlib.sha256", "sha256")
MODULES = [
    path.relative_to(ROOT)
    for room in ("adapters", "hub")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "sandbox" not in path.parts and ("hmac" in path.read_text() or "sha256" in path.read_text())
]


def made_here(function: ast.AST) -> set[str]:
    """The names that a function gives to what it signed or hashed."""
    return {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and any(make in ast.unparse(node.value) for make in MAKES)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def plainly_compared(module: Path) -> Iterator[str]:
    """Find comparisons that stop at the first byte that differs."""
    for function in ast.walk(ast.parse((ROOT / module).read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        made = made_here(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In):
                sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
                if any(side in made or any(make in side for make in MAKES) for side in sides):
                    yield f"{module}:{node.lineno}"


def test_the_modules_that_sign_are_looked_at() -> None:
    assert {"adapters/stripe/webhook.py", "adapters/adyen/signatures.py"} <= {str(module) for module in MODULES}


@pytest.mark.fault_case(id="SIG-16")
def test_no_signature_is_compared_byte_by_byte() -> None:
    assert [found for module in MODULES for found in plainly_compared(module)] == []


@pytest.mark.fault_case(id="SIG-16")
@pytest.mark.parametrize("processor", ["stripe", "adyen", "checkout_com"])
def test_each_adapter_compares_in_constant_time(processor: str) -> None:
    assert any("compare_digest" in path.read_text() for path in (ROOT / "adapters" / processor).glob("*.py"))
