"""Who may open which door, written by hand: what the application says of itself is held against this table."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Of(StrEnum):
    """Whom that which a route shows or changes belongs to, so what a key for certain merchant accounts may do there."""

    ACCOUNT = "account"  # One merchant account: a key that does not reach it finds nothing.
    MODE = "mode"  # The whole mode, whatever accounts a key is for: customers, and cards that any account may charge.
    ALL = "all"  # All merchant accounts together: a key for certain ones is refused.
    PUBLIC = "public"  # Nobody is asked for a key.


class Door(Struct, frozen=True):
    """The scope that a route asks for, and whom it is about."""

    scope: str | None
    of: Of = Of.ACCOUNT


_OPEN: Final = Door(None, Of.PUBLIC)
DOORS: Final[dict[str, Door]] = {
    "POST /v1/payments": Door("payments:write"),
    "GET /v1/payments": Door("payments:read"),
    "GET /v1/payments/{payment_id}": Door("payments:read"),
    "GET /v1/payments/{payment_id}/timeline": Door("payments:read"),
    "POST /v1/payments/{payment_id}/capture": Door("payments:write"),
    "POST /v1/payments/{payment_id}/cancel": Door("payments:write"),
    "POST /v1/payments/{payment_id}/confirm": Door("payments:write"),
    "POST /v1/payments/{payment_id}/refunds": Door("refunds:write"),
    "GET /v1/refunds": Door("payments:read"),
    "GET /v1/refunds/{refund_id}": Door("payments:read"),
    "POST /v1/payment_methods": Door("payment_methods:write", Of.MODE),
    "GET /v1/payment_methods/{method_id}": Door("payment_methods:read", Of.MODE),
    "DELETE /v1/payment_methods/{method_id}": Door("payment_methods:write", Of.MODE),
    "POST /v1/payment_methods/{method_id}/processor_tokens": Door("payment_methods:write", Of.MODE),
    "POST /v1/payment_methods/{method_id}/verify": Door("payment_methods:write", Of.MODE),
    "GET /v1/payment_methods/{method_id}/verifications": Door("payment_methods:read", Of.MODE),
    "POST /v1/payment_sessions": Door("payment_methods:write"),
    "GET /v1/payment_sessions/{session_id}": Door("payment_methods:read"),
    "POST /v1/payment_sessions/{session_id}/complete": Door("payment_methods:write"),
    "POST /v1/customers": Door("customers:write", Of.MODE),
    "GET /v1/customers/{customer_id}": Door("customers:read", Of.MODE),
    "DELETE /v1/customers/{customer_id}": Door("customers:write", Of.MODE),
    "GET /v1/customers/{customer_id}/payment_methods": Door("payment_methods:read", Of.MODE),
    "POST /v1/merchant_accounts": Door("merchant_accounts:write", Of.ALL),
    "GET /v1/merchant_accounts": Door("merchant_accounts:read"),
    "GET /v1/merchant_accounts/{account_id}": Door("merchant_accounts:read"),
    "PATCH /v1/merchant_accounts/{account_id}": Door("merchant_accounts:write"),
    "GET /v1/merchant_accounts/{account_id}/statements/{month}": Door("reports:read"),
    "POST /v1/merchant_accounts/{account_id}/balances": Door("settlements:write"),
    "POST /v1/routing/rulesets": Door("rulesets:write", Of.ALL),
    "GET /v1/routing/rulesets": Door("rulesets:read", Of.ALL),
    "GET /v1/routing/rulesets/active": Door("rulesets:read", Of.ALL),
    "POST /v1/routing/rulesets/check": Door("rulesets:read", Of.ALL),
    "POST /v1/routing/rulesets/rollback": Door("rulesets:write", Of.ALL),
    "GET /v1/routing/rulesets/{ruleset_id}": Door("rulesets:read", Of.ALL),
    "GET /v1/routing/rulesets/{ruleset_id}/diff": Door("rulesets:read", Of.ALL),
    "POST /v1/routing/rulesets/{ruleset_id}/activate": Door("rulesets:write", Of.ALL),
    "POST /v1/routing/rulesets/{ruleset_id}/shadow": Door("rulesets:write", Of.ALL),
    "GET /v1/routing/shadow": Door("rulesets:read", Of.ALL),
    "POST /v1/routing/shadow/end": Door("rulesets:write", Of.ALL),
    "POST /v1/routing/simulate": Door("rulesets:read"),
    "POST /v1/routing/backtests": Door("rulesets:write"),
    "GET /v1/routing/backtests": Door("rulesets:read"),
    "GET /v1/routing/backtests/{backtest_id}": Door("rulesets:read"),
    "GET /v1/routing/health": Door("merchant_accounts:read"),
    "GET /v1/routing/fees": Door("merchant_accounts:read"),
    "GET /v1/webhook_deliveries": Door("webhooks:read"),
    "GET /v1/webhook_deliveries/{delivery_id}": Door("webhooks:read"),
    "POST /v1/webhook_deliveries/{delivery_id}/replay": Door("webhooks:write"),
    "POST /v1/webhook_deliveries/replay": Door("webhooks:write"),
    "POST /v1/webhook_endpoints": Door("webhooks:write"),
    "GET /v1/webhook_endpoints": Door("webhooks:read"),
    "GET /v1/webhook_endpoints/{endpoint_id}": Door("webhooks:read"),
    "PATCH /v1/webhook_endpoints/{endpoint_id}": Door("webhooks:write"),
    "DELETE /v1/webhook_endpoints/{endpoint_id}": Door("webhooks:write"),
    "POST /v1/webhook_endpoints/{endpoint_id}/rotate_secret": Door("webhooks:write"),
    "GET /v1/webhook_endpoints/{endpoint_id}/deliveries": Door("webhooks:read"),
    "POST /v1/webhook_endpoints/{endpoint_id}/redeliver": Door("webhooks:write"),
    "GET /v1/events": Door("events:read"),
    "GET /v1/events/{event_id}": Door("events:read"),
    "GET /v1/events/{event_id}/deliveries": Door("webhooks:read"),
    "POST /v1/events/{event_id}/redeliver": Door("events:write"),
    "POST /v1/settlements": Door("settlements:write"),
    "GET /v1/settlements": Door("settlements:read"),
    "GET /v1/settlements/{settlement_id}": Door("settlements:read"),
    "GET /v1/settlements/{settlement_id}/lines": Door("settlements:read"),
    "GET /v1/settlements/{settlement_id}/broken_rows": Door("settlements:read"),
    "POST /v1/settlements/{settlement_id}/retry": Door("settlements:write"),
    "GET /v1/expected_settlements": Door("settlements:read"),
    "POST /v1/bank_statements": Door("settlements:write", Of.ALL),
    "GET /v1/bank_statements": Door("settlements:read", Of.ALL),
    "GET /v1/bank_statements/{statement_id}": Door("settlements:read", Of.ALL),
    "GET /v1/bank_statements/{statement_id}/entries": Door("settlements:read", Of.ALL),
    "GET /v1/reconciliation": Door("reports:read"),
    "GET /v1/exceptions": Door("exceptions:read"),
    "GET /v1/exceptions/{exception_id}": Door("exceptions:read"),
    "POST /v1/exceptions/{exception_id}/assign": Door("exceptions:write"),
    "POST /v1/exceptions/{exception_id}/resolve": Door("exceptions:write"),
    "POST /v1/exceptions/{exception_id}/reopen": Door("exceptions:write"),
    "GET /v1/approvals": Door("approvals:read"),
    "GET /v1/approvals/{approval_id}": Door("approvals:read"),
    "POST /v1/approvals/{approval_id}/approve": Door("approvals:write"),
    "POST /v1/approvals/{approval_id}/reject": Door("approvals:write"),
    "GET /v1/ledger/accounts": Door("ledger:read"),
    "GET /v1/ledger/balances": Door("ledger:read"),
    "GET /v1/ledger/transfers": Door("ledger:read"),
    "GET /v1/disputes": Door("disputes:read"),
    "GET /v1/disputes/{dispute_id}": Door("disputes:read"),
    "POST /v1/disputes/{dispute_id}/accept": Door("disputes:write"),
    "POST /v1/disputes/{dispute_id}/evidence": Door("disputes:write"),
    "POST /v1/api_keys": Door("api_keys:write"),
    "GET /v1/api_keys": Door("api_keys:read"),
    "GET /v1/api_keys/{key_id}": Door("api_keys:read"),
    "DELETE /v1/api_keys/{key_id}": Door("api_keys:write"),
    "GET /v1/audit_log": Door("audit_log:read", Of.ALL),
    "GET /return/{payment_id}": _OPEN,  # Opened by the single-use secret in its address.
    "POST /return/{payment_id}": _OPEN,
    "GET /redirect/{payment_id}": _OPEN,
    "POST /webhooks/{merchant_account}": _OPEN,  # Opened by the processor's signature.
    "GET /health/live": _OPEN,
    "GET /health/ready": _OPEN,
    "GET /metrics": _OPEN,
    "GET /docs": _OPEN,
    "GET /docs/assets/{name}": _OPEN,
    "GET /schema": _OPEN,
    "GET /schema/openapi.json": _OPEN,
    "GET /schema/{path}": _OPEN,
}
