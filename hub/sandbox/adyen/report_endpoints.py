"""
Where reports are fetched, with the report user's password or an API key.

Source: https://docs.adyen.com/reporting/automatically-get-reports
"""

import base64
import binascii
import hashlib
from http import HTTPStatus
from typing import Final

from aiohttp import web

from hub.sandbox.adyen import settling
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.faults import Act, Answer, answer

USER: Final = "report@Company.PretendCompany"
PATH: Final = "/reports/download/MerchantAccount/{account}/{name}"


def password(account: str) -> str:
    """Return what the reports of an account are fetched with."""
    return hashlib.sha256(f"reports of {account}".encode()).hexdigest()[:32]


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return the endpoint."""

    async def handler(request: web.Request) -> web.StreamResponse:
        account, name = request.match_info["account"], request.match_info["name"]

        def give() -> Answer:
            if not _admitted(request, account):
                return Answer(HTTPStatus.UNAUTHORIZED, b"", {"WWW-Authenticate": 'Basic realm="reports"'}, "text/plain")
            text = settling.by_name(desk, account, name)
            if text is None:
                return Answer(HTTPStatus.NOT_FOUND, b"", content_type="text/plain")
            return Answer(HTTPStatus.OK, text.encode(), content_type="text/csv")

        return await answer(desk.sandbox, request, Act(operation="other", account=account), give)

    return [web.get(PATH, handler)]


def _admitted(request: web.Request, account: str) -> bool:
    key = request.headers.get("x-api-key", "")
    if key:
        return not key.startswith("invalid")
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, given = base64.b64decode(told, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme.lower() == "basic" and (user, given) == (USER, password(account))
