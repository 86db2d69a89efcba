"""What needs a second person, and who that may be; pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from hub.access.rules import Caller
from normalization.money import AMOUNT_MAX, Currency

Most = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]


class Kind(StrEnum):
    """What is to be done."""

    REFUND = "refund"
    EXCEPTION = "exception_transfer"
    RULESET = "ruleset_activation"
    CREDENTIALS = "credentials"


class ApprovalStatus(StrEnum):
    """Where it stands."""

    PENDING = "pending"
    APPROVED = "approved"  # Agreed to, and being carried out.
    CARRIED_OUT = "carried_out"
    FAILED = "failed"  # Agreed to, and refused when it was carried out: `error` says why.
    REJECTED = "rejected"
    EXPIRED = "expired"


SCOPE: Final[Mapping[Kind, str]] = {
    Kind.REFUND: "refunds:write",
    Kind.EXCEPTION: "exceptions:write",
    Kind.RULESET: "rulesets:write",
    Kind.CREDENTIALS: "merchant_accounts:write",
}
"""What an approver must be allowed to do by himself, besides `approvals:write`."""


class ApprovalLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done without a second person: amounts per currency in minor units, None where there is no limit.

    A currency that is missing beside others has the limit 0. `ruleset_activation` and `credentials` need a second
    person where they say so; an activation in live mode only.
    """

    refund: dict[Currency, Most] | None = None
    exception_transfer: dict[Currency, Most] | None = None
    ruleset_activation: bool = False
    credentials: bool = False


NO_APPROVALS: Final = ApprovalLimits()


def passes(limit: Mapping[Currency, int] | None, minor: int, currency: str) -> bool:
    """Whether an amount is more than *limit* lets pass without a second person."""
    if limit is None:
        return False
    return minor > next((most for of, most in limit.items() if of == currency), 0)


class Judged(Struct, frozen=True, kw_only=True):
    """What of an approval decides who may decide on it."""

    kind: Kind
    status: ApprovalStatus
    requested_by: str
    expires_at: datetime
    amount_minor: int | None
    currency: str | None


def refusal(approval: Judged, caller: Caller, at: datetime, *, approving: bool) -> tuple[str, str] | None:
    """Say why *caller* may not decide, as a problem's code and detail; None: he may.

    Whoever asked may reject, which withdraws it.
    """
    if approval.status is not ApprovalStatus.PENDING:
        return "approval_decided", f"it is {approval.status} already"
    if approval.expires_at <= at:
        return "approval_decided", "it has expired; ask again"
    if not caller.may(SCOPE[approval.kind]):
        return "forbidden", f"who decides on it needs the scope {SCOPE[approval.kind]} too"
    if not approving:
        return None
    if caller.principal == approval.requested_by:
        return "forbidden", f"{caller.principal} asked for it; another person must approve it"
    if approval.kind is Kind.REFUND and not caller.may_refund(approval.amount_minor or 0, approval.currency or ""):
        return "forbidden", "it is more than this API key may refund at once"
    return None
