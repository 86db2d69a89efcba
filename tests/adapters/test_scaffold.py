"""`make adapter NAME=acme` writes an adapter that passes the conformance kit's first half, and the linters, at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.scaffold.__main__ import write
from adapters.scaffold.plan import NAME_MAX, NameRefusedError, files

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
LONGEST = "paynow_international"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What an adapter is written into: the rooms it imports, and the configuration."""
    for room in ("adapters", "normalization"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    for file in ("tests/__init__.py", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in *project*, whose rooms come before those that are installed."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    return subprocess.run(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def test_what_is_written_passes_the_first_half_of_the_kit(project: Path) -> None:
    made = run(project, sys.executable, "-m", "adapters.scaffold", "acme")
    assert made.returncode == 0, made.stdout

    told = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/adapters/acme")

    assert told.returncode == 0, told.stdout
    assert "passed" in told.stdout


def test_what_is_written_has_its_types(project: Path) -> None:
    write("acme", project)

    told = run(project, str(BIN / "mypy"), "adapters/acme", "tests/adapters/acme")

    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("name", ["acme", "zz", LONGEST])
def test_what_is_written_has_the_house_style_whatever_the_name(project: Path, name: str) -> None:
    write(name, project)
    places = (f"adapters/{name}", f"tests/adapters/{name}")

    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        told = run(project, str(BIN / "ruff"), *command, *places)
        assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("name", ["", "Acme", "a b", "1a", "a__b", "_a", "a_", "../x", "a" * (NAME_MAX + 1)])
def test_a_name_that_is_none_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(NameRefusedError, match=r"^NAME: .*acme"):
        files(name)


@pytest.mark.parametrize("name", ["class", "registry", "conformance", "hub", "adapters"])
def test_a_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(NameRefusedError, match=r"^NAME: .* means something else"):
        files(name)


def test_the_longest_name_is_tried() -> None:
    assert len(LONGEST) == NAME_MAX


def test_an_adapter_that_is_there_is_not_written_over(project: Path) -> None:
    client = project / "adapters/stripe/client.py"
    before = client.read_bytes()

    with pytest.raises(NameRefusedError, match=r"'stripe' is taken, .*adapters/stripe/client\.py"):
        write("stripe", project)

    assert client.read_bytes() == before
    assert not (project / "adapters/stripe/codes.py").exists()


def test_nothing_is_written_outside_the_project(tmp_path: Path) -> None:
    with pytest.raises(NameRefusedError, match="go to the project's root"):
        write("acme", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_make_says_what_is_wrong_with_a_name(project: Path) -> None:
    told = run(project, "make", "-o", ".venv/.ready", f"BIN={BIN}", "adapter", "NAME=Acme Corp")

    assert told.returncode != 0
    assert "NAME: 'Acme Corp' is no name for an adapter" in told.stdout
