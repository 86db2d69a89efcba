"""How a check says no."""

from typing import Final

SHOWN_MAX: Final = 400
"""How much of what was seen is shown, in characters."""


class NonconformingError(AssertionError):
    """The adapter broke a rule; the message says which, and what was seen instead."""


def expect(held: object, rule: str, saw: object = None) -> None:
    """Insist on *rule*.

    Raises:
        NonconformingError: when it does not hold.
    """
    if not held:
        raise NonconformingError(rule if saw is None else f"{rule}; saw {repr(saw)[:SHOWN_MAX]}")
