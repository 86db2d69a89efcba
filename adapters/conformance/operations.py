"""Every operation, held against the book of the server: what is reported is what moved."""

from typing import Any, Final

from msgspec.structs import replace

from adapters.conformance import asking
from adapters.conformance.bench import ended
from adapters.conformance.shop import SECOND, Request, Shop
from adapters.conformance.verdict import expect
from adapters.contract import Inquiry
from normalization.money import Money
from normalization.outcome import OPENING, Approved, Declined, Operation, Pending, Report

LATER_S: Final = 35 * 86_400
"""Longer than any processor in question takes to finish what it has accepted."""
REST_MINOR: Final = asking.PAID_MINOR - asking.CAPTURED_MINOR


@SECOND.rule(operation=tuple(Operation))
async def is_done_once_and_told_alike_by_answer_webhook_and_inquiry(shop: Shop, operation: Operation) -> None:
    """One operation, three ways of hearing of it, one truth."""
    request = await shop.ready(operation)
    report = await shop.reported(request)
    _fits(report, request)
    expect(report.tag == request.operation_id, "an answer carries the tag", report)
    expect(await shop.final(request, report) == Approved(), f"the {operation} is approved", report)
    expect(await shop.amount_moved(request) == shop.unit(request.money), "the book has what was asked for")
    for one in await shop.told(request):
        _fits(one, request)
        if not isinstance(one.outcome, Pending):
            expect(one.outcome == Approved(), "the webhook says the same", one)
        expect(one.processor_reference == report.processor_reference, "the webhook names the same object", one)
    found = await shop.resolved(request)
    expect(found, "an inquiry finds it")
    if found:
        _fits(found, request)
        expect(found.outcome == report.outcome or found.outcome == Approved(), "the inquiry says the same", found)
        expect(found.processor_reference == report.processor_reference, "the inquiry names the same object", found)
    expect(await shop.amount_moved(request) == shop.unit(request.money), "telling of it moved nothing more")
    expect((await shop.moved()).charges == 1, "the payer is charged once")


def _fits(report: Report, request: Request) -> None:
    """Insist on what every report of *request* has in common."""
    same_kind = report.kind is request.operation or {report.kind, request.operation} <= OPENING
    expect(same_kind, f"a report on the {request.operation} is of that kind", report)
    expect(report.tag in {None, request.operation_id}, "a report carries our tag or none", report)
    expect(not report.livemode, "a report of a test account is in test mode", report)
    expect(report.money in {None, request.money}, "a report gives the amount that was asked for", report)
    if request.operation in OPENING:
        expect(report.processor_reference, "a report on a payment names it", report)
    else:
        parent = getattr(request, "parent_reference", None)
        expect(report.parent_reference == parent, "a report on a follow-up names its payment", report)


@SECOND.rule()
async def an_authorization_takes_nothing(shop: Shop) -> None:
    """The money is held, no more."""
    await shop.opened(Operation.AUTHORIZE)
    moved = await shop.moved()
    expect((moved.captured, moved.charges) == (0, 1), "nothing is captured", moved)


@SECOND.rule()
async def one_time_data_is_charged(shop: Shop) -> None:
    """What the processor's client-side library made stands for a saved card."""
    request = shop.opening(Operation.PURCHASE, data=shop.harness.one_time)
    report = await shop.reported(replace(request, token=None))
    expect(await shop.final(request, report) == Approved(), "one-time data is charged", report)
    found = await ended(shop.adapter.inquire(replace(request, token=None)))
    expect(found is not None, "when one-time data is gone, a payment that was made is found or unknown, never None")
    expect((await shop.moved()).charges == 1, "the payer is charged once")


@SECOND.rule()
async def a_final_capture_of_a_part_leaves_nothing_to_capture(shop: Shop) -> None:
    """The rest of the authorization is given back."""
    parent = await shop.opened(Operation.AUTHORIZE)
    await _approved(shop, shop.follow_up(Operation.CAPTURE, parent, asking.CAPTURED_MINOR))
    again = shop.follow_up(Operation.CAPTURE, parent, REST_MINOR, operation_id="cap_conformance00000002")
    await _refused(shop, again)
    expect((await shop.moved()).captured == shop.minor(asking.CAPTURED_MINOR), "only the part is captured")


def _captures_once(harness: Any) -> bool:  # noqa: ANN401 - either half's harness
    return not harness.registration.capabilities(harness.credentials("http://127.0.0.1")).multiple_captures


@SECOND.rule(when=_captures_once)
async def the_rest_is_not_given_back_against_the_callers_wish(shop: Shop) -> None:
    """A capture that is not final is refused where the account knows only one: the rest would be lost."""
    parent = await shop.opened(Operation.AUTHORIZE)
    request = shop.follow_up(Operation.CAPTURE, parent, asking.CAPTURED_MINOR, final=False)
    report = await shop.reported(request)
    expect(isinstance(report.outcome, Declined), "it is declined", report)
    expect((await shop.moved()).captured == 0, "nothing is captured")
    await _approved(shop, shop.follow_up(Operation.CAPTURE, parent, asking.PAID_MINOR))
    expect((await shop.moved()).captured == shop.minor(asking.PAID_MINOR), "all of it can still be captured")


