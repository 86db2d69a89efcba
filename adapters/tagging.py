"""How routing's decision travels with an operation: as metadata, within each processor's bounds."""

from hashlib import sha256
from typing import Final

from adapters.contract import Routed

_MARK: Final = 9
"""How long the mark is that a cut value ends with: a tilde and eight hexadecimal digits."""


def routing_metadata(routed: Routed | None, *, longest: int) -> dict[str, str]:
    """Write what there is of *routed* as metadata: five names of at most 20 characters, values of at most *longest*.

    A value that is too long ends with a mark of the whole, so that the same value is always cut alike and two long ones
    stay apart.
    """
    if routed is None:
        return {}
    given = {
        "hub_merchant_account": routed.merchant_account,
        "hub_attempt": routed.attempt,
        "hub_ruleset": routed.ruleset,
        "hub_ruleset_version": None if routed.version is None else str(routed.version),
        "hub_rule": routed.rule,
    }
    return {name: _fitting(value, longest) for name, value in given.items() if value}


def _fitting(value: str, longest: int) -> str:
    if len(value) <= longest:
        return value
    return f"{value[: longest - _MARK]}~{sha256(value.encode()).hexdigest()[: _MARK - 1]}"
