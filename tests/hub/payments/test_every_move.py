"""Nothing that the rules make of a word changes unseen: the table of all of it stands beside this test."""

from difflib import unified_diff

from tests.hub.payments.every_move import TABLE, lines


def test_every_word_in_every_situation_does_what_stands_in_the_table() -> None:
    written = TABLE.read_text().splitlines()

    assert list(unified_diff(written, list(lines()), "as written", "as it is", lineterm="", n=0)) == []
