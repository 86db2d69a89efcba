"""`/v1/webhook_deliveries`: what processors told, what became of it, and reading it anew."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import ProblemError, problems, request_id_of
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.routes import instant
from hub.payments.shell import Shell
from hub.webhooks import listing
from hub.webhooks.listing import Asker, Sought
from hub.webhooks.showing import shown_body

READ: Final = [requires("webhooks:read")]
WRITE: Final = [requires("webhooks:write")]
_YEARS: Final = (1970, 9999)  # Outside of them an instant with an offset may not exist in UTC.


class WebhookDeliveryStatus(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"  # To be read, or read again.
    DONE = "done"
    IGNORED = "ignored"  # It says nothing that the hub has a word for.
    UNMATCHED = "unmatched"  # It speaks of what the hub does not know, or not yet.
    PARKED = "parked"  # It could not be read, often enough: a human must look.


class WebhookDelivery(Struct, frozen=True, kw_only=True):
    """One verified message of a processor.

    `key` is the processor's own name of it, `subject` the object that it speaks of. `api_version` is set where it is
    another than the adapter was written for. `due_at` is when it is read next; null: not again.
    """

    id: str
    object: Literal["webhook_delivery"] = "webhook_delivery"
    livemode: bool
    merchant_account: str
    key: str
    subject: str
    status: WebhookDeliveryStatus
    tries: int
    error: str | None
    due_at: datetime | None
    payment: str | None
    api_version: str | None
    received_at: datetime


class WholeDelivery(WebhookDelivery, frozen=True, kw_only=True):
    """A delivery with its body as the processor wrote it, JSON or text: card numbers masked, secrets hidden."""

    body: Any


class WebhookDeliveries(Struct, frozen=True):
    """A page of deliveries, newest first."""

    data: list[WebhookDelivery]
    next_cursor: str | None


class ReplayWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries to read anew."""

    status: Literal["parked", "unmatched", "ignored", "done"]
    merchant_account: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    received_after: Annotated[datetime, Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        if self.received_after is not None and not _YEARS[0] < self.received_after.year < _YEARS[1]:
            raise ValueError("received_after: is too far from now")


class Replayed(Struct, frozen=True):
    """How many deliveries are read anew."""

    count: int


@get("/v1/webhook_deliveries", guards=READ, tags=["webhooks"], responses=problems(422))
async def list_webhook_deliveries(  # noqa: PLR0913, PLR0917 - one argument for each query parameter of the API
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    status: FromQuery[WebhookDeliveryStatus | None] = None,
    merchant_account: FromQuery[str | None] = None,
    payment: FromQuery[str | None] = None,
    received_after: FromQuery[datetime | None] = None,
    received_before: FromQuery[datetime | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> WebhookDeliveries:
    """List what processors told by webhook, newest first."""
    sought = Sought(
        livemode=caller.livemode,
        status=status,
        merchant_account=merchant_account,
        payment=payment,
        received_after=instant("received_after", received_after),
        received_before=instant("received_before", received_before),
        merchant_accounts=caller.merchant_accounts,
    )
    rows = await listing.deliveries_before(shell.database, sought, read_cursor(cursor), limit + 1)
    shown, following = page(rows, limit)
    return WebhookDeliveries([delivery_body(row) for row in shown], following)


@get("/v1/webhook_deliveries/{delivery_id:str}", guards=READ, tags=["webhooks"], responses=problems(404))
async def get_webhook_delivery(
    delivery_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> WholeDelivery:
    """Show one delivery with its body."""
    row = await listing.find_delivery(shell.database, _theirs(caller), delivery_id)
    if row is None:
        raise _no_delivery()
    return whole_delivery(row)


@post(
    "/v1/webhook_deliveries/{delivery_id:str}/replay",
    guards=WRITE,
    tags=["webhooks"],
    status_code=202,
    responses=problems(404),
)
async def replay_webhook_delivery(
    request: Request[Any, Any, Any],
    delivery_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> WebhookDelivery:
    """Read a delivery anew, whatever became of it; what was recorded of it before is recorded no second time."""
    asker = Asker(at=shell.clock(), caller=caller, request_id=request_id_of(request))
    row = await listing.replay(shell.database, _theirs(caller), delivery_id, asker)
    if row is None:
        raise _no_delivery()
    shell.wake()
    return delivery_body(row)


@post(
    "/v1/webhook_deliveries/replay",
    guards=WRITE,
    tags=["webhooks"],
    status_code=202,
    responses=problems(400, 413, 415, 422),
)
async def replay_webhook_deliveries(
    request: Request[Any, Any, Any],
    data: JSONBody[ReplayWanted],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Replayed:
    """Read all deliveries anew of which one thing became, the oldest first."""
    asker = Asker(at=shell.clock(), caller=caller, request_id=request_id_of(request))
    sought = Sought(
        livemode=caller.livemode,
        status=data.status,
        merchant_account=data.merchant_account,
        received_after=data.received_after,
        merchant_accounts=caller.merchant_accounts,
    )
    count, last = 0, None
    while ids := await listing.replay_some(shell.database, sought, last, asker):  # Each id once: they ascend.
        count, last = count + len(ids), ids[-1]
        shell.wake()
    return Replayed(count)


def delivery_body(row: RowMapping) -> WebhookDelivery:
    """Show a row of `webhook_deliveries` without what the processor wrote."""
    return WebhookDelivery(**_columns(row))


def whole_delivery(row: RowMapping) -> WholeDelivery:
    """Show a row of `webhook_deliveries`."""
    return WholeDelivery(**_columns(row), body=shown_body(row["body"]))


def _columns(row: RowMapping) -> dict[str, Any]:
    same = ("id", "merchant_account", "subject", "tries", "error", "due_at", "api_version", "received_at")
    return {name: row[name] for name in same} | {
        "livemode": bool(row["livemode"]),
        "key": row["delivery_key"],
        "status": WebhookDeliveryStatus(row["status"]),
        "payment": row["payment_id"],
    }


def _theirs(caller: Caller) -> Sought:
    return Sought(livemode=caller.livemode, merchant_accounts=caller.merchant_accounts)


def _no_delivery() -> ProblemError:
    return ProblemError("not_found", "there is no such delivery in this mode")


HANDLERS = [
    list_webhook_deliveries,
    get_webhook_delivery,
    replay_webhook_delivery,
    replay_webhook_deliveries,
]
