"""Every case of tests/fault_cases.toml has a test that bears its id, or a reason why it cannot happen here."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXCUSED = re.compile(r"^\| ([A-Z]+-[0-9]{2}) \| \S", re.MULTILINE)
ID = re.compile(r"[A-Z]+-[0-9]{2}")


def listed() -> dict[str, str]:
    """The cases, with what must hold in each."""
    with (ROOT / "tests" / "fault_cases.toml").open("rb") as file:
        rooms = tomllib.load(file)
    return {case: sentence for room in rooms.values() for case, sentence in room.items()}


def excused() -> set[str]:
    """The cases of which docs/reliability.md says why they cannot happen."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    return set(EXCUSED.findall(page.partition("## Fault cases")[2].partition("\n## ")[0]))


def borne() -> dict[str, list[str]]:
    """The tests that bear each case."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text()
        if "fault_case(" in source:  # Taking a module apart is dear.
            for test, case in marks(source):
                found.setdefault(case, []).append(f"{path.relative_to(ROOT)}::{test}")
    return found


def marks(source: str) -> Iterator[tuple[str, str]]:
    """The tests of a module with the cases that they bear."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault_case":
                    yield node.name, ast.literal_eval(mark.keywords[0].value)


def test_every_case_is_proved_by_a_test_or_excused_with_a_reason() -> None:
    assert sorted(listed().keys() - borne().keys() - excused()) == []


def test_what_a_test_bears_and_the_page_excuses_are_cases() -> None:
    assert sorted((borne().keys() | excused()) - listed().keys()) == []


def test_no_case_is_both_proved_and_excused() -> None:
    assert sorted(borne().keys() & excused()) == []


def test_each_case_has_an_id_and_says_in_a_sentence_what_must_hold() -> None:
    said = listed()

    assert [case for case in said if not ID.fullmatch(case)] == []
    assert [case for case, sentence in said.items() if not sentence.endswith(".")] == []


def test_a_test_says_which_cases_it_bears() -> None:
    source = '@pytest.mark.fault_case(id="UNK-01")\n@other\nasync def test_a() -> None: ...\ndef test_b() -> None: ...'

    assert list(marks(source)) == [("test_a", "UNK-01")]
