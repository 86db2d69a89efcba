"""
What Checkout.com answers when the request itself failed; a refused card is no error.

Source: https://www.checkout.com/docs/developer-resources/codes/error-codes and, on 409,
https://support.checkout.com/hc/en-us/articles/24570669653010
"""

from http import HTTPStatus
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import Struct

from hub.sandbox.faults import Answer

INVALID: Final = "request_invalid"


class Problem(Struct, frozen=True):
    """What is wrong with a request; without codes the answer has no body."""

    status: int
    codes: tuple[str, ...] = ()
    type: str = INVALID

    def answer(self) -> Answer:
        """Write it as it goes over the wire."""
        request_id = str(uuid4())
        headers = {"Cko-Request-Id": request_id}
        if not self.codes:
            return Answer(self.status, b"", headers)
        body = {"request_id": request_id, "error_type": self.type, "error_codes": list(self.codes)}
        return Answer(self.status, msgspec.json.encode(body), headers)


class WireError(Exception):
    """A request that is refused."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.codes)
        self.problem = problem


UNAUTHORIZED: Final = Problem(HTTPStatus.UNAUTHORIZED)
NOT_FOUND: Final = Problem(HTTPStatus.NOT_FOUND)
CONFLICT: Final = Problem(HTTPStatus.CONFLICT)
RATE_LIMITED: Final = Problem(HTTPStatus.TOO_MANY_REQUESTS)
BROKEN: Final = Problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def invalid(*codes: str) -> WireError:
    """Say what the request lacks or has wrong."""
    return WireError(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, codes))


def not_allowed(code: str) -> WireError:
    """Say that the payment is in no state for the action."""
    return WireError(Problem(HTTPStatus.FORBIDDEN, (code,), "action_not_allowed"))
