"""The metric of other API versions takes no free text for its label."""

import pytest

from hub.webhooks.versions import UNUSUAL, label_of


@pytest.mark.parametrize("version", ["2020-08-27", "2026-03-25.dahlia", "V71", "x" * 40])
def test_a_version_as_processors_write_them_is_the_label(version: str) -> None:
    assert label_of(version) == version


@pytest.mark.parametrize("version", ["", "x" * 41, "2020-08-27\n", "a b", '"}', "\u00fc", "\u0663"])
def test_what_is_written_like_no_version_shares_one_label(version: str) -> None:
    assert label_of(version) == UNUSUAL
