"""Who may do what: roles are names for sets of scopes, and what no scope allows is denied. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Role(StrEnum):
    """A job, as a set of scopes."""

    SERVICE = "service"
    SUPPORT = "support"
    FINANCE = "finance"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


_READS: Final = frozenset(
    f"{subject}:read"
    for subject in (
        "api_keys", "approvals", "audit_log", "customers", "disputes", "events", "exceptions", "ledger",
        "merchant_accounts", "payment_methods", "payments", "reports", "rulesets", "settlements", "webhooks",
    )
)  # fmt: skip
_WRITES: Final = frozenset(
    f"{subject}:write"
    for subject in (
        "api_keys", "approvals", "customers", "disputes", "events", "exceptions", "merchant_accounts",
        "payment_methods", "payments", "refunds", "rulesets", "settlements", "webhooks",
    )
)  # fmt: skip
SCOPES: Final = _READS | _WRITES
"""Everything that can be allowed; `payments:write` charges, captures, cancels and confirms."""

ROLES: Final[Mapping[Role, frozenset[str]]] = {
    Role.SERVICE: frozenset(
        {
            "payments:read", "payments:write", "refunds:write", "payment_methods:read", "payment_methods:write",
            "customers:read", "customers:write", "events:read", "disputes:read",
        }
    ),
    Role.SUPPORT: frozenset(
        {"payments:read", "refunds:write", "payment_methods:read", "customers:read", "events:read", "disputes:read"}
    ),
    Role.FINANCE: frozenset(
        {
            "settlements:read", "settlements:write", "exceptions:read", "exceptions:write", "ledger:read",
            "reports:read", "payments:read", "merchant_accounts:read", "disputes:read", "disputes:write",
            "approvals:read", "approvals:write", "events:read",
        }
    ),
    Role.OPERATOR: frozenset(
        {
            "merchant_accounts:read", "merchant_accounts:write", "rulesets:read", "rulesets:write", "webhooks:read",
            "webhooks:write", "events:read", "events:write", "payments:read", "approvals:read", "approvals:write",
        }
    ),
    Role.AUDITOR: _READS,
    Role.ADMIN: SCOPES,
}  # fmt: skip


class Caller(Struct, frozen=True, kw_only=True):
    """Who is asking, as its API key says.

    `merchant_accounts` None: all of them. `refund_max` is per currency, in minor units; a currency that is missing
    there cannot be refunded at all, None means no limit.
    """

    key_id: str
    principal: str
    role: Role | None
    scopes: frozenset[str]
    livemode: bool
    merchant_accounts: frozenset[str] | None = None
    refund_max: Mapping[str, int] | None = None
    expires_at: datetime | None = None

    def may(self, scope: str) -> bool:
        """Whether the key has *scope*."""
        return scope in self.scopes

    def may_use(self, merchant_account: str) -> bool:
        """Whether the key reaches *merchant_account*."""
        return self.merchant_accounts is None or merchant_account in self.merchant_accounts

    def may_use_all(self, merchant_accounts: frozenset[str] | None) -> bool:
        """Whether the key reaches every one of *merchant_accounts*; None are all that there are."""
        return self.merchant_accounts is None or (
            merchant_accounts is not None and merchant_accounts <= self.merchant_accounts
        )

    def may_refund(self, amount_minor: int, currency: str) -> bool:
        """Whether one refund of this size is within the key's limit."""
        return self.refund_max is None or amount_minor <= self.refund_max.get(currency, 0)


class Grant(Struct, frozen=True, kw_only=True):
    """What a new key is to be allowed."""

    principal: str
    scopes: frozenset[str]
    merchant_accounts: frozenset[str] | None = None
    refund_max: Mapping[str, int] | None = None
    expires_at: datetime | None = None


def wider_in(caller: Caller, grant: Grant) -> str | None:
    """Name the first field in which *grant* allows more than *caller* has; an admin may make keys for anybody."""
    if grant.principal != caller.principal and caller.role is not Role.ADMIN:
        return "principal"
    if not grant.scopes <= caller.scopes:
        return "scopes"
    if not caller.may_use_all(grant.merchant_accounts):
        return "merchant_accounts"
    if caller.refund_max is not None and not _within(grant.refund_max, caller.refund_max):
        return "refund_max"
    if caller.expires_at is not None and (grant.expires_at is None or grant.expires_at > caller.expires_at):
        return "expires_at"
    return None


def _within(inner: Mapping[str, int] | None, outer: Mapping[str, int]) -> bool:
    return inner is not None and all(amount <= outer.get(currency, 0) for currency, amount in inner.items())
