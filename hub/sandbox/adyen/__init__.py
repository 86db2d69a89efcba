"""
A pretend Adyen: Checkout API v72, Disputes API v30, webhooks, test cards, 3D Secure pages and a dashboard.

Settings of a merchant account (PUT /_control/accounts/{account}): `capture` automatic | manual,
`capture_delay_hours`, `multiple_captures`, `webhook_url`, `webhook_secret` (the HMAC key, hex), `webhook_user` and
`webhook_password`, `batch` (items in one webhook), `late_failure_s` (until an announced failure comes),
`dispute_references` (false: what reverses a chargeback names the payment alone), `token_webhooks` (true: what becomes
of stored cards is told, too), `tokens_by_webhook_only`, and by what it settles, see terms.py.
PUT /_control/tokens/{id} `{"card", "shopper_reference"?, "outcome"?}` makes a stored card or changes it.
"""

from hub.sandbox.adyen.processor import PROCESSOR

__all__ = ["PROCESSOR"]
