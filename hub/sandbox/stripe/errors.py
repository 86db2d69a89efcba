"""
Stripe's errors, body for body.

Source: docs.stripe.com/api/errors, docs.stripe.com/error-codes.
"""

import msgspec

from hub.sandbox.book import Body
from hub.sandbox.faults import Answer

DOCS = "https://stripe.com/docs/error-codes/"


class StripeError(Exception):
    """
    An answer that is not 2xx.

    `executed` tells whether work had begun: only then is it kept under the idempotency key, and what was written
    before it stays.
    """

    status = 400
    type = "invalid_request_error"
    executed = False

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **more: object) -> None:
        """Tell *message*; *more* are further fields of the error's body."""
        super().__init__(message)
        self.fields: Body = {
            "code": code,
            "doc_url": None if code is None else DOCS + code.replace("_", "-"),
            "message": message,
            "param": param,
            **more,
            "type": self.type,
        }

    def answer(self) -> Answer:
        """Return it as it goes over the wire."""
        told = {name: value for name, value in self.fields.items() if value is not None}
        return Answer(self.status, msgspec.json.encode({"error": told}))


class InvalidError(StripeError):
    """The request itself is wrong; nothing was done."""


class StateError(StripeError):
    """The request is well formed, but the object is not in a state for it."""

    executed = True


class MissingError(StripeError):
    """No such object for this account."""

    status = 404

    def __init__(self, what: str, id: str, *, param: str = "intent", in_path: bool = True) -> None:
        """Name the object; a missing object that a parameter names is a 400, one in the path a 404."""
        super().__init__(f"No such {what}: '{id}'", code="resource_missing", param=param)
        self.status = 404 if in_path else 400


class CardError(StripeError):
    """The card was declined."""

    status = 402
    type = "card_error"
    executed = True


class UnauthorizedError(StripeError):
    """The API key is missing, wrong, or of the other mode."""

    status = 401


class SecretKeyRequiredError(StripeError):
    """What was asked needs the secret key."""

    status = 401

    def __init__(self, message: str) -> None:
        super().__init__(message, code="secret_key_required")


class IdempotencyError(StripeError):
    """The idempotency key was first used with other parameters."""

    type = "idempotency_error"


class KeyInUseError(StripeError):
    """The first request with this idempotency key is still at work."""

    status = 409


class RateLimitError(StripeError):
    """Too many requests; nothing was done."""

    status = 429


class ApiError(StripeError):
    """Something went wrong on Stripe's side."""

    status = 500
    type = "api_error"
