"""Each way in which a processor fails, before it acted and after: what is raised is held against the money."""

import asyncio
from typing import Final

from adapters.conformance import asking
from adapters.conformance.bench import ended, send
from adapters.conformance.shop import BETWEEN_S, INQUIRIES_MAX, SECOND, Request, Shop
from adapters.conformance.verdict import expect
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from normalization.outcome import Approved, Declined, Operation, Pending, Report

BEFORE: Final = ("silent_before", "reset_before", "error_500_before")
AFTER: Final = ("silent_after", "reset_after", "error_500_after", "malformed", "truncated")
QUICK_MS: Final = 150
LATE_MS: Final = 2500
"""Longer than the transport waits for an answer."""


@SECOND.rule(fault=(*BEFORE, *AFTER), operation=tuple(Operation))
async def a_lost_answer_is_unknown_and_then_found_out(shop: Shop, fault: str, operation: Operation) -> None:
    """Whether it acted cannot be told from here, so neither a decline nor "not sent" will do.

    An adapter may send it over again under the same key where the contract allows that: then it is done once.
    """
    request = await shop.ready(operation)
    await shop.fails(fault)
    seen = await ended(send(shop.adapter, request))
    _may_have_moved(seen, f"the {operation} that meets {fault}")
    found = await shop.resolved(request)
    moved = await shop.amount_moved(request)
    if found is None:
        expect(moved == 0, "what an inquiry does not find has moved nothing", moved)
        expect(fault in BEFORE, "what was carried out is found", fault)
    else:
        expect(await shop.final(request, found) == Approved(), "what is found was carried out", found)
        expect(moved == shop.unit(request.money), "it moved once", moved)
    expect((await shop.moved()).charges <= 1, "the payer is charged once at the most")


def _may_have_moved(seen: object, when: str) -> None:
    done = isinstance(seen, Report) and isinstance(seen.outcome, Approved | Pending)
    expect(done or isinstance(seen, OutcomeUnknownError), f"{when} is OutcomeUnknownError", seen)


@SECOND.rule(fault=AFTER)
async def a_refusal_whose_answer_is_lost_is_unknown_too(shop: Shop, fault: str) -> None:
    """It may have been a yes; an inquiry tells the refusal."""
    token = next(iter(shop.harness.declines.values()))
    request = shop.opening(Operation.PURCHASE, token)
    await shop.fails(fault)
    seen = await ended(send(shop.adapter, request))
    resent = isinstance(seen, Report) and isinstance(seen.outcome, Declined)
    expect(resent or isinstance(seen, OutcomeUnknownError), f"a refusal lost to {fault} is unknown", seen)
    found = await shop.resolved(request)
    expect(found is None or isinstance(found.outcome, Declined), "an inquiry finds the refusal", found)
    expect((await shop.moved()).charges == 0, "nothing is charged")


@SECOND.rule(fault=("silent_before", "reset_before", "reset_after", "error_500_after"))
async def a_kept_alive_connection_that_dies_doubles_nothing(shop: Shop, fault: str) -> None:
    """A connection out of the pool may be dead: what is sent over again has the same key."""
    await shop.reported(shop.opening(Operation.PURCHASE, operation_id=asking.ANOTHER))
    request = shop.opening(Operation.PURCHASE)
    await shop.fails(fault)
    _may_have_moved(await ended(send(shop.adapter, request)), f"a purchase that meets {fault}")
    await shop.resolved(request)
    moved = await shop.moved()
    expect(moved.charges <= 1, "the payer is charged once at the most", moved)
    expect(moved.captured in {0, shop.unit(request.money)}, "and pays the amount once", moved)


