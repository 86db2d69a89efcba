"""The Disputes API over HTTP, and what a test may look up of a dispute."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.sandbox.adyen import dispute_service, disputes
from hub.sandbox.adyen.admission import admit_account, body_or_nothing, told
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.dispute_service import NotDoneError
from hub.sandbox.adyen.dispute_wire import Defend, Delete, OfDispute, Supply, read
from hub.sandbox.adyen.wire import body_of
from hub.sandbox.faults import Act, Answer, answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PREFIX: Final = "/ca/services/DisputeService/v30"


class Endpoint(Struct, frozen=True):
    """A POST of the API: what it takes and what it does."""

    path: str
    takes: type[OfDispute]
    work: Callable[[Desk, Any], dict[str, Any]]


ENDPOINTS: Final = (
    Endpoint("/retrieveApplicableDefenseReasons", OfDispute, dispute_service.applicable),
    Endpoint("/supplyDefenseDocument", Supply, dispute_service.supply),
    Endpoint("/deleteDisputeDefenseDocument", Delete, dispute_service.delete),
    Endpoint("/defendDispute", Defend, dispute_service.defend),
    Endpoint("/acceptDispute", OfDispute, dispute_service.accept),
)


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return the API, and the control's view of a dispute."""
    found = [web.post(PREFIX + endpoint.path, _post(desk, endpoint)) for endpoint in ENDPOINTS]
    return [*found, web.get("/_control/disputes/{psp}", _shown(desk))]


def _post(desk: Desk, endpoint: Endpoint) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        raw = await request.read()

        def work() -> Answer:
            body = body_of(raw)
            admit_account(body.get("merchantAccountCode"))
            asked = read(body, endpoint.takes)
            try:
                done = endpoint.work(desk, asked)
            except NotDoneError as error:
                done = dispute_service.refused(error)
            return Answer(HTTPStatus.OK, msgspec.json.encode(done))

        return await answer(desk.sandbox, request, _act(desk, raw), lambda: told(work, request))

    return handler


def _act(desk: Desk, raw: bytes) -> Act:
    """Name the request for faults and the log: by the dispute, and by the merchant's reference of the payment."""
    body = body_or_nothing(raw)
    account, psp = str(body.get("merchantAccountCode", "")), str(body.get("disputePspReference", ""))
    dispute = desk.dispute(account, psp)
    payment = desk.payment(account, dispute.payment) if dispute else None
    return Act(operation="other", account=account, tag=psp, payment_tag=payment.reference if payment else "")


def _shown(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        psp = request.match_info["psp"]
        dispute = desk.any_dispute(psp)
        if dispute is None:
            return web.json_response({"error": f"no dispute {psp}"}, status=HTTPStatus.NOT_FOUND)
        return web.json_response(disputes.shown(dispute))

    return handler
