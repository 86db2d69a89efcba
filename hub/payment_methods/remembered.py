"""What this process lately read of payment methods, so that the next charge of one need not read it again.

Never the truth: the charge's first commit holds the version against the row, and what has changed is read again.
"""

from collections import OrderedDict

from hub.payment_methods.store import Means

Name = tuple[bool, str]
"""The mode, and the payment method's id."""


class Remembered:
    """At most *most* payment methods, those that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._means: OrderedDict[Name, Means] = OrderedDict()

    def get(self, name: Name) -> Means | None:
        """Find what was read of a payment method."""
        means = self._means.get(name)
        if means is not None:
            self._means.move_to_end(name)
        return means

    def forget(self, name: Name) -> None:
        """Remember a payment method no more."""
        self._means.pop(name, None)

    def keep(self, name: Name, means: Means) -> None:
        """Remember what was read now."""
        self._means[name] = means
        self._means.move_to_end(name)
        if len(self._means) > self._most:
            self._means.popitem(last=False)
