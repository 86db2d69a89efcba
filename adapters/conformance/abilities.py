"""What an adapter can do besides: tokens, verifications, cancelling by our reference."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from msgspec.structs import replace

from adapters.abilities import (
    CancelsByReference,
    DescribesTokens,
    DetachesTokens,
    OpensTokenSessions,
    OpenTokenSession,
    VerifiesTokens,
    Verify,
)
from adapters.conformance import asking
from adapters.conformance.bench import FIRST, Bench, ended
from adapters.conformance.consequences import MEANINGLESS, SECRETIVE
from adapters.conformance.overheard import leaves, overhearing, secrets_of
from adapters.conformance.shop import SECOND, Shop
from adapters.conformance.stub import echoes
from adapters.conformance.verdict import NonconformingError, expect
from adapters.contract import Adapter, TokenNews
from adapters.errors import AdapterError
from normalization.disputes import DisputeReport
from normalization.money import Currency
from normalization.outcome import Approved, Declined, Operation, Report, Verification
from normalization.tokens import ProcessorToken

VERIFICATION: Final = "ver_conformance00000001"
SESSION: Final = "ps_conformance00000001"
CUSTOMER: Final = "cus_conformance00000001"


def _verify(token: ProcessorToken | None, currency: Currency, data: Mapping[str, object] | None = None) -> Verify:
    at = datetime.now(UTC)
    return Verify(
        operation_id=VERIFICATION, currency=currency, requested_at=at, token=token, data=data, customer_id=CUSTOMER
    )


def _abilities(
    adapter: Adapter, token: ProcessorToken, currency: Currency
) -> dict[str, Callable[[], Awaitable[object]]]:
    """Give a call of each thing that *adapter* can do besides what every adapter can."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {}
    if isinstance(adapter, VerifiesTokens):
        calls["verify"] = partial(adapter.verify, _verify(token, currency))
    if isinstance(adapter, DetachesTokens):
        calls["detach"] = partial(adapter.detach, token)
    if isinstance(adapter, OpensTokenSessions):
        calls["open_token_session"] = partial(adapter.open_token_session, OpenTokenSession(session_id=SESSION))
    if isinstance(adapter, DescribesTokens):
        calls["describe"] = partial(adapter.describe, token)
    if isinstance(adapter, CancelsByReference):
        request = asking.opening(Operation.PURCHASE, token, currency)
        calls["cancel_by_reference"] = partial(adapter.cancel_by_reference, request)
    return calls


@FIRST.rule(answer=tuple(MEANINGLESS))
async def what_cannot_be_understood_is_not_taken_for_done(bench: Bench, answer: str) -> None:
    """Each ends in an error of `adapters.errors`, save where an empty yes, or a "not there", is all there is to say."""
    bench.stub.behaviour = MEANINGLESS[answer]
    for name, call in _abilities(bench.adapter, bench.harness.token, bench.currency).items():
        bench.stub.heard.clear()
        seen = await ended(call())
        if not bench.stub.heard:
            continue  # What needs no request cannot be answered wrongly.
        if name == "describe" or (name in {"detach", "cancel_by_reference"} and answer.startswith(("2", "404"))):
            continue
        expect(isinstance(seen, AdapterError), f"{name} answered by {answer} is not taken for done", seen)


@FIRST.rule(status=SECRETIVE)
async def an_error_of_theirs_repeats_nothing_secret(bench: Bench, status: int) -> None:
    """As with payments: an error page may quote the request."""
    bench.stub.behaviour = echoes(status)
    with overhearing() as heard:
        for call in _abilities(bench.adapter, bench.harness.token, bench.currency).values():
            heard.take(await ended(call()))
    heard.lacks([*secrets_of(bench.credentials), *leaves(bench.harness.token.token)])


