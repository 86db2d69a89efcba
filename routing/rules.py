"""A ruleset as operators write it; the first rule that matches decides.

These Structs decode strictly from JSON (or from TOML, which has the same shape). What types cannot say is
told by `routing.validation.validate` when a ruleset is written, so that nothing can be wrong with it when a
payment comes.
"""

from enum import StrEnum
from typing import Final

from msgspec import UNSET, Struct, UnsetType, field

from routing.facts import Value

OTHERWISE: Final = "otherwise"
"""What a plan calls the last resort, so no rule may bear this name."""


class Strategy(StrEnum):
    """How a rule puts its accounts in order."""

    PRIORITY = "priority"  # As listed.
    SPLIT = "split"  # Drawn by weight, the same for the same reference or customer.
    LEAST_COST = "least_cost"  # Cheapest first, by settled lines or else the fee schedules.
    APPROVAL_RATE = "approval_rate"  # Likeliest approval first, by recent outcomes of payments like this one.
    NET_REVENUE = "net_revenue"  # Most left in the end first: approval, margin, cost, chargebacks, delay.


class Key(StrEnum):
    """What a payment's place on the line is drawn by."""

    REFERENCE = "reference"
    CUSTOMER = "customer"  # The reference where the payment names none.


class Authentication(StrEnum):
    """Whether the payer is to be challenged."""

    AUTOMATIC = "automatic"
    REQUIRED = "required"
    AVOID = "avoid"


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either one of `all`, `any`, `not`, or a leaf: a fact and one operator or more, which must all hold."""

    all: tuple["Condition", ...] | UnsetType = UNSET
    any: tuple["Condition", ...] | UnsetType = UNSET
    not_: "Condition | UnsetType" = field(default=UNSET, name="not")
    fact: str | UnsetType = UNSET
    eq: Value | UnsetType = UNSET
    ne: Value | UnsetType = UNSET
    in_: tuple[Value, ...] | UnsetType = field(default=UNSET, name="in")
    not_in: tuple[Value, ...] | UnsetType = UNSET
    lt: int | float | UnsetType = UNSET
    lte: int | float | UnsetType = UNSET
    gt: int | float | UnsetType = UNSET
    gte: int | float | UnsetType = UNSET
    starts_with: tuple[str, ...] | UnsetType = UNSET
    exists: bool | UnsetType = UNSET

    def operands(self) -> dict[str, tuple[Value, ...]]:
        """List the values this leaf compares its fact with, by operator; `exists` compares with none."""
        single = {
            "eq": self.eq,
            "ne": self.ne,
            "lt": self.lt,
            "lte": self.lte,
            "gt": self.gt,
            "gte": self.gte,
        }
        several: dict[str, tuple[Value, ...] | UnsetType] = {
            "in": self.in_,
            "not_in": self.not_in,
            "starts_with": self.starts_with,
        }
        return {name: (value,) for name, value in single.items() if value is not UNSET} | {
            name: values for name, values in several.items() if values is not UNSET
        }


class Use(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The accounts to try. `weights`, for a split only, has one whole number per account, in their order.

    `key` is for a split and an approval rate. The rest is for net revenue: in hundredths of a percent of the amount,
    `margin_bps` is what it earns before costs, `chargeback_bps` the share of charges that is disputed where an account
    has no history, `capital_bps` what money costs in a year; `chargeback_fee_minor` is in the payment's currency.
    """

    strategy: Strategy
    accounts: tuple[str, ...]
    weights: tuple[int, ...] = ()
    key: Key = Key.REFERENCE
    margin_bps: int = 0
    chargeback_bps: int = 0
    chargeback_fee_minor: int = 0
    capital_bps: int = 0


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: when it matches, either use accounts or refuse with a decline code."""

    name: str
    when: Condition
    use: Use | None = None
    refuse: str | None = None
    authentication: Authentication = Authentication.AUTOMATIC


class RuleSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules in order, and what to use where none matches; without `otherwise` that is no account.

    `rates` are for the facts `amount_in.<currency>`: how many units of each currency one unit of a common base is
    worth, as decimals in text.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    otherwise: Use | None = None
    rates: dict[str, str] = {}
