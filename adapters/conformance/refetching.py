"""Asking what a message speaks of, and listing the messages that did not arrive, where an adapter can."""

from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.abilities import ListsEvents, Refetches
from adapters.conformance import asking
from adapters.conformance.bench import FIRST, Bench, ended, kept
from adapters.conformance.consequences import MEANINGLESS, SECRETIVE
from adapters.conformance.faults import AFTER, BEFORE
from adapters.conformance.intrusions import BODIES
from adapters.conformance.operations import LATER_S
from adapters.conformance.overheard import overhearing, secrets_of
from adapters.conformance.shop import SECOND, Shop, about
from adapters.conformance.stub import echoes
from adapters.conformance.verdict import NonconformingError, expect
from adapters.contract import Delivery, Told
from adapters.errors import AdapterError
from normalization.outcome import Approved, Operation, Pending, Report

AN_HOUR: Final = timedelta(hours=1)


@FIRST.rule(body=tuple(BODIES))
async def nothing_is_asked_about_what_is_no_message(bench: Bench, body: str) -> None:
    """It is read for itself then, which fails; naming it must not."""
    adapter = bench.adapter
    if isinstance(adapter, Refetches):
        garbage = Delivery(key="k", subject="s", account=None, livemode=False, body=BODIES[body])
        seen = kept(lambda: adapter.fetched_as(garbage))
        expect(seen is None, "what cannot be read names nothing to ask about", seen)


@FIRST.rule(answer=tuple(MEANINGLESS))
async def a_list_that_cannot_be_understood_is_no_empty_list(bench: Bench, answer: str) -> None:
    """Taken for "nothing is missing" it would leave the gap open."""
    bench.stub.behaviour = MEANINGLESS[answer]
    if isinstance(bench.adapter, ListsEvents):
        seen = await ended(_listed(bench.adapter, datetime.now(UTC)))
        expect(isinstance(seen, AdapterError), f"a list answered by {answer} is an error", seen)


@FIRST.rule(status=SECRETIVE)
async def a_refused_list_repeats_nothing_secret(bench: Bench, status: int) -> None:
    """An error page may quote the question."""
    bench.stub.behaviour = echoes(status)
    if isinstance(bench.adapter, ListsEvents):
        with overhearing() as heard:
            heard.take(await ended(_listed(bench.adapter, datetime.now(UTC))))
        heard.lacks(secrets_of(bench.credentials))


@SECOND.rule(operation=tuple(Operation))
async def what_is_asked_says_what_the_messages_said(shop: Shop, operation: Operation) -> None:
    """The answer is taken instead of the message; asking moves nothing."""
    request = await shop.ready(operation)
    if await shop.final(request, await shop.reported(request)) != Approved():
        raise NonconformingError(f"the {operation} is approved")
    if not isinstance(shop.adapter, Refetches):
        return
    before = await shop.moved()
    told = [one for one in await shop.told(request) if not isinstance(one.outcome, Pending)]
    asked = about(request, await _asked(shop, shop.adapter))
    for one in told:
        expect(any(_same(one, other) for other in asked), "asking tells what the messages told", (one, asked))
    expect(await shop.moved() == before, "asking moves nothing")


@SECOND.rule()
async def one_question_answers_every_message_of_its_name(shop: Shop) -> None:
    """Messages of one name are taken together: whatever one of them told, the one answer tells."""
    parent = await shop.opened(Operation.AUTHORIZE)
    await shop.reported(shop.follow_up(Operation.CAPTURE, parent, asking.CAPTURED_MINOR))
    if not isinstance(shop.adapter, Refetches):
        return
    for delivery in await shop.deliveries():
        name = shop.adapter.fetched_as(delivery)
        if name is None:
            continue
        expect(shop.adapter.fetched_as(delivery) == name, "a message has one name", name)
        answer = await _fetched(shop.adapter, name)
        for one in shop.adapter.read_delivery(delivery):
            final = isinstance(one, Report) and isinstance(one.outcome, Approved)
            if isinstance(one, Report) and final:
                found = any(isinstance(other, Report) and _same(one, other) for other in answer)
                expect(found, "the answer tells what a message of its name told", (one, answer))


@SECOND.rule(when=lambda harness: harness.refunded_later is not None)
async def an_old_message_is_answered_by_how_things_stand_now(shop: Shop) -> None:
    """What it said has been overtaken."""
    request = await shop.ready(Operation.REFUND, shop.harness.refunded_later)
    await shop.reported(request)
    if not isinstance(shop.adapter, Refetches):
        return
    old = await _asked(shop, shop.adapter)
    expect(not any(one.outcome == Approved() for one in about(request, old)), "the refund is not done yet", old)
    names = _names(shop.adapter, await shop.deliveries())
    await shop.control("POST", "/clock", {"advance_s": LATER_S})
    await shop.webhooks()
    new = [told for name in names for told in await _fetched(shop.adapter, name)]
    expect(any(one.outcome == Approved() for one in about(request, new)), "asked later it is done", new)