def _captures_often(harness: Any) -> bool:  # noqa: ANN401 - either half's harness
    capable = harness.registration.capabilities(harness.credentials("http://127.0.0.1", multiple_captures=True))
    return bool(capable.multiple_captures)


@SECOND.rule(when=_captures_often)
async def captures_that_are_not_final_leave_the_rest(shop: Shop) -> None:
    """Two parts, each report giving its own.

    Whether the second, which is final, releases the rest is the processor's to say: some keep it until it expires.
    """
    await shop.control("PUT", f"/accounts/{shop.server.account}", {"multiple_captures": True})
    shop.adapter = shop.connect(shop.harness.credentials(shop.server.base_url, multiple_captures=True))
    parent = await shop.opened(Operation.AUTHORIZE)
    parts = {"cap_conformance00000001": asking.CAPTURED_MINOR, "cap_conformance00000002": asking.REFUNDED_MINOR}
    for id, minor in parts.items():
        final = id.endswith("2")
        await _approved(shop, shop.follow_up(Operation.CAPTURE, parent, minor, operation_id=id, final=final))
    for id, minor in parts.items():
        found = await shop.resolved(
            shop.follow_up(Operation.CAPTURE, parent, minor, operation_id=id, final=id[-1] == "2")
        )
        expect(found and found.money in {None, Money(minor, shop.currency)}, "an inquiry gives each its part", found)
    expect((await shop.moved()).captured == shop.minor(sum(parts.values())), "both parts are captured")


@SECOND.rule()
async def a_voided_authorization_cannot_be_captured(shop: Shop) -> None:
    """Nothing is held any more."""
    parent = await shop.opened(Operation.AUTHORIZE)
    await _approved(shop, shop.follow_up(Operation.VOID, parent, asking.PAID_MINOR))
    await _refused(shop, shop.follow_up(Operation.CAPTURE, parent, asking.PAID_MINOR))
    expect((await shop.moved()).captured == 0, "nothing is captured")


@SECOND.rule()
async def refunds_in_parts_end_at_what_was_taken(shop: Shop) -> None:
    """Each part is a refund of its own; more than is left is refused."""
    parent = await shop.opened(Operation.PURCHASE)
    for number, minor in enumerate((asking.REFUNDED_MINOR, asking.CAPTURED_MINOR)):
        part = shop.follow_up(Operation.REFUND, parent, minor, operation_id=f"ref_conformance0000001{number}")
        await _approved(shop, part)
    refunded = asking.REFUNDED_MINOR + asking.CAPTURED_MINOR
    more = shop.follow_up(Operation.REFUND, parent, asking.PAID_MINOR, operation_id="ref_conformance00000002")
    await _refused(shop, more)
    moved = await shop.moved()
    expect(moved.refunded == shop.minor(refunded), "the book has the two parts", moved)


@SECOND.rule(when=lambda harness: harness.refunded_later is not None)
async def a_refund_that_is_only_accepted_is_pending(shop: Shop) -> None:
    """Told as done it could not fail any more; it can."""
    request = await shop.ready(Operation.REFUND, shop.harness.refunded_later)
    report = await shop.reported(request)
    expect(report.outcome == Pending(), "a refund that is accepted and not yet done is pending", report)
    await shop.control("POST", "/clock", {"advance_s": LATER_S})
    expect(await shop.final(request, report) == Approved(), "a webhook says when it is done")


@SECOND.rule()
async def different_operations_are_different_charges(shop: Shop) -> None:
    """The idempotency key is the operation's id, not the payment's or the card's."""
    for id in (asking.ATTEMPT, asking.ANOTHER):
        await shop.reported(shop.opening(Operation.PURCHASE, operation_id=id))
        expect(
            (await shop.moved(id)).captured == shop.minor(asking.PAID_MINOR), "each is charged under its own tag", id
        )


@SECOND.rule(operation=tuple(Operation))
async def an_inquiry_about_what_never_arrived_says_so(shop: Shop, operation: Operation) -> None:
    """A look-up finds nothing and changes nothing; a replay is the first sending, and so is done once."""
    request = await shop.ready(operation)
    found = await shop.resolved(request)
    moved = await shop.amount_moved(request)
    if shop.capabilities.inquiry is Inquiry.LOOKUP:
        expect((found, moved) == (None, 0), "it is not found, and nothing moved", found)
    else:
        expect(found and await shop.final(request, found) == Approved(), "it is carried out", found)
        expect(moved == shop.unit(request.money), "it moved once")


async def _approved(shop: Shop, request: Request) -> None:
    outcome = await shop.final(request, await shop.reported(request))
    expect(outcome == Approved(), f"the {request.operation} of {request.money.minor} is approved", outcome)


async def _refused(shop: Shop, request: Request) -> None:
    outcome = await shop.final(request, await shop.reported(request))
    expect(isinstance(outcome, Declined), f"the {request.operation} of more than is left is declined", outcome)
