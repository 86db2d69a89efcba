"""What the pages say is so: commands, settings, error codes, routes and words are held against the code."""

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hub.cli import main
from hub.exceptions.types import ACTION, DUE_AFTER, MEANING, SEVERITY, TYPES
from hub.payments.states import OperationStatus, Status
from hub.setting_meanings import SETTINGS
from normalization.declines import Advice, Category
from normalization.disputes import DisputeStatus, RefusalCode, Stage
from normalization.outcome import Operation
from tests.api_page import ANYWHERE, api_page, prose, routes
from tests.pages import PAGES

ROOT = Path(__file__).parent.parent
ALL_PAGES = [path.relative_to(ROOT) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
ROUTE = re.compile(r"`(GET|POST|PATCH|DELETE) (/[^`]+)`")
GLOSSARY_ROW = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_a_link_leads_to_a_file_that_is_there(page: Path) -> None:
    targets = LINK.findall((ROOT / page).read_text())

    assert [target for target in targets if not (ROOT / page.parent / target).exists()] == []


def test_the_first_page_leads_to_every_other_in_the_folder_of_pages() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))

    assert [name for page in (ROOT / "docs").glob("*.md") if (name := f"docs/{page.name}") not in linked] == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_a_command_for_make_has_its_target(page: Path) -> None:
    asked = {words[1] for words in commands(page) if words[0] == "make" and len(words) > 1}

    assert {name for name in asked if name.isalpha()} <= set(TARGET.findall((ROOT / "Makefile").read_text()))


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_a_command_of_the_hub_and_its_options_are_there(page: Path) -> None:
    for words in commands(page):
        if words[0] in {"hub", ".venv/bin/hub"}:
            used = {word for word in words if word.startswith("-")}

            assert used <= options(words[1:])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_made_from_the_code_is_up_to_date(page: str) -> None:
    written = (ROOT / page).read_text() if (ROOT / page).exists() else None

    assert written == PAGES[page](), "run `make pages`"


@pytest.mark.parametrize(("method", "path", "operation"), routes())
def test_the_api_page_tells_of_every_route_in_words_and_with_its_answers(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    row = next(line for line in api_page().splitlines() if line.startswith(f"| `{method} {path}` |"))

    assert f"`{method} {path}`" in prose()
    assert all(status in row for status in set(operation["responses"]) - ANYWHERE)


def test_the_api_page_names_no_route_that_is_not_served() -> None:
    named = set(ROUTE.findall(prose()))

    assert named - {(method, path) for method, path, _ in routes()} == set()


@pytest.mark.parametrize(
    "words", [Operation, Status, OperationStatus, Stage, DisputeStatus, RefusalCode, Category, Advice]
)
def test_the_glossary_explains_every_word_of_a_status_or_a_decline(words: type[StrEnum]) -> None:
    explained = {word.strip("` ") for cell in glossary() for word in cell.split(",")}

    assert {str(word) for word in words} - explained == set()


def test_the_page_of_exceptions_has_every_type_with_its_severity_meaning_and_action() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", text_of("exceptions.md"), re.MULTILINE)

    assert rows == [(type_, SEVERITY[type_], MEANING[type_], ACTION[type_]) for type_ in TYPES]


def test_the_page_of_exceptions_says_by_when_each_severity_is_due() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) (hour|day)s? \|", text_of("exceptions.md"), re.MULTILINE)

    assert {name: timedelta(**{f"{unit}s": int(count)}) for name, count, unit in rows} == dict(DUE_AFTER)


def text_of(name: str) -> str:
    """Read a page of docs/."""
    return (ROOT / "docs" / name).read_text()


def test_the_glossary_says_a_word_once() -> None:
    cells = glossary()

    assert len(cells) == len(set(cells))


def test_make_lists_every_target_a_user_calls() -> None:
    makefile = (ROOT / "Makefile").read_text()
    explained = re.findall(r"^([a-z]+):.*## \w", makefile, re.MULTILINE)

    assert set(explained) == set(TARGET.findall(makefile))


def test_no_lock_names_where_packages_come_from() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))

    assert len(locks) == 4
    assert [lock.name for lock in locks if re.search(r"://|--(index|find|extra)", lock.read_text())] == []


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", "docs/deploy.md"])
def test_a_setting_named_for_deployment_is_one(file: str) -> None:
    named = set(re.findall(r"\bHUB_([A-Z_]+)", (ROOT / file).read_text()))

    assert named
    assert {name.lower() for name in named} <= set(SETTINGS)


def test_every_service_of_the_compose_file_runs_a_command_without_root() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    ours = {name: service for name, service in services.items() if service.get("build")}

    assert set(ours) == {"hub", "migrate", "worker"}
    assert all(service["cap_drop"] == ["ALL"] and service["read_only"] for service in ours.values())


def test_the_command_is_installed_under_the_name_the_pages_use() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert list(project["scripts"]) == ["hub"]


def commands(page: Path) -> Iterator[list[str]]:
    """Every command line in a page's code, as words."""
    for block, inline in CODE.findall((ROOT / page).read_text()):
        for line in (block or inline).splitlines():
            if words := line.removeprefix("$ ").split():
                yield words


def options(words: list[str]) -> set[str]:
    """The options of the hub's command that *words* name; KeyError where there is no such command."""
    command: click.Command = main
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            command = command.commands[word]
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


def glossary() -> list[str]:
    """The first cells of the glossary's tables."""
    found = GLOSSARY_ROW.findall((ROOT / "docs/glossary.md").read_text())
    return [cell for cell in found if cell not in {"word", "category", "advice", "ending"} and set(cell) != {"-"}]
