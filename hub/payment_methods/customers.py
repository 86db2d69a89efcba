"""`/v1/customers`: kept, shown, erased."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.access.store import audit
from hub.database import Database
from hub.erasure import asking as erasing
from hub.errors import problems, request_id_of
from hub.ids import new_id
from hub.payment_methods import store
from hub.payment_methods.service import no_customer
from hub.sealing import Sealer

Words = Annotated[str, Meta(min_length=1, max_length=255)]
Clock = Callable[[], datetime]


class NewCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who it is, as far as the hub needs to know: nothing of it is required."""

    reference: Words | None = None
    name: Words | None = None
    email: Words | None = None
    metadata: Annotated[dict[Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=500)]],
                        Meta(max_length=50)] = {}  # fmt: skip


class Customer(NewCustomer, frozen=True, kw_only=True):
    """A customer."""

    id: str
    object: str = "customer"
    livemode: bool
    created_at: datetime


@post("/v1/customers", guards=[requires("customers:write")], tags=["customers"], responses=problems(400, 413, 415, 422))
async def create_customer(
    request: Request[Any, Any, Any],
    data: JSONBody[NewCustomer],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> Customer:
    """Keep a customer."""
    customer_id, at = new_id("cus_"), clock()
    person = msgspec.json.encode(data).decode()
    row = {"id": customer_id, "livemode": caller.livemode, "person": person, "created_at": at, "deleted_at": None}
    async with database.transaction() as connection:
        await store.add_customer(connection, row)
        await audit(connection, caller, "customer.created", customer_id, {}, request_id=request_id_of(request))
    return _shown(row)


@get(
    "/v1/customers/{customer_id:str}", guards=[requires("customers:read")], tags=["customers"], responses=problems(404)
)
async def get_customer(
    customer_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> Customer:
    """Show a customer."""
    async with database.reading() as connection:
        row = await store.customer(connection, livemode=caller.livemode, customer_id=customer_id)
    if row is None:
        raise no_customer()
    return _shown(row)


@delete(
    "/v1/customers/{customer_id:str}", guards=[requires("customers:write")], tags=["customers"], responses=problems(404)
)
async def erase_customer(
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
    sealer: NamedDependency[Sealer],
) -> None:
    """Erase the person with every payment method; payments and the books keep the id only.

    Customer and tokens are gone at once; what payments, messages and reports say of the person, a worker takes out.
    """
    at = clock()
    async with database.transaction() as connection:
        standing = await store.customer(connection, livemode=caller.livemode, customer_id=customer_id, to_change=True)
        if standing is None:
            raise no_customer()
        references = await store.references_of(connection, customer_id)
        gone = await store.erase_customer(connection, livemode=caller.livemode, customer_id=customer_id, at=at)
        await erasing.order(connection, sealer, standing, references, at)
        told = {"payment_methods": gone}
        await audit(connection, caller, "customer.erased", customer_id, told, request_id=request_id_of(request))


def _shown(row: RowMapping | dict[str, Any]) -> Customer:
    person: dict[str, Any] = msgspec.json.decode(row["person"])
    named = {"id": row["id"], "livemode": bool(row["livemode"]), "created_at": row["created_at"]}
    return msgspec.convert({**person, **named}, Customer)


HANDLERS = [create_customer, get_customer, erase_customer]
