"""Whatever bytes a parser is given, it reads them or refuses them in its own words."""

from random import Random

import pytest

from tests.security.mutations import mutated
from tests.security.parsers import PARSERS, Parser

TRIES = 400


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name.replace(" ", "_"))
def test_a_parser_takes_what_is_right_and_refuses_the_rest_as_it_says(parser: Parser) -> None:
    random = Random(20261122)  # noqa: S311 - which bytes are changed

    assert all(parser.takes(seed) for seed in parser.seeds)
    for _ in range(TRIES):
        parser.takes(mutated(parser.seeds, random))
