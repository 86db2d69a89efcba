"""Every table of the hub: importing this module fills `metadata`."""

from hub.access import tables as _access
from hub.approvals import tables as _approvals
from hub.backtests import tables as _backtests
from hub.banking import tables as _banking
from hub.database import metadata
from hub.disputes import tables as _disputes
from hub.erasure import tables as _erasure
from hub.events import tables as _events
from hub.exceptions import tables as _exceptions
from hub.figures import tables as _figures
from hub.idempotency import tables as _idempotency
from hub.ledger import tables as _ledger
from hub.merchants import tables as _merchants
from hub.migrations import standing as _standing
from hub.payment_methods import tables as _payment_methods
from hub.payment_sessions import tables as _payment_sessions
from hub.payments import tables as _payments
from hub.reporting import tables as _reporting
from hub.retries import tables as _retries
from hub.rulesets import tables as _rulesets
from hub.settlement import tables as _settlement
from hub.token_imports import tables as _token_imports
from hub.webhook_endpoints import tables as _webhook_endpoints
from hub.webhooks import marks as _marks
from hub.webhooks import tables as _webhooks

__all__ = ["metadata"]
DOMAINS = (
    _access,
    _approvals,
    _backtests,
    _banking,
    _disputes,
    _erasure,
    _events,
    _exceptions,
    _figures,
    _idempotency,
    _ledger,
    _marks,
    _merchants,
    _payment_methods,
    _payment_sessions,
    _payments,
    _reporting,
    _retries,
    _rulesets,
    _settlement,
    _standing,
    _token_imports,
    _webhook_endpoints,
    _webhooks,
)
"""The modules that declare tables; named here so that importing them is seen to be meant."""
