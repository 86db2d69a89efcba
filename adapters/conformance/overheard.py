"""All that an adapter lets out while it works: logs of every level, what it prints, raises and returns."""

import io
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Final

from msgspec.structs import asdict

from adapters.conformance.verdict import expect
from adapters.contract import Credentials

SECRET_WORDS: Final = ("key", "secret", "password", "token")
"""A field of the credentials with one of these in its name holds a secret."""
SHOWN_MAX: Final = 80
"""How much of what came before a secret is shown, in characters."""
SECRET_MIN: Final = 6
"""Shorter strings would be found by chance."""


class Overheard(logging.Handler):
    """Gathers; a record's own traceback belongs to it."""

    def __init__(self) -> None:
        """Listen to every level."""
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as a log file would show it."""
        self.lines.append(self.format(record))

    def take(self, ended: object) -> None:
        """Keep what a call returned or raised, an error with its whole chain, as a log or a debugger shows it."""
        self.lines.append(f"{ended!r} {ended}")
        if isinstance(ended, BaseException):
            self.lines.extend(traceback.format_exception(ended))

    def lacks(self, secrets: Iterable[str]) -> None:
        """Insist that none of *secrets* got out.

        Raises:
            NonconformingError: when one did; the message does not repeat it.
        """
        for secret in secrets:
            told = next((line for line in self.lines if secret in line), "")
            before = told.partition(secret)[0][-SHOWN_MAX:]
            expect(not told, f"no log, error or repr holds a secret, but one goes on with it after {before!r}")


@contextmanager
def overhearing() -> Iterator[Overheard]:
    """Listen to every logger and to both outputs."""
    heard, root, printed = Overheard(), logging.getLogger(), io.StringIO()
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            yield heard
    finally:
        root.removeHandler(heard)
        root.setLevel(level)
        heard.lines.append(printed.getvalue())


def secrets_of(credentials: Credentials) -> list[str]:
    """List what nobody may see of *credentials*."""
    named = {name: value for name, value in asdict(credentials).items() if any(word in name for word in SECRET_WORDS)}
    return list(leaves(named))


def leaves(value: object) -> Iterator[str]:
    """Go through every string in *value* that is long enough to be recognized."""
    if isinstance(value, str):
        if len(value) >= SECRET_MIN:
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
