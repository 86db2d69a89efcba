"""Answers that are understood and say something else than was expected: they are told on, not overlooked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from msgspec.structs import replace

from adapters.conformance.bench import ended, send
from adapters.conformance.between import Between, between
from adapters.conformance.shop import SECOND, Shop
from adapters.conformance.verdict import expect
from adapters.errors import OutcomeUnknownError
from normalization.money import EXPONENT, Currency
from normalization.outcome import OPENING, Operation, Report

UNHEARD_OF: Final = "teleported"
ONE_MORE: Final = 1


@asynccontextmanager
async def _changing(shop: Shop, changes: Mapping[str, str]) -> AsyncIterator[Between]:
    """Let the adapter hear every answer with *changes* in it."""
    through = shop.adapter
    async with between(shop.server.base_url, shop.http) as middle:
        middle.changes = changes
        shop.adapter = shop.connect(replace(shop.credentials, base_url=middle.base_url))
        try:
            yield middle
        finally:
            shop.adapter = through


@SECOND.rule(operation=tuple(Operation))
async def another_amount_is_reported_as_it_was_told(shop: Shop, operation: Operation) -> None:
    """The hub compares it with what it asked for; an adapter that repeats the question hides it."""
    request = await shop.ready(operation)
    told = request.money.minor + ONE_MORE
    async with _changing(shop, {str(shop.unit(request.money)): str(shop.minor(told))}) as middle:
        seen = await ended(send(shop.adapter, request))
    wanted = {told} if middle.changed else set()
    _never_as_asked(seen, {(minor, shop.currency) for minor in wanted}, "another amount")


@SECOND.rule(operation=tuple(Operation))
async def another_currency_is_reported_as_it_was_told(shop: Shop, operation: Operation) -> None:
    """The same digits in another currency are another amount."""
    request = await shop.ready(operation)
    other = _like(shop)
    changes = {f'"{write(shop.currency)}"': f'"{write(other)}"' for write in (str.lower, str.upper)}
    async with _changing(shop, changes) as middle:
        seen = await ended(send(shop.adapter, request))
    wanted = {(request.money.minor, other)} if middle.changed else set()
    _never_as_asked(seen, wanted, "another currency")


def _never_as_asked(seen: object, told: set[tuple[int, Currency]], what: str) -> None:
    """Insist that a report gives what was *told* and, where the answer gave nothing, nothing."""
    if isinstance(seen, OutcomeUnknownError):
        return
    money = seen.money if isinstance(seen, Report) else None
    expect(isinstance(seen, Report), f"an answer with {what} is reported on or unknown", seen)
    expect(money is None or (money.minor, money.currency) in told, f"the report gives {what}, as it was told", money)


def _like(shop: Shop) -> Currency:
    """Choose another currency of as many digits."""
    digits = EXPONENT[shop.currency]
    fits = [one for one, own in shop.harness.exponents.items() if own == digits == EXPONENT[one]]
    return next(one for one in fits if one is not shop.currency)


@SECOND.rule(operation=tuple(Operation))
async def a_status_nobody_has_heard_of_is_unknown(shop: Shop, operation: Operation) -> None:
    """Tomorrow's word may mean yes: only an explicit yes or no is final."""
    request = await shop.ready(operation)
    async with _changing(shop, _no_yes(shop)) as middle:
        seen = await ended(send(shop.adapter, request))
    if operation in OPENING:
        expect(middle.changed, f"the harness's yes_words occur in the answer to the {operation}")
    if middle.changed:
        expect(isinstance(seen, OutcomeUnknownError), f"the {operation} of unknown status is OutcomeUnknownError", seen)
    expect(await shop.amount_moved(request) == shop.unit(request.money), "it had moved")


@SECOND.rule(operation=(Operation.PURCHASE, Operation.AUTHORIZE))
async def a_status_nobody_has_heard_of_ends_no_inquiry(shop: Shop, operation: Operation) -> None:
    """Nor is it "not found"."""
    request = await shop.ready(operation)
    await shop.reported(request)
    async with _changing(shop, _no_yes(shop)) as middle:
        seen = await ended(shop.adapter.inquire(request))
    expect(middle.changed, "the harness's yes_words occur in the answer to an inquiry")
    expect(isinstance(seen, OutcomeUnknownError), "an inquiry that finds an unknown status is unknown", seen)


def _no_yes(shop: Shop) -> dict[str, str]:
    return {f'"{word}"': f'"{UNHEARD_OF}"' for word in shop.harness.yes_words}


@SECOND.rule(operation=tuple(Operation))
async def an_answer_about_another_operation_is_unknown(shop: Shop, operation: Operation) -> None:
    """A proxy or a processor that mixes answers up must not end the wrong payment."""
    request = await shop.ready(operation)
    other = request.operation_id[:-1] + "9"
    async with _changing(shop, {request.operation_id: other}) as middle:
        seen = await ended(send(shop.adapter, request))
    if middle.changed:
        expect(isinstance(seen, OutcomeUnknownError), "another operation's answer is OutcomeUnknownError", seen)
