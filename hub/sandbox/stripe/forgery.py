"""An event that somebody changed on its way: still well formed, and about more money or another object."""

import re

AMOUNT = re.compile(rb'"amount": (?=[0-9])')
ID = re.compile(rb'"id": "')


def altered(body: bytes) -> bytes:
    """Return an event with a larger amount or, where it has none, about another id."""
    changed, amounts = AMOUNT.subn(b'"amount": 9', body, count=1)
    return changed if amounts else ID.sub(b'"id": "9', body, count=1)
