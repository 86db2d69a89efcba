"""The house style that no linter sees, checked on every module."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("hub", "adapters", "routing", "normalization", "tests", "benchmarks")
MODULES = [path.relative_to(ROOT) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500
PARTS_MAX = 4  # Three folders and a file.
VAGUE_NAMES = frozenset({"base", "common", "helpers", "manager", "misc", "utils"})
SILENCING = re.compile(r"# (?:noqa|type: ignore|pragma)")
REASONED = re.compile(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\]) +(?:-|#) \w.*")


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_small_and_well_placed(module: Path) -> None:
    lines = (ROOT / module).read_text().splitlines()

    assert len(lines) <= MODULE_LINES_MAX
    assert len(module.parts) <= PARTS_MAX, "folders are three deep at the most"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_name_says_what_is_inside(module: Path) -> None:
    names = {part.removesuffix(".py") for part in module.parts}
    words = {word for name in names for word in name.removeprefix("test_").split("_")}

    assert not words & VAGUE_NAMES


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_function_fits_on_a_screen(module: Path) -> None:
    long = [name for name, length in functions(ROOT / module) if length > FUNCTION_LINES_MAX]

    assert not long, f"more than {FUNCTION_LINES_MAX} lines"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_silenced_check_says_why(module: Path) -> None:
    silenced = [comment for comment in comments(ROOT / module) if SILENCING.match(comment)]

    assert [comment for comment in silenced if not REASONED.fullmatch(comment)] == []


def test_the_four_rooms_are_looked_at() -> None:
    assert {module.parts[0] for module in MODULES} >= {"hub", "adapters", "routing", "normalization", "tests"}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module and how many lines it has, decorators left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def comments(path: Path) -> Iterator[str]:
    """Every comment of a module, as written; what looks like one inside a string is left out."""
    with path.open("rb") as source:
        yield from (token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT)
