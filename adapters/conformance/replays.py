"""The same request sent again: the processor does it once, because its key is the same."""

import asyncio

from msgspec.structs import replace

from adapters.conformance import asking
from adapters.conformance.bench import ended, send
from adapters.conformance.shop import SECOND, Request, Shop
from adapters.conformance.verdict import expect
from adapters.errors import OutcomeUnknownError
from normalization.outcome import Approved, Operation, Pending, Report


@SECOND.rule(operation=tuple(Operation))
async def the_same_request_twice_moves_money_once(shop: Shop, operation: Operation) -> None:
    """After a crash the hub may send what it has sent already."""
    request = await shop.ready(operation)
    first = await shop.reported(request)
    again = await shop.reported(_as_read_back(request))
    expect(await shop.final(request, first) == Approved(), f"the {operation} is approved", first)
    expect(isinstance(again.outcome, Approved | Pending), "the second sending is answered as the first", again)
    expect(again.processor_reference == first.processor_reference, "about the same object", again)
    expect(await shop.amount_moved(request) == shop.unit(request.money), "it moved once")
    expect((await shop.moved()).charges == 1, "the payer is charged once")


def _as_read_back(request: Request) -> Request:
    """Make an equal request that is another object, as one read back from the database."""
    return replace(request)


@SECOND.rule(operation=tuple(Operation))
async def the_same_request_twice_at_once_moves_money_once(shop: Shop, operation: Operation) -> None:
    """Two workers with one operation: one does it, the other is told so or does not know."""
    request = await shop.ready(operation)
    seen = await asyncio.gather(*(ended(send(shop.adapter, request)) for _ in range(2)))
    for one in seen:
        done = isinstance(one, Report) and isinstance(one.outcome, Approved | Pending)
        expect(done or isinstance(one, OutcomeUnknownError), "each is approved, pending or unknown", one)
    expect(await shop.amount_moved(request) == shop.unit(request.money), "it moved once")
    expect((await shop.moved()).charges == 1, "the payer is charged once")


@SECOND.rule(operation=tuple(Operation))
async def a_request_that_is_sent_over_again_keeps_its_key(shop: Shop, operation: Operation) -> None:
    """A new key would be a new charge, had the first sending been carried out after all."""
    request = await shop.ready(operation)
    before = len(await _requests(shop))
    await shop.fails("rate_limited")
    await ended(send(shop.adapter, request))
    await ended(send(shop.adapter, request))
    keys = [str(one["idempotency_key"]) for one in (await _requests(shop))[before:] if one["operation"] == operation]
    expect(keys and all(keys), "every request that moves money carries an idempotency key", keys)
    expect(len(set(keys)) == 1, "every sending of one operation carries the same key", keys)


async def _requests(shop: Shop) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = (await shop.control("GET", "/requests"))["data"]
    return listed


@SECOND.rule()
async def two_refunds_of_one_amount_are_two(shop: Shop) -> None:
    """Equal in everything but the id: two wishes, two keys."""
    parent = await shop.opened(Operation.PURCHASE)
    for id in ("ref_conformance00000001", "ref_conformance00000002"):
        request = shop.follow_up(Operation.REFUND, parent, asking.REFUNDED_MINOR, operation_id=id)
        expect(await shop.final(request, await shop.reported(request)) == Approved(), "each is approved")
    expect((await shop.moved()).refunded == 2 * shop.minor(asking.REFUNDED_MINOR), "both are refunded")
