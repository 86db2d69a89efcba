"""Disputes: what the bank takes and gives back is told once and to the cent, and an answer is given once."""

from collections.abc import Awaitable, Callable
from typing import Final

from adapters.abilities import AcceptDispute, DefendsDisputes, EvidenceFile, SubmitEvidence
from adapters.conformance import asking
from adapters.conformance.bench import FIRST, Bench, ended
from adapters.conformance.consequences import MEANINGLESS, SECRETIVE
from adapters.conformance.harness import DefendingHarness
from adapters.conformance.overheard import leaves, overhearing, secrets_of
from adapters.conformance.shop import SECOND, Shop
from adapters.conformance.stub import answers, echoes
from adapters.conformance.verdict import NonconformingError, expect
from adapters.errors import AdapterError, ConfigurationError
from normalization.disputes import AnswerRefused, DisputeReport, DisputeStatus, Stage
from normalization.money import Currency, Money
from normalization.outcome import Operation

ACCEPTANCE: Final = "dpa_conformance00000001"
EVIDENCE: Final = "dpe_conformance00000001"
SHOWN: Final = b"%PDF-1.7 conformance-evidence-of-a-payer"
OPEN: Final = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})


def _answers_to(bench: Bench) -> dict[str, Callable[[], Awaitable[object]]]:
    """Give a call of each answer to a dispute; none where the adapter gives none."""
    adapter, told = bench.adapter, _made_up(bench.currency)
    if not isinstance(adapter, DefendsDisputes):
        return {}
    file = EvidenceFile(name="receipt.pdf", content_type="application/pdf", content=SHOWN, purpose="receipt")
    accept = AcceptDispute(operation_id=ACCEPTANCE, told=told)
    evidence = SubmitEvidence(operation_id=EVIDENCE, told=told, defense="made_up", files=(file,))
    return {
        "accept_dispute": lambda: adapter.accept_dispute(accept),
        "submit_evidence": lambda: adapter.submit_evidence(evidence),
    }


def _made_up(currency: Currency) -> DisputeReport:
    return DisputeReport(
        processor_reference="made_up_dispute",
        parent_reference="made_up_payment",
        tag=asking.ATTEMPT,
        livemode=False,
        stage=Stage.CHARGEBACK,
        status=DisputeStatus.NEEDS_RESPONSE,
        money=Money(asking.PAID_MINOR, currency),
    )


@FIRST.rule(answer=tuple(MEANINGLESS))
async def what_cannot_be_understood_is_no_end_of_a_dispute(bench: Bench, answer: str) -> None:
    """An answer that was lost is asked for again; called done, the bank would wait for it in vain."""
    bench.stub.behaviour = MEANINGLESS[answer]
    for name, call in _answers_to(bench).items():
        bench.stub.heard.clear()
        seen = await ended(call())
        if bench.stub.heard:  # What is refused without a request was not answered.
            expect(isinstance(seen, AdapterError), f"{name} answered by {answer} is not taken for done", seen)


@FIRST.rule(status=(401, 403))
async def a_refused_key_answers_no_dispute(bench: Bench, status: int) -> None:
    """It is our configuration, and no word of the bank's."""
    bench.stub.behaviour = answers(status, b"{}")
    for name, call in _answers_to(bench).items():
        bench.stub.heard.clear()
        seen = await ended(call())
        if bench.stub.heard:
            expect(isinstance(seen, ConfigurationError), f"{name} answered by {status} is ConfigurationError", seen)


@FIRST.rule(status=SECRETIVE)
async def an_error_of_theirs_repeats_no_evidence(bench: Bench, status: int) -> None:
    """Evidence is about a person; an error page may quote it, and the keys."""
    bench.stub.behaviour = echoes(status)
    with overhearing() as heard:
        for call in _answers_to(bench).values():
            heard.take(await ended(call()))
    heard.lacks([*secrets_of(bench.credentials), *leaves(SHOWN.decode())])


@SECOND.rule(part=("all", "some"))
async def what_a_bank_takes_is_told_once_and_to_the_cent(shop: Shop, part: str) -> None:
    """However often a webhook comes: equal keys are one movement."""
    if not isinstance(shop.adapter, DefendsDisputes):
        return
    minor = asking.PAID_MINOR if part == "all" else asking.REFUNDED_MINOR
    await shop.control("POST", "/webhooks", {"mode": "duplicate"})
    parent = await shop.opened(Operation.PURCHASE)
    await _ordered(shop, "dispute", parent, **({} if part == "all" else {"amount": shop.minor(minor)}))
    told = await _told(shop)
    expect(told[0].money == Money(minor, shop.currency), "a dispute tells what is disputed", told[0])
    expect(await _balance(shop, told) == shop.minor(minor), "what was taken is told", told)
    for one in told:
        expect(one.parent_reference == parent, "a dispute names the payment", one)
        expect(not one.livemode, "a dispute at a test account is in test mode", one)
        expect(one.status in OPEN and one.stage is not Stage.ARBITRATION, "a dispute that began is open", one)