@SECOND.rule()
async def a_token_is_described_without_its_number(shop: Shop) -> None:
    """Facts of the card are for people and rules; None is "not told"."""
    if isinstance(shop.adapter, DescribesTokens):
        facts = await shop.adapter.describe(shop.harness.token)
        last4 = facts.last4 if facts else None
        expect(last4 is None or (len(last4), last4.isdecimal()) == (4, True), "last4 are four digits", facts)


@SECOND.rule()
async def a_verification_charges_nothing_and_its_card_can_be_charged(shop: Shop) -> None:
    """Nor does any webhook about it speak of money; the same verification again is the same."""
    if not isinstance(shop.adapter, VerifiesTokens):
        return
    request = _verify(None, shop.currency, shop.harness.one_time)
    seen = [await _verified(shop, request) for _ in range(2)]
    for one in seen:
        expect(one.outcome == Approved() and one.tag == VERIFICATION, "the card is good", one)
        expect(not one.livemode, "a verification at a test account is in test mode", one)
    expect((await shop.moved(VERIFICATION)).charges == 0, "a verification charges nothing")
    for webhook in await shop.webhooks():
        for delivery in shop.adapter.open_webhook(webhook):
            told = [one for one in shop.adapter.read_delivery(delivery) if isinstance(one, Report | DisputeReport)]
            expect(not told, "no webhook about a verification speaks of money", delivery.key)
    stored = seen[0].stored or await _told(shop, VERIFICATION)
    await _charged(shop, stored, asking.ATTEMPT)


@SECOND.rule()
async def a_verification_of_a_bad_card_is_declined(shop: Shop) -> None:
    """Before it is charged for the first time."""
    if isinstance(shop.adapter, VerifiesTokens):
        token = next(iter(shop.harness.declines.values()))
        seen = await _verified(shop, _verify(token, shop.currency))
        expect(isinstance(seen.outcome, Declined), "a card that is refused is no good", seen)
        expect((await shop.moved(VERIFICATION)).charges == 0, "a verification charges nothing")


@SECOND.rule()
async def a_card_stored_with_a_charge_is_charged_until_it_is_detached(shop: Shop) -> None:
    """The token comes with the answer or by webhook; once detached it is gone, however often that is asked."""
    if not isinstance(shop.adapter, DetachesTokens):
        return
    request = replace(
        shop.opening(Operation.PURCHASE, data=shop.harness.one_time), token=None, save=True, customer_id=CUSTOMER
    )
    report = await shop.reported(request)
    expect(await shop.final(request, report) == Approved(), "a charge that stores the card is approved", report)
    stored = report.stored or await _told(shop, request.operation_id)
    await _charged(shop, stored, asking.ANOTHER)
    for _ in range(2):
        seen = await ended(shop.adapter.detach(stored))
        expect(seen is None, "a stored card is let go, also when it is gone", seen)
    again = await shop.reported(shop.opening(Operation.PURCHASE, stored, operation_id="att_conformance00000003"))
    expect(isinstance(again.outcome, Declined), "a card that was let go is not charged", again)


async def _charged(shop: Shop, token: ProcessorToken, operation_id: str) -> None:
    request = shop.opening(Operation.PURCHASE, token, operation_id=operation_id)
    report: Report = await shop.reported(request)
    expect(await shop.final(request, report) == Approved(), "the stored card is charged", report)
    expect((await shop.moved(operation_id)).charges == 1, "once")


async def _verified(shop: Shop, request: Verify) -> Verification:
    seen = await ended(shop.adapter.verify(request)) if isinstance(shop.adapter, VerifiesTokens) else None
    if not isinstance(seen, Verification):
        raise NonconformingError(f"a verification that meets no fault is answered; saw {seen!r}")
    return seen


async def _told(shop: Shop, tag: str) -> ProcessorToken:
    """Find the token that a webhook tells of."""
    for webhook in await shop.webhooks():
        for delivery in shop.adapter.open_webhook(webhook):
            for news in shop.adapter.read_delivery(delivery):
                if isinstance(news, TokenNews) and news.tag == tag:
                    return news.token
    raise NonconformingError(f"the token that {tag} stored is told by the answer or a webhook")
