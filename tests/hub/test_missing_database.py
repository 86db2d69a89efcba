"""Where there is no database, the command says which one may be meant."""

from pathlib import Path

from hub.cli import dev
from hub.dev_processes import Folder
from hub.missing_database import OF_DEV, mend
from tests.hub.commands import hub_in


def test_beside_what_hub_dev_runs_its_database_is_named(tmp_path: Path) -> None:
    (tmp_path / OF_DEV).parent.mkdir()
    (tmp_path / OF_DEV).touch()
    settings = f"HUB_DEVELOPMENT=yes HUB_DATABASE_URL=sqlite:///{OF_DEV}"

    listed = hub_in(tmp_path, "webhooks", "list")
    doctor = hub_in(tmp_path, "doctor", "--json")

    assert (listed.returncode, settings in " ".join(listed.stderr.replace("│", " ").split())) == (1, True)
    assert (doctor.returncode, settings in doctor.stdout) == (1, True)


def test_elsewhere_a_hub_of_ones_own_is_meant(tmp_path: Path) -> None:
    assert mend(tmp_path / OF_DEV) == "run `hub migrate` first, or correct HUB_DATABASE_URL"


def test_it_is_where_hub_dev_keeps_it() -> None:
    (option,) = (one for one in dev.params if one.name == "folder")

    assert f"sqlite:///{OF_DEV}" == Folder(Path(str(option.default))).database_url
