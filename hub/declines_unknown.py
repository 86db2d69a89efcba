"""Which codes of refusals nobody has given a meaning yet: counted when they come, listed by `hub doctor`."""

from typing import Any, Final

from adapters.contract import Registration
from hub import metrics
from normalization.declines import Decline

OURS: Final = "hub/"
"""How the codes of refusals begin that the hub itself decided."""


def is_known(decline: Decline, registration: Registration[Any]) -> bool:
    """Whether the processor's code of *decline* stands in its adapter's table, or is the hub's own.

    An adapter without a table is not judged.
    """
    if decline.processor_code.startswith(OURS) or not registration.decline_codes:
        return True
    return registration.meaning_of(decline.processor_code) is not None


def count(decline: Decline, registration: Registration[Any]) -> None:
    """Count *decline* where its code is not known; the code itself is no label, since anything may come."""
    try:
        known = is_known(decline, registration)
    except Exception:  # noqa: BLE001 - whatever a third party's function raises, the decline is recorded and answered
        known = False
    if not known:
        metrics.UNKNOWN_DECLINE_CODES.labels(registration.processor).inc()
