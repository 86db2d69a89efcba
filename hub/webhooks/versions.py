"""Deliveries of an API version that the adapter was not written for: read as far as they can be, and counted."""

from collections.abc import Iterable

from adapters.contract import Delivery
from hub import metrics


def count_versions(merchant_account: str, deliveries: Iterable[Delivery]) -> None:
    """Count those of *deliveries* that are of another version."""
    for delivery in deliveries:
        if delivery.api_version is not None:
            metrics.OTHER_VERSIONS.labels(merchant_account, delivery.api_version).inc()