@SECOND.rule(fault=(*BEFORE, *AFTER, "rate_limited"))
async def a_question_that_fails_is_no_answer(shop: Shop, fault: str) -> None:
    """An empty one would lose what the message tells."""
    if not isinstance(shop.adapter, Refetches):
        return
    await shop.opened(Operation.PURCHASE)
    names = _names(shop.adapter, await shop.deliveries())
    await shop.fails(fault, None)
    for name in names:
        seen = await ended(shop.adapter.fetch(name))
        expect(isinstance(seen, AdapterError), f"a question that meets {fault} is an error", seen)


@SECOND.rule()
async def what_the_processor_does_not_know_is_an_error(shop: Shop) -> None:
    """The message may be about an object that is gone, or our key too narrow: then the message itself counts."""
    if not isinstance(shop.adapter, Refetches):
        return
    await shop.opened(Operation.PURCHASE)
    refused = shop.connect(shop.harness.refused_credentials(shop.server.base_url))
    for name in _names(shop.adapter, await shop.deliveries()):
        unknown = name[:-1] + ("1" if name[-1] != "1" else "2")
        seen = await ended(shop.adapter.fetch(unknown))
        expect(isinstance(seen, AdapterError), "what is not there is an error", seen)
        if isinstance(refused, Refetches):
            seen = await ended(refused.fetch(name))
            expect(isinstance(seen, AdapterError), "a question with a refused key is an error", seen)


@SECOND.rule()
async def what_did_not_arrive_is_listed_as_it_would_have_come(shop: Shop) -> None:
    """Under the same key, so that what comes twice counts once; and it tells the same."""
    if not isinstance(shop.adapter, ListsEvents):
        return
    shop.refuses_webhooks = True
    parent = await shop.opened(Operation.PURCHASE)
    await shop.reported(shop.follow_up(Operation.REFUND, parent, asking.REFUNDED_MINOR))
    listed = {one.key: one for one in await _listed(shop.adapter, datetime.now(UTC) - AN_HOUR)}
    refused = await shop.deliveries()
    expect(refused, "the server tried to deliver")
    for one in refused:
        found = listed.get(one.key)
        expect(found, "what was not taken is listed under its own key", (one.key, list(listed)))
        if found:
            expect(found.subject == one.subject, "it has the subject that it has by webhook", (found, one))
            same = shop.adapter.read_delivery(found) == shop.adapter.read_delivery(one)
            expect(same, "it tells what it tells by webhook", one)


@SECOND.rule()
async def what_was_before_is_not_listed(shop: Shop) -> None:
    """The list is asked for what came since."""
    if isinstance(shop.adapter, ListsEvents):
        shop.refuses_webhooks = True
        await shop.opened(Operation.PURCHASE)
        seen = await _listed(shop.adapter, datetime.now(UTC) + AN_HOUR)
        expect(not seen, "what came before is left out", seen)


@SECOND.rule(fault=(*BEFORE, *AFTER, "rate_limited"))
async def a_list_that_fails_is_no_empty_list(shop: Shop, fault: str) -> None:
    """The gap would be taken for filled."""
    if isinstance(shop.adapter, ListsEvents):
        await shop.fails(fault, None)
        seen = await ended(_listed(shop.adapter, datetime.now(UTC) - AN_HOUR))
        expect(isinstance(seen, AdapterError), f"a list that meets {fault} is an error", seen)


def _same(told: Report, other: Report) -> bool:
    """Whether two reports are of the same thing; an answer may know our tag where a message did not."""
    alike = (told.kind, told.outcome, told.processor_reference, told.parent_reference, told.money, told.livemode) == (
        other.kind, other.outcome, other.processor_reference, other.parent_reference, other.money, other.livemode,
    )  # fmt: skip
    return alike and (told.tag is None or told.tag == other.tag)


def _names(adapter: Refetches, deliveries: list[Delivery]) -> list[str]:
    """Name what can be asked about, each once."""
    named = [adapter.fetched_as(one) for one in deliveries]
    names = list(dict.fromkeys(name for name in named if name is not None))
    expect(names, "an adapter that can ask names something for a payment's messages")
    return names


async def _asked(shop: Shop, adapter: Refetches) -> list[Told]:
    """Ask about everything that the messages so far speak of, each once."""
    return [told for name in _names(adapter, await shop.deliveries()) for told in await _fetched(adapter, name)]


async def _fetched(adapter: Refetches, name: str) -> list[Told]:
    seen = await ended(adapter.fetch(name))
    if not isinstance(seen, list | tuple):
        raise NonconformingError(f"a question that meets no fault is answered; saw {seen!r}")
    return list(seen)


async def _listed(adapter: ListsEvents, since: datetime) -> list[Delivery]:
    return [one async for page in adapter.undelivered(since) for one in page]
