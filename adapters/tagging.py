"""How routing's decision travels with an operation, as metadata within each processor's bounds, and comes back."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from adapters.contract import Routed

_MARK: Final = 9
"""How long the mark is that a cut value ends with: a tilde and eight hexadecimal digits."""

PAYMENT: Final = "hub_payment"
REFERENCE: Final = "reference"
MERCHANT_ACCOUNT: Final = "hub_merchant_account"
ATTEMPT: Final = "hub_attempt"
RULESET: Final = "hub_ruleset"
RULESET_VERSION: Final = "hub_ruleset_version"
RULE: Final = "hub_rule"
COMES_BACK: Final = (PAYMENT, REFERENCE, MERCHANT_ACCOUNT, ATTEMPT, RULESET, RULESET_VERSION, RULE)


def routing_metadata(routed: Routed | None, *, longest: int) -> dict[str, str]:
    """Write what there is of *routed* as metadata: five names of at most 20 characters, values of at most *longest*.

    A value that is too long ends with a mark of the whole, so that the same value is always cut alike and two long ones
    stay apart.
    """
    if routed is None:
        return {}
    given = {
        MERCHANT_ACCOUNT: routed.merchant_account,
        ATTEMPT: routed.attempt,
        RULESET: routed.ruleset,
        RULESET_VERSION: None if routed.version is None else str(routed.version),
        RULE: routed.rule,
    }
    return {name: _fitting(value, longest) for name, value in given.items() if value}


def read_back(metadata: Mapping[str, object] | None, *, before: str = "") -> dict[str, str]:
    """Take out of what a processor told the names that we give operations along; *before* stands before each name."""
    if not metadata:
        return {}
    told = {name: metadata.get(before + name) for name in COMES_BACK}
    return {name: value for name, value in told.items() if isinstance(value, str) and value}


def is_same(told: str, sent: str) -> bool:
    """Whether what came back is what went out, whole or cut as it may have been."""
    return told == sent or (len(told) < len(sent) and told == _fitting(sent, len(told)))


def _fitting(value: str, longest: int) -> str:
    if len(value) <= longest:
        return value
    return f"{value[: longest - _MARK]}~{sha256(value.encode()).hexdigest()[: _MARK - 1]}"
