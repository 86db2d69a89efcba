"""Deliveries of an API version that the adapter was not written for: read as far as they can be, and counted."""

import re
from collections.abc import Iterable
from typing import Final

from adapters.contract import Delivery
from hub import metrics

_USUAL: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
UNUSUAL: Final = "unusual"
"""Stands for a version that is written as none is: what a label says is kept for ever, so it takes no free text."""


def count_versions(merchant_account: str, deliveries: Iterable[Delivery]) -> None:
    """Count those of *deliveries* that are of another version."""
    for delivery in deliveries:
        if delivery.api_version is not None:
            metrics.OTHER_VERSIONS.labels(merchant_account, label_of(delivery.api_version)).inc()


def label_of(version: str) -> str:
    """Give the label of a version: up to 40 letters, digits, dots and dashes as they are, anything else `unusual`."""
    return version if _USUAL.fullmatch(version) else UNUSUAL