@SECOND.rule(operation=tuple(Operation))
async def a_processor_that_was_busy_is_asked_again(shop: Shop, operation: Operation) -> None:
    """One "too many requests" ends in an answer, or in "not sent" with nothing moved."""
    request = await shop.ready(operation)
    await shop.fails("rate_limited")
    seen = await ended(send(shop.adapter, request))
    if isinstance(seen, Report):
        expect(await shop.final(request, seen) == Approved(), "sent over again it is approved", seen)
        expect(await shop.amount_moved(request) == shop.unit(request.money), "it moved once")
        return
    executed = not shop.capabilities.too_many_requests_not_executed
    expect(isinstance(seen, OutcomeUnknownError if executed else NotSentError), "else it is not sent", seen)
    expect(await shop.amount_moved(request) == 0, "what is not sent has moved nothing")


@SECOND.rule(operation=tuple(Operation))
async def a_processor_that_stays_busy_has_done_nothing(shop: Shop, operation: Operation) -> None:
    """Where the capabilities say that 429 means not executed, it is not sent."""
    request = await shop.ready(operation)
    await shop.fails("rate_limited", None)
    seen = await ended(send(shop.adapter, request))
    sure = shop.capabilities.too_many_requests_not_executed
    expect(isinstance(seen, NotSentError if sure else OutcomeUnknownError), "it is not sent", seen)
    await shop.control("DELETE", "/faults")
    expect(await shop.amount_moved(request) == 0, "nothing moved")


@SECOND.rule(operation=tuple(Operation))
async def a_slow_answer_in_time_is_an_answer(shop: Shop, operation: Operation) -> None:
    """Webhooks may overtake it."""
    request = await shop.ready(operation)
    await shop.fails("delay", delay_ms=QUICK_MS)
    expect(await shop.final(request, await shop.reported(request)) == Approved(), "it is approved")


@SECOND.rule(fault=("delay", "delay_before"))
async def an_answer_that_comes_too_late_is_unknown(shop: Shop, fault: str) -> None:
    """The processor acts all the same, at once or long after the caller hung up."""
    request = shop.opening(Operation.PURCHASE)
    await shop.fails(fault, delay_ms=LATE_MS)
    seen = await ended(send(shop.adapter, request))
    expect(isinstance(seen, OutcomeUnknownError), "it is OutcomeUnknownError", seen)
    await _until_moved(shop, request)
    found = await shop.resolved(request)
    expect(found and await shop.final(request, found) == Approved(), "an inquiry finds the charge", found)
    expect((await shop.moved()).charges == 1, "the payer is charged once")


async def _until_moved(shop: Shop, request: Request) -> None:
    for _ in range(INQUIRIES_MAX):
        if await shop.amount_moved(request):
            return
        await asyncio.sleep(BETWEEN_S)
    expect(held=False, rule="the server carries out what it was sent")


@SECOND.rule(fault=(*BEFORE, *AFTER, "rate_limited"))
async def an_inquiry_that_fails_says_nothing(shop: Shop, fault: str) -> None:
    """What it was to ask about has happened: None or "not sent" would have it charged again elsewhere."""
    request = shop.opening(Operation.PURCHASE)
    expect(await shop.final(request, await shop.reported(request)) == Approved(), "a purchase is approved")
    await shop.fails(fault, None)
    seen = await ended(shop.adapter.inquire(request))
    expect(isinstance(seen, OutcomeUnknownError), f"an inquiry that meets {fault} is OutcomeUnknownError", seen)
    await shop.control("DELETE", "/faults")
    expect((await shop.moved()).charges == 1, "the payer is charged once")


@SECOND.rule()
async def a_refused_key_moves_nothing(shop: Shop) -> None:
    """Our configuration: another account may be tried, and a human is called."""
    adapter = shop.connect(shop.harness.refused_credentials(shop.server.base_url))
    seen = await ended(adapter.authorize(shop.opening(Operation.PURCHASE)))
    expect(isinstance(seen, ConfigurationError), "a refused key is ConfigurationError", seen)
    expect((await shop.moved()).charges == 0, "nothing is charged")
    expect(
        isinstance(await ended(adapter.inquire(shop.opening(Operation.PURCHASE))), OutcomeUnknownError),
        "an inquiry with a refused key is OutcomeUnknownError",
    )
