"""The house style that no linter sees, checked on every module."""

import ast
import re
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("hub", "adapters", "routing", "normalization", "tests", "benchmarks")
MODULES = [path.relative_to(ROOT) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500
PARTS_MAX = 4  # Three folders and a file.
VAGUE_NAMES = frozenset({"base", "common", "helpers", "manager", "misc", "utils"})
SILENCING = re.compile(r"# (?:noqa|type: ignore|pragma)")
REASONED = re.compile(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\]) +(?:-|#) \w.*")


def test_a_module_is_small_and_well_placed() -> None:
    long = {str(module): n for module in MODULES if (n := len(source(module).splitlines())) > MODULE_LINES_MAX}

    assert long == {}, f"more than {MODULE_LINES_MAX} lines"
    assert [str(module) for module in MODULES if len(module.parts) > PARTS_MAX] == [], "folders are three deep at most"


def test_a_name_says_what_is_inside() -> None:
    assert {str(module): vague for module in MODULES if (vague := words(module) & VAGUE_NAMES)} == {}


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{module}: {name}" for module in MODULES for name, length in functions(module) if length > FUNCTION_LINES_MAX
    ]

    assert long == [], f"more than {FUNCTION_LINES_MAX} lines"


def test_a_silenced_check_says_why() -> None:
    silenced = [
        (str(module), comment) for module in MODULES for comment in comments(module) if SILENCING.match(comment)
    ]

    assert [(module, comment) for module, comment in silenced if not REASONED.fullmatch(comment)] == []


def test_the_four_rooms_are_looked_at() -> None:
    assert {module.parts[0] for module in MODULES} >= {"hub", "adapters", "routing", "normalization", "tests"}


def source(module: Path) -> str:
    """What a module says."""
    return (ROOT / module).read_text()


def words(module: Path) -> set[str]:
    """The words that a module's name and those of its folders are made of."""
    names = {part.removesuffix(".py") for part in module.parts}
    return {word for name in names for word in name.removeprefix("test_").split("_")}


def functions(module: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module and how many lines it has, decorators left out."""
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def comments(module: Path) -> Iterator[str]:
    """Every comment of a module, as written; what looks like one inside a string is left out."""
    told = source(module)
    if not SILENCING.search(told):  # Taking a module apart is dear, and nearly all of them silence nothing.
        return
    tokens = tokenize.generate_tokens(StringIO(told).readline)
    yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
