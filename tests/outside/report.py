"""What a part of the outside checks says while it runs, and when it cannot."""

from collections.abc import Awaitable, Callable

Part = Callable[["Report"], Awaitable[None]]


class MissingError(Exception):
    """Something that is not ours to ship is not there; the message says how to get it."""


class Report:
    """Prints each thing tried and counts what was not as the outside says."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.tried = 0
        self.wrong: list[str] = []

    def say(self, line: str) -> None:
        print(f"{self.part}: {line}", flush=True)

    def hold(self, what: str, *, good: bool, because: str = "") -> None:
        """Note that *what* was tried and whether the outside agreed."""
        self.tried += 1
        if not good:
            self.wrong.append(f"{what}: {because}" if because else what)
        self.say(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good or not because else f"\n     {because}"))
