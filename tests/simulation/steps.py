"""Which step of which payment a commit is, told from the values that it writes."""

from collections.abc import Mapping
from typing import Any, Final

_KIND: Final = {"authorize": "charge", "purchase": "charge", "capture": "capture", "void": "void", "refund": "refund"}
_BY_SOURCE: Final = {
    "webhook": "webhook.t2", "inquiry": "inquiry.t2", "return": "challenge.t2", "settlement": "settlement.t2",
}  # fmt: skip


def step_of_values(values: Mapping[str, Any]) -> str:
    """Name the step; `keep` and `release` are commits that nothing hangs on."""
    if "delivery_key" in values:
        return "webhook.inbox"
    if "fence_read" in values:
        return "inquiry.claim" if "lease_s" in values else "release"
    if "p_version_read" not in values:
        return "charge.t1" if "k_key" in values else "keep"
    if "c_id" in values:
        return "failover.t2"
    if "r_source" in values:
        return _BY_SOURCE.get(str(values["r_source"])) or f"{_KIND[str(values['o_kind'])]}.t2"
    return f"{_KIND[str(values['o_kind'])]}.t1" if "o_kind" in values else "wish.t1"
