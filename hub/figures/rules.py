"""What follows from what was counted: chargeback rates, the version of all figures, which outcomes are learned from."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from hub.payments.states import OperationState, OperationStatus
from normalization.declines import MEANING
from routing.costs import Learned
from routing.evidence import Group, groups_of
from routing.facts import Facts
from routing.retries import FREE

CHARGES_MIN: Final = 200
"""Captured payments before an account's own share of chargebacks counts: of fewer, one is half a percent."""
OPEN: Final = frozenset(
    {
        OperationStatus.SENDING,
        OperationStatus.REQUIRES_ACTION,
        OperationStatus.PENDING,
        OperationStatus.UNKNOWN,
        OperationStatus.EXCEPTION,
    }
)
"""An attempt that stands here may still end without money moved."""


class Told(Struct, frozen=True, array_like=True):
    """One outcome on its way: `group` is the finest that the payment belongs to."""

    livemode: bool
    account: str
    group: Group
    approved: bool


class Charged(Struct, frozen=True):
    """How many payments of an account were captured, and how many charged back."""

    captured: int
    charged_back: int


def chargeback_rates(charged: Mapping[str, Charged]) -> dict[str, float]:
    """Give the share of captured payments that was charged back, of accounts with enough of them."""
    return {
        account: min(1.0, one.charged_back / one.captured)
        for account, one in charged.items()
        if one.captured >= CHARGES_MIN
    }


def version_of(learned: str, fees: Learned, chargebacks: Mapping[str, float]) -> int:
    """Name a state of the figures; the same figures have the same name in every process."""
    said = msgspec.json.encode([learned, fees, chargebacks], order="sorted")
    return int.from_bytes(sha256(said).digest()[:6])


def outcome_of(facts: Facts, before: OperationState, after: OperationState) -> Told | None:
    """Say what is learned from an attempt's end: whether the account approved it, and nothing where it only failed.

    A decline for our own configuration or for the processor's own trouble says nothing of the payment.
    """
    if before.status not in OPEN:
        return None
    approved = after.status is OperationStatus.APPROVED
    if not approved and not _was_declined(after):
        return None
    return Told(after.livemode, after.merchant_account, groups_of(facts)[-1], approved)


def was_declined(before: OperationState, after: OperationState) -> bool:
    """Whether an attempt has just been declined, for what the payer or the card is."""
    return before.status in OPEN and _was_declined(after)


def took_nothing(before: OperationState, after: OperationState) -> bool:
    """Whether an attempt has just ended without any money moved."""
    return before.status in OPEN and after.status in {OperationStatus.DECLINED, OperationStatus.NOT_SENT}


def _was_declined(after: OperationState) -> bool:
    if after.status is not OperationStatus.DECLINED or after.decline is None:
        return False
    return MEANING[after.decline.code].category not in FREE
