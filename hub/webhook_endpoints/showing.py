"""Endpoints and deliveries as the API shows them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping

from hub.webhook_endpoints.rules import DeliveryStatus, EndpointStatus


class WebhookEndpoint(Struct, frozen=True, kw_only=True):
    """An endpoint without its secret; `previous_secret_ends_at` while two secrets sign."""

    id: str
    object: str = "webhook_endpoint"
    livemode: bool
    url: str
    description: str
    events: list[str]
    merchant_accounts: list[str] | None
    ordered: bool
    status: EndpointStatus
    reason: str | None
    previous_secret_ends_at: datetime | None
    created_at: datetime
    updated_at: datetime


class WebhookEndpointMade(WebhookEndpoint, frozen=True, kw_only=True):
    """An endpoint with its new secret, which is shown this once."""

    secret: str


class DeliveryTry(Struct, frozen=True, kw_only=True):
    """One try; `response` is how the answer's body began."""

    number: int
    url: str
    at: datetime
    response_code: int | None
    failure: str | None
    latency_ms: int
    response: str


class EventDelivery(Struct, frozen=True, kw_only=True):
    """What became of one event at one endpoint; a number missing among its tries was under way in a crash."""

    id: str
    object: str = "event_delivery"
    livemode: bool
    event: str
    endpoint: str
    position: int
    status: DeliveryStatus
    due_at: datetime | None
    tries: list[DeliveryTry]
    created_at: datetime


def endpoint_shown(row: RowMapping, at: datetime) -> WebhookEndpoint:
    """Read an endpoint's row."""
    ends_at = row["previous_ends_at"]
    return WebhookEndpoint(
        id=row["id"],
        livemode=bool(row["livemode"]),
        url=row["url"],
        description=row["description"],
        events=msgspec.json.decode(row["events"]),
        merchant_accounts=None if row["merchant_accounts"] is None else msgspec.json.decode(row["merchant_accounts"]),
        ordered=bool(row["ordered"]),
        status=EndpointStatus(row["status"]),
        reason=row["reason"],
        previous_secret_ends_at=ends_at if ends_at is not None and ends_at > at else None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def endpoint_body(row: RowMapping) -> bytes:
    """Write an endpoint as an event tells of it."""
    return msgspec.json.encode(endpoint_shown(row, row["updated_at"]))


def delivery_shown(row: RowMapping, tries: Sequence[RowMapping]) -> EventDelivery:
    """Read a delivery's row and those of its tries."""
    return EventDelivery(
        id=row["id"],
        livemode=bool(row["livemode"]),
        event=row["event_id"],
        endpoint=row["endpoint_id"],
        position=row["position"],
        status=DeliveryStatus(row["status"]),
        due_at=row["due_at"],
        tries=[
            DeliveryTry(
                number=one["number"],
                url=one["url"],
                at=one["at"],
                response_code=one["response_code"],
                failure=one["failure"],
                latency_ms=one["latency_ms"],
                response=one["response"],
            )
            for one in tries
        ],
        created_at=row["created_at"],
    )
