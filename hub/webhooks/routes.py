"""`POST /webhooks/{merchant_account}`: verified on the raw bytes, kept, acknowledged; read by the worker."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from adapters.contract import Webhook
from adapters.errors import WebhookRejectedError
from hub.access.guards import PUBLIC, addressed
from hub.errors import OUTSIDE, ProblemError, problems
from hub.payments.shell import Shell
from hub.webhooks import store
from hub.webhooks.versions import count_versions


@post(
    "/webhooks/{merchant_account:str}",
    status_code=202,
    tags=["webhooks"],
    guards=[addressed],
    security=PUBLIC,
    responses=problems(401, 404, 413, anywhere=OUTSIDE),
    summary="A processor tells the hub something, in its own format",
)
async def receive(
    request: Request[Any, Any, Any], merchant_account: FromPath[str], shell: NamedDependency[Shell]
) -> Response[None]:
    """Keep what verifies; everything else happens later, in the worker."""
    connected = await shell.directory.find(merchant_account)
    if connected is None:
        raise ProblemError("not_found", "there is no such webhook address")
    received_at = shell.clock()
    webhook = Webhook(headers=dict(request.headers.items()), body=await request.body(), received_at=received_at)
    try:
        deliveries = connected.adapter.open_webhook(webhook)
    except WebhookRejectedError as rejected:
        raise ProblemError("unauthorized", f"the webhook did not verify: {rejected}") from rejected
    count_versions(merchant_account, deliveries)
    await store.keep(shell.database, merchant_account, deliveries, received_at)
    shell.wake()
    return Response(None, status_code=202)


HANDLERS = [receive]
