"""`/v1/webhook_endpoints`: made, listed, changed, deleted, given new secrets."""

from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import problems, request_id_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.shell import Shell
from hub.webhook_endpoints import service, store
from hub.webhook_endpoints.addresses import URL_MAX
from hub.webhook_endpoints.rules import EndpointStatus
from hub.webhook_endpoints.showing import WebhookEndpoint, WebhookEndpointMade, endpoint_shown
from hub.webhook_endpoints.signing import shown_secret

PATH = "/v1/webhook_endpoints"
ONE = PATH + "/{endpoint_id:str}"
READ = [requires("webhooks:read")]
WRITE = [requires("webhooks:write")]
TAGS = ["webhook endpoints"]

Url = Annotated[str, Meta(min_length=1, max_length=URL_MAX, description="Where deliveries are POSTed to.")]
Patterns = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=100)]],
    Meta(min_length=1, max_length=100, description="Types such as `payment.captured`, `refund.*`, or `*`."),
]
Description = Annotated[str, Meta(max_length=500)]
Accounts = Annotated[list[Annotated[str, Meta(min_length=1, max_length=40)]], Meta(min_length=1, max_length=100)]


class NewWebhookEndpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint to make; `merchant_accounts` null: events of all of them; `ordered`: one object's one by one."""

    url: Url
    events: Patterns
    description: Description = ""
    merchant_accounts: Accounts | None = None
    ordered: bool = False


class WebhookEndpointChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    url: Url | UnsetType = UNSET
    events: Patterns | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    merchant_accounts: Accounts | UnsetType | None = UNSET
    ordered: bool | UnsetType = UNSET
    status: EndpointStatus | UnsetType = UNSET


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the secret before signs too, 0: not at all; `force`: while an earlier one does, replace the newest."""

    previous_valid_hours: Annotated[int, Meta(ge=0, le=168)] = 24
    force: bool = False


class WebhookEndpoints(Struct, frozen=True):
    """A page of endpoints, newest first."""

    data: list[WebhookEndpoint]
    next_cursor: str | None


@post(PATH, guards=WRITE, tags=TAGS, responses=problems(400, 413, 415, 422))
async def create_webhook_endpoint(
    request: Request[Any, Any, Any],
    data: JSONBody[NewWebhookEndpoint],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> WebhookEndpointMade:
    """Make an endpoint; it gets the events published from now on, signed with the secret shown here once."""
    wanted = service.Wanted(**msgspec.structs.asdict(data))
    row, secret = await service.make(shell, caller, request_id_of(request), wanted)
    return _made(shell, row, secret)


@get(PATH, guards=READ, tags=TAGS, responses=problems(422))
async def list_webhook_endpoints(
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> WebhookEndpoints:
    """List the endpoints that the key reaches."""
    before, only = read_cursor(cursor), caller.merchant_accounts
    async with shell.database.reading() as connection:
        rows = await store.endpoints_before(
            connection, livemode=caller.livemode, before=before, only=only, limit=limit + 1
        )
    listed, following = page(rows, limit)
    at = shell.clock()
    return WebhookEndpoints([endpoint_shown(row, at) for row in listed], following)


@get(ONE, guards=READ, tags=TAGS, responses=problems(404))
async def get_webhook_endpoint(
    endpoint_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> WebhookEndpoint:
    """Show one endpoint."""
    return endpoint_shown(await service.find(shell, caller, endpoint_id), shell.clock())


@patch(ONE, guards=WRITE, tags=TAGS, responses=problems(400, 404, 413, 415, 422))
async def change_webhook_endpoint(
    request: Request[Any, Any, Any],
    endpoint_id: FromPath[str],
    data: JSONBody[WebhookEndpointChange],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> WebhookEndpoint:
    """Change an endpoint; while it is disabled its events are skipped, and can be redelivered once it is enabled."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    row = await service.change(shell, caller, request_id_of(request), endpoint_id, changes)
    return endpoint_shown(row, shell.clock())


@delete(ONE, guards=WRITE, tags=TAGS, responses=problems(404))
async def delete_webhook_endpoint(
    request: Request[Any, Any, Any],
    endpoint_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> None:
    """Delete an endpoint; nothing more is sent to it, and its log can still be listed."""
    await service.remove(shell, caller, request_id_of(request), endpoint_id)


@post(
    ONE + "/rotate_secret",
    status_code=200,
    guards=WRITE,
    tags=TAGS,
    responses=problems(400, 404, 409, 413, 415, 422),
)
async def rotate_webhook_secret(
    request: Request[Any, Any, Any],
    endpoint_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[Rotation] = Rotation(),  # noqa: B008 - a frozen value
) -> WebhookEndpointMade:
    """Give an endpoint a new secret, shown here once; for a while the one before signs too."""
    asked = service.Rotation(previous_valid_hours=data.previous_valid_hours, force=data.force)
    row, secret = await service.rotate(shell, caller, request_id_of(request), endpoint_id, asked)
    return _made(shell, row, secret)


def _made(shell: Shell, row: RowMapping, secret: bytes) -> WebhookEndpointMade:
    shown = endpoint_shown(row, shell.clock())
    return WebhookEndpointMade(**msgspec.structs.asdict(shown), secret=shown_secret(secret))


HANDLERS = [
    create_webhook_endpoint,
    list_webhook_endpoints,
    get_webhook_endpoint,
    change_webhook_endpoint,
    delete_webhook_endpoint,
    rotate_webhook_secret,
]
