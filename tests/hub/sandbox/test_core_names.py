"""A folder beside the core is a pretend processor: nothing else names it."""

import subprocess
import sys
from importlib import import_module

import pytest

from hub.sandbox.server import names, processor


def test_the_folders_are_the_processors() -> None:
    assert set(names()) >= {"adyen", "stripe"}


@pytest.mark.parametrize("name", names())
def test_a_folder_brings_its_processor_and_says_how_it_is_set_up(name: str) -> None:
    assert processor(name).name == name
    assert import_module(f"hub.sandbox.{name}").__doc__


@pytest.mark.parametrize("name", names())
def test_an_account_is_reached_with_the_same_credentials_every_time(name: str) -> None:
    told = processor(name).credentials("desk", "http://127.0.0.1:1")

    assert told == processor(name).credentials("desk", "http://127.0.0.1:1")
    assert told["base_url"] == "http://127.0.0.1:1"
    assert told["webhook_secret"] != processor(name).credentials("till", "http://127.0.0.1:1")["webhook_secret"]


def test_the_command_takes_every_name_and_no_other() -> None:
    asked = (sys.executable, "-m", "hub.sandbox", "nobody", "--book", ":memory:")
    told = subprocess.run(asked, capture_output=True, text=True, check=False)

    assert told.returncode == 2
    assert all(name in told.stderr for name in names())
