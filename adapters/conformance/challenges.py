"""When the payer's bank wants to see the payer."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from adapters.conformance.bench import ended
from adapters.conformance.faults import AFTER, BEFORE
from adapters.conformance.shop import SECOND, Shop
from adapters.conformance.verdict import NonconformingError, expect
from adapters.contract import Authorize, Complete
from adapters.errors import NotSentError, OutcomeUnknownError
from normalization.declines import MEANING, Category
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Pending, Report


def _challenges(harness: Any) -> bool:  # noqa: ANN401 - the second half's harness
    return harness.challenged is not None


async def _begun(shop: Shop, operation: Operation = Operation.PURCHASE) -> tuple[Authorize, ActionRequired]:
    request = shop.opening(operation, shop.harness.challenged)
    report = await shop.reported(request)
    if not isinstance(report.outcome, ActionRequired):
        raise NonconformingError(f"the harness's challenged card is challenged; saw {report.outcome!r}")
    expect(report.outcome.url.startswith("http"), "a challenge has an address to go to", report.outcome)
    expect(report.outcome.method in {"GET", "POST"}, "a challenge says how to go there", report.outcome)
    expect((await shop.moved()).charges == 0, "nothing is charged before the challenge")
    return request, report.outcome


async def _completed(shop: Shop, request: Authorize, action: ActionRequired, returned: Mapping[str, str]) -> object:
    complete = Complete(request=request, continuation=action.continuation, returned=returned)
    return await ended(shop.adapter.complete(complete))


@SECOND.rule(when=_challenges, operation=(Operation.PURCHASE, Operation.AUTHORIZE))
async def a_challenge_that_is_passed_is_charged_once(shop: Shop, operation: Operation) -> None:
    """Also when the hub asks twice how it ended."""
    request, action = await _begun(shop, operation)
    returned = await shop.harness.browse(shop.http, action, passes=True)
    for _ in range(2):
        report = await _completed(shop, request, action, returned)
        if not isinstance(report, Report):
            raise NonconformingError(f"a challenge that was passed is reported on; saw {report!r}")
        expect(await shop.final(request, report) == Approved(), "it is approved", report)
        expect(report.tag == request.operation_id and report.kind is operation, "for the operation that began it")
        expect(report.money in {None, request.money}, "with the amount that was asked for", report)
    expect(await shop.amount_moved(request) == shop.unit(request.money), "the book has what was asked for")
    expect((await shop.moved()).charges == 1, "the payer is charged once")


@SECOND.rule(when=_challenges)
async def a_challenge_that_is_failed_charges_nothing(shop: Shop) -> None:
    """The payer was not who the bank wanted to see."""
    request, action = await _begun(shop)
    returned = await shop.harness.browse(shop.http, action, passes=False)
    report = await _completed(shop, request, action, returned)
    outcome = report.outcome if isinstance(report, Report) else report
    authentication = isinstance(outcome, Declined) and MEANING[outcome.decline.code].category
    expect(authentication is Category.AUTHENTICATION, "it is declined for want of authentication", outcome)
    expect((await shop.moved()).charges == 0, "nothing is charged")


@SECOND.rule(when=_challenges)
async def a_payer_who_brings_nothing_back_proves_nothing(shop: Shop) -> None:
    """The challenge still waits: neither a yes nor a no."""
    request, action = await _begun(shop)
    seen = await _completed(shop, request, action, {})
    waits = isinstance(seen, Report) and isinstance(seen.outcome, ActionRequired | Pending)
    expect(waits or isinstance(seen, OutcomeUnknownError), "it still waits or is unknown", seen)
    expect((await shop.moved()).charges == 0, "nothing is charged")


@SECOND.rule(when=_challenges, absence=("payer", "return_url"))
async def where_no_challenge_may_be_asked_the_banks_wish_is_a_decline(shop: Shop, absence: str) -> None:
    """With nobody there to send, or nowhere to come back to."""
    asked = shop.opening(Operation.PURCHASE, shop.harness.challenged)
    request = replace(asked, payer_present=False) if absence == "payer" else replace(asked, return_url=None)
    report = await shop.reported(request)
    expect(not isinstance(report.outcome, ActionRequired), "no challenge is asked for", report)
    if isinstance(report.outcome, Declined):
        category = MEANING[report.outcome.decline.code].category
        expect(category is Category.AUTHENTICATION, "the decline says that the payer must confirm", report.outcome)
        expect((await shop.moved()).charges == 0, "nothing is charged")


@SECOND.rule(when=_challenges, fault=(*BEFORE, *AFTER))
async def a_completion_whose_answer_is_lost_is_unknown(shop: Shop, fault: str) -> None:
    """Asked again it ends as the payer left it, charged once."""
    request, action = await _begun(shop)
    returned = await shop.harness.browse(shop.http, action, passes=True)
    await shop.fails(fault)
    seen = await _completed(shop, request, action, returned)
    done = isinstance(seen, Report) and isinstance(seen.outcome, Approved | Pending)
    expect(done or isinstance(seen, OutcomeUnknownError), f"a completion that meets {fault} is unknown", seen)
    expect(not isinstance(seen, NotSentError), "it was sent", seen)
    again = await _completed(shop, request, action, returned)
    if isinstance(again, Report):
        expect(await shop.final(request, again) == Approved(), "asked again it is approved", again)
    expect((await shop.moved()).charges <= 1, "the payer is charged once at the most")
