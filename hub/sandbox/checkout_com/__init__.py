"""
A pretend Checkout.com: the payments API, test cards, 3D Secure pages, webhooks and a dashboard.

An account is a processing channel. Its settings (PUT /_control/accounts/{channel}): `webhook_url`, `webhook_secret`
(the signature key), `action_s` (how long captures, refunds and voids take after they were accepted), and by what it
settles, see terms.py.
PUT /_control/tokens/{id} `{"card", "outcome"?, "enrolled"?, "action_outcome"?}` makes a stored card or changes it; an
outcome is a response code.
"""

from hub.sandbox.checkout_com.processor import PROCESSOR

__all__ = ["PROCESSOR"]
