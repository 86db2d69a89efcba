"""
What Adyen answers when the request itself failed; a refused card is not an error but HTTP 200.

Source: https://docs.adyen.com/development-resources/error-codes
"""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from hub.sandbox.faults import Answer

ErrorType = Literal["validation", "security", "internal", "configuration"]

TRANSIENT: Final = {"transient-error": "true"}
"""Adyen's word for "nothing final happened: send the same again, under the same key"."""


class Problem(Struct, frozen=True):
    """What is wrong with a request, in Adyen's words."""

    status: int
    code: str
    message: str
    kind: ErrorType = "validation"

    def answer(self, psp: str = "", headers: dict[str, str] | None = None) -> Answer:
        """Write the problem as it goes over the wire, with a reference where Adyen had made one."""
        body: dict[str, Any] = {
            "status": self.status,
            "errorCode": self.code,
            "message": self.message,
            "errorType": self.kind,
        }
        if psp:
            body["pspReference"] = psp
        return Answer(self.status, msgspec.json.encode(body), headers or {})


class WireError(Exception):
    """A request that Adyen answers with an error body."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


UNAUTHORIZED: Final = Problem(401, "000", "HTTP Status Response - Unauthorized", "security")
WRONG_ACCOUNT: Final = Problem(403, "901", "Invalid Merchant Account", "security")
NO_AMOUNT: Final = Problem(422, "100", "No amount specified")
WRONG_CARD: Final = Problem(422, "101", "Invalid card number")
NO_REFERENCE: Final = Problem(422, "130", "Reference Missing")
WRONG_AMOUNT: Final = Problem(422, "137", "Invalid amount specified")
WRONG_CURRENCY: Final = Problem(422, "138", "Unsupported currency specified")
NO_PAYMENT: Final = Problem(422, "167", "Original pspReference required for this operation")
NO_CONTRACT: Final = Problem(422, "800", "Contract not found")
NO_TOKEN: Final = Problem(422, "803", "PaymentDetail not found")
NO_METHOD: Final = Problem(422, "14_004", "Missing payment method details")
NO_RETURN_URL: Final = Problem(422, "14_030", "Return URL is missing.")
IN_USE: Final = Problem(422, "704", "request already processed or in progress")
KEY_TOO_LONG: Final = Problem(422, "702", "Idempotency-Key is longer than 64 characters")
WRONG_DETAILS: Final = Problem(422, "702", "The details belong to no payment that waits for them")
RATE_LIMITED: Final = Problem(429, "000", "Too many requests", "internal")
BROKEN: Final = Problem(500, "000", "Internal error", "internal")


def unreadable(why: str) -> WireError:
    """Say that the body is not what the endpoint takes."""
    return WireError(Problem(400, "702", why))