@SECOND.rule()
async def what_a_bank_gives_back_is_told_too(shop: Shop) -> None:
    """Whatever the adapter calls it, the money is there."""
    if not isinstance(shop.adapter, DefendsDisputes):
        return
    parent = await shop.opened(Operation.PURCHASE)
    dispute = await _disputed(shop, parent)
    await _ordered(shop, "dispute_win", dispute.processor_reference)
    told = await _told(shop)
    expect(await _balance(shop, told) == 0, "what came back is told", told)
    expect(all(one.status is not DisputeStatus.LOST for one in told), "a dispute that was won is not lost", told)


@SECOND.rule()
async def a_dispute_is_accepted_once_however_often_that_is_asked(shop: Shop) -> None:
    """The second asking answers as the first or, at a processor that knows no keys, is refused; it costs nothing."""
    if not isinstance(shop.adapter, DefendsDisputes):
        return
    dispute = await _disputed(shop, await shop.opened(Operation.PURCHASE))
    request = AcceptDispute(operation_id=ACCEPTANCE, told=dispute)
    first, second = [await ended(shop.adapter.accept_dispute(request)) for _ in range(2)]
    for seen in (first,) if isinstance(second, AnswerRefused) else (first, second):
        expect(_stands(seen, dispute) is DisputeStatus.LOST, "a dispute that is accepted is lost", seen)
        expect(isinstance(seen, DisputeReport) and seen.accepted, "it is lost because it was accepted", seen)
    told = await _told(shop)
    expect(await _balance(shop, told) == shop.minor(asking.PAID_MINOR), "it costs what the bank took, once", told)


@SECOND.rule(when=lambda harness: isinstance(harness, DefendingHarness))
async def a_dispute_is_defended_once_however_often_that_is_asked(shop: Shop) -> None:
    """The bank's word comes later, and nothing is lost meanwhile; for the second asking see accepting."""
    if not (isinstance(shop.adapter, DefendsDisputes) and isinstance(shop.harness, DefendingHarness)):
        return
    dispute = await _disputed(shop, await shop.opened(Operation.PURCHASE))
    request = shop.harness.evidence(dispute, EVIDENCE)
    first, second = [await ended(shop.adapter.submit_evidence(request)) for _ in range(2)]
    for seen in (first,) if isinstance(second, AnswerRefused) else (first, second):
        expect(_stands(seen, dispute) is DisputeStatus.UNDER_REVIEW, "a dispute that is defended is under review", seen)
    await _balance(shop, await _told(shop))


async def _ordered(shop: Shop, order: str, reference: str, **facts: object) -> None:
    await shop.control("POST", "/dashboard", {"do": order, "processor_reference": reference, **facts})


async def _disputed(shop: Shop, parent: str) -> DisputeReport:
    """Have the bank take the whole payment and give the first word of it."""
    await _ordered(shop, "dispute", parent)
    return (await _told(shop))[0]


async def _told(shop: Shop) -> list[DisputeReport]:
    """Give what webhooks said of disputes so far, oldest first."""
    deliveries = [one for webhook in await shop.webhooks() for one in shop.adapter.open_webhook(webhook)]
    words = [told for delivery in deliveries for told in shop.adapter.read_delivery(delivery)]
    found = [told for told in words if isinstance(told, DisputeReport)]
    if not found:
        raise NonconformingError("a dispute is told by a webhook")
    return found


async def _balance(shop: Shop, told: list[DisputeReport]) -> int:
    """Sum up the movements, each key once, and insist that the book has the same; in the processor's units."""
    movements = {one.key: one for report in told for one in report.movements}
    expect(all(one.money.minor > 0 for one in movements.values()), "a movement's money is positive", movements)
    minor = sum(-one.money.minor if one.reinstated else one.money.minor for one in movements.values())
    book = await shop.control("GET", f"/money?tag={asking.ATTEMPT}")
    expect(book["disputed"] == shop.minor(minor), f"the book has {book['disputed']} of it", list(movements.values()))
    return shop.minor(minor)


def _stands(seen: object, dispute: DisputeReport) -> DisputeStatus | None:
    """Give what an answer says of *dispute*; None where it says nothing of it."""
    about = isinstance(seen, DisputeReport) and seen.processor_reference == dispute.processor_reference
    return seen.status if about and isinstance(seen, DisputeReport) else None
