"""Why one merchant account cannot take one payment: one word, the first that applies.

What lies in the request comes before what lies in the account's present state, so that an account left out
for its state is known to fit otherwise.
"""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why an account is left out, in the order in which they are looked at."""

    MODE = "mode"  # Test account for a live payment, or the reverse.
    CURRENCY = "currency"  # The account, or its processor, does not take the currency.
    REGION = "region"  # The account takes no country of the payer's region.
    COUNTRY = "country"  # It takes others of the region, or the payment does not tell its country.
    BRAND = "brand"  # The account serves other brands.
    RISK_SCORE = "risk_score"  # Outside the account's bounds, or not told where the lower bound is above 0.
    TOKEN = "token"  # Nothing the account could charge. # noqa: S105 - the API's word, no password
    AMOUNT = "amount"  # Outside the processor's range, or above the account's largest ticket.
    RECURRING = "recurring"  # The account takes only recurring payments, or only single ones.
    PINNED = "pinned"  # The request names another account.
    NOT_IN_RULE = "not_in_rule"  # The rule that decided does not use the account.
    LIMITS = "limits"  # The account's daily count or amount is used up.
    PAUSED = "paused"  # An operator stopped it.
    DRAINING = "draining"  # It finishes what it holds and takes nothing new.
    NOT_CONNECTED = "not_connected"  # The hub cannot use its credentials, or lacks its processor's adapter.
    CIRCUIT_OPEN = "circuit_open"  # Too many technical failures just now.


PASSING: Final = frozenset({Reason.PAUSED, Reason.DRAINING, Reason.NOT_CONNECTED, Reason.CIRCUIT_OPEN})
"""The reasons that lie in the account's state alone: the same payment may be taken later."""
