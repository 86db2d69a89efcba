"""Every mutant can be put into the code as it stands, and says what it breaks and what must notice it."""

import ast
import re
from pathlib import Path

import pytest

from tests.mutants.patches import Hunk, MisfitError, Mutant, read_mutants, read_patch

ROOT = Path(__file__).parent.parent.parent
MUTANTS = read_mutants()
MIN = 25
SENTENCE = re.compile(r"[A-Z].+\. Broken promise: \S.+\.")
PATCH = """What is broken. Broken promise: this one.
Killed by tests/test_tidy.py

--- a/one.py
+++ b/one.py
@@ -1,3 +1,2 @@
 first
-second
 third
"""


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= MIN


def test_each_changes_code_that_is_there_and_is_still_python() -> None:
    for mutant in MUTANTS:
        for path, text in mutant.files(ROOT).items():
            assert path.split("/")[0] in {"hub", "adapters", "routing", "normalization"}, mutant.name
            assert text != (ROOT / path).read_text(), mutant.name
            ast.parse(text, f"{mutant.name}: {path}")


def test_each_says_what_it_breaks() -> None:
    assert [mutant.name for mutant in MUTANTS if not SENTENCE.fullmatch(mutant.told)] == []


def test_each_names_tests_that_are_there() -> None:
    for mutant in MUTANTS:
        assert mutant.killers, f"{mutant.name}: nothing is said to notice it"
        for killer in mutant.killers:
            path, *inside = killer.split("::")
            found: ast.AST | None = ast.parse((ROOT / path).read_text())
            for name in inside:
                found = defined(found, name.partition("[")[0])
            assert found is not None, f"{mutant.name}: {killer}"


def defined(inside: ast.AST | None, name: str) -> ast.AST | None:
    """What is called *name* right inside of a module or a class."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    body = getattr(inside, "body", [])
    return next((one for one in body if isinstance(one, kinds) and one.name == name), None)


def test_a_hunk_goes_where_its_lines_stand_whatever_stands_before_them(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("new\nfirst\nsecond\nthird\n")

    assert read_patch("one", PATCH).files(tmp_path) == {"one.py": "new\nfirst\nthird\n"}


@pytest.mark.parametrize("text", ["first\nthird\n", "first\nsecond\nthird\n" * 2])
def test_lines_that_are_gone_or_stand_twice_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(text)

    with pytest.raises(MisfitError, match="one"):
        read_patch("one", PATCH).files(tmp_path)


def test_a_patch_is_read_with_its_killers() -> None:
    hunk = Hunk("one.py", "first\nsecond\nthird\n", "first\nthird\n")

    assert read_patch("one", PATCH) == Mutant(
        name="one",
        told="What is broken. Broken promise: this one.",
        killers=("tests/test_tidy.py",),
        hunks=(hunk,),
    )
