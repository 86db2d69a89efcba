"""Accepting and defending a dispute: what Adyen is asked, and what its answers mean."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.abilities import AcceptDispute, DefendsDisputes, EvidenceFile, SubmitEvidence
from adapters.adyen.adapter import AdyenAdapter
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from normalization.disputes import AnswerRefused, DisputeReport, DisputeStatus, FundsMovement, RefusalCode, Stage
from tests.adapters.adyen.asked import TEN_EUROS
from tests.adapters.adyen.scripted import HANG_UP, Answer, ScriptedAdyen, refused

TOLD = DisputeReport(
    processor_reference="DISPUTE1",
    parent_reference="PSP1",
    tag="att_1",
    livemode=False,
    stage=Stage.CHARGEBACK,
    status=DisputeStatus.NEEDS_RESPONSE,
    money=TEN_EUROS,
    movements=(FundsMovement(key="DISPUTE1:CHARGEBACK", money=TEN_EUROS),),
)
ACCEPT = AcceptDispute(operation_id="dpo_1", told=TOLD)
PDF = EvidenceFile(name="invoice.pdf", content_type="application/pdf", content=b"%PDF-1.7\xff", purpose="Invoice")
PATH = "/ca/services/DisputeService/v30"
DONE = Answer({"disputeServiceResult": {"success": True}})
ABOUT = {"merchantAccountCode": "Shop", "disputePspReference": "DISPUTE1"}


def refuses(words: str | None) -> Answer:
    told = {} if words is None else {"errorMessage": words}
    return Answer({"disputeServiceResult": {"success": False, **told}})


def reason(code: str = "GoodsDelivered", **types: str) -> dict[str, Any]:
    """A ground and its documents by level; a type that was handed in before is written "Level!"."""
    listed = [
        {
            "defenseDocumentTypeCode": name,
            "requirementLevel": level.removesuffix("!"),
            "available": level.endswith("!"),
        }
        for name, level in types.items()
    ]
    return {"defenseReasonCode": code, "satisfied": False, "defenseDocumentTypes": listed}


def offers(*reasons: dict[str, Any]) -> Answer:
    return Answer({"defenseReasons": list(reasons), "disputeServiceResult": {"success": True}})


def evidence(*files: EvidenceFile, **facts: Any) -> SubmitEvidence:
    return replace(SubmitEvidence(operation_id="dpo_2", told=TOLD, files=files), **facts)


def what_to_do(seen: object, code: RefusalCode, processor_code: str | None = None) -> str:
    assert isinstance(seen, AnswerRefused)
    assert (seen.code, seen.processor_code) == (code, processor_code)
    return seen.message


def paths(adyen: ScriptedAdyen) -> list[str]:
    return [one.path.removeprefix(f"{PATH}/") for one in adyen.sent]


def test_the_adapter_can_answer_disputes(adapter: AdyenAdapter) -> None:
    assert isinstance(adapter, DefendsDisputes)


async def test_a_dispute_is_accepted_by_its_own_reference(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(DONE)
    seen = await adapter.accept_dispute(ACCEPT)
    assert isinstance(seen, DisputeReport)
    assert (seen.status, seen.accepted, seen.movements) == (DisputeStatus.LOST, True, ())
    assert (seen.processor_reference, seen.stage, seen.money) == ("DISPUTE1", Stage.CHARGEBACK, TEN_EUROS)
    (sent,) = adyen.sent
    assert (sent.path, sent.body) == (f"{PATH}/acceptDispute", ABOUT)
    assert sent.headers["x-api-key"] == "key"
    assert "idempotency-key" not in sent.headers


async def test_a_defense_is_asked_for_supplied_and_sent_on(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(offers(reason(Invoice="Required", Photo="Optional")), DONE, DONE)
    seen = await adapter.submit_evidence(evidence(PDF))
    assert isinstance(seen, DisputeReport)
    assert (seen.status, seen.accepted, seen.movements) == (DisputeStatus.UNDER_REVIEW, False, ())
    assert paths(adyen) == ["retrieveApplicableDefenseReasons", "supplyDefenseDocument", "defendDispute"]
    asked, supplied, defended = (one.body for one in adyen.sent)
    document = {
        "content": base64.b64encode(PDF.content).decode(),
        "contentType": "application/pdf",
        "defenseDocumentTypeCode": "Invoice",
    }
    assert asked == ABOUT
    assert supplied == {**ABOUT, "defenseDocuments": [document]}
    assert defended == {**ABOUT, "defenseReasonCode": "GoodsDelivered"}


async def test_a_ground_that_is_named_is_taken_among_several(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(offers(reason("A", Invoice="Required"), reason("B", Photo="Optional")), DONE)
    assert isinstance(await adapter.submit_evidence(evidence(defense="B")), DisputeReport)
    assert paths(adyen)[1:] == ["defendDispute"], "nothing is supplied where there is nothing"
    assert adyen.sent[-1].body["defenseReasonCode"] == "B"


@pytest.mark.parametrize("named", [None, "C"])
async def test_grounds_that_apply_are_listed_where_none_is_known(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, named: str | None
) -> None:
    adyen.will_answer(offers(reason("A", Invoice="Required"), reason("B", Photo="Optional")))
    told = what_to_do(await adapter.submit_evidence(evidence(PDF, defense=named)), RefusalCode.DEFENSE_UNFIT)
    assert told.startswith("defense: ")
    assert told.endswith("name one of A with Invoice (required); B with Photo (optional)")
    assert len(adyen.sent) == 1


async def test_a_dispute_without_a_ground_can_only_be_accepted(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    adyen.will_answer(Answer({"disputeServiceResult": {"success": True}}))
    seen = await adapter.submit_evidence(evidence(PDF))
    assert "only be accepted" in what_to_do(seen, RefusalCode.NOT_ANSWERABLE)


@pytest.mark.parametrize(
    ("types", "purposes", "word"),
    [
        ({"Invoice": "Required"}, [], "missing"),
        ({"Invoice": "Required", "Photo": "Required"}, ["Invoice"], "missing"),
        ({"Invoice": "OneOrMore", "Photo": "OneOrMore", "Note": "Optional"}, ["Note"], "missing"),
        ({"Any": "AlternativeRequired"}, [], "missing"),
        ({"Invoice": "Required"}, ["Photo"], "purpose"),
        ({"Invoice": "Required", "Photo": "Optional"}, [None], "purpose"),
        ({"Invoice": "Required"}, ["Invoice", None], "purpose"),
        ({"Invoice": "Required"}, ["Invoice", "Invoice"], "join"),
        ({}, ["Invoice"], "purpose"),
    ],
)
async def test_documents_that_do_not_fit_are_refused_before_any_is_sent(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, types: dict[str, str], purposes: list[str | None], word: str
) -> None:
    adyen.will_answer(offers(reason(**types)))
    files = [replace(PDF, purpose=purpose) for purpose in purposes]
    told = what_to_do(await adapter.submit_evidence(evidence(*files)), RefusalCode.EVIDENCE_UNFIT)
    assert told.startswith("file: ")
    assert word in told
    assert "GoodsDelivered takes" in told
    assert len(adyen.sent) == 1


@pytest.mark.parametrize(
    ("types", "purposes"),
    [
        ({}, []),
        ({"Note": "Optional"}, []),
        ({"Invoice": "Required"}, [None]),
        ({"Invoice": "Required!"}, []),
        ({"Invoice": "Required", "Photo": "Required!"}, ["Invoice"]),
        ({"Invoice": "OneOrMore", "Photo": "OneOrMore"}, ["Photo"]),
        ({"Invoice": "Required", "Any": "AlternativeRequired"}, ["Any"]),
        ({"Invoice": "Required", "Any": "AlternativeRequired"}, ["Invoice"]),
    ],
)
async def test_documents_that_suffice_are_sent_on(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, types: dict[str, str], purposes: list[str | None]
) -> None:
    adyen.will_answer(offers(reason(**types)), DONE, DONE)
    files = [replace(PDF, purpose=purpose) for purpose in purposes]
    assert isinstance(await adapter.submit_evidence(evidence(*files)), DisputeReport)
    assert paths(adyen)[-1] == "defendDispute"


@pytest.mark.parametrize("files", [(), (PDF,)])
async def test_a_text_is_refused_since_adyen_takes_none(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, files: tuple[EvidenceFile, ...]
) -> None:
    seen = await adapter.submit_evidence(evidence(*files, text="They signed for it."))
    told = what_to_do(seen, RefusalCode.EVIDENCE_UNFIT)
    assert told.startswith("text: Adyen takes documents only")
    assert adyen.sent == []


async def test_a_dispute_known_by_its_payment_only_is_answered_at_adyen(
    adyen: ScriptedAdyen, adapter: AdyenAdapter
) -> None:
    unnamed = replace(TOLD, processor_reference="PSP1")
    for seen in (
        await adapter.accept_dispute(replace(ACCEPT, told=unnamed)),
        await adapter.submit_evidence(evidence(PDF, told=unnamed)),
    ):
        assert what_to_do(seen, RefusalCode.NOT_ANSWERABLE).endswith("answer it at Adyen")
    assert adyen.sent == []


Asked = Callable[[AdyenAdapter], Awaitable[DisputeReport | AnswerRefused]]


def accepting(adapter: AdyenAdapter) -> Awaitable[DisputeReport | AnswerRefused]:
    return adapter.accept_dispute(ACCEPT)


def defending(adapter: AdyenAdapter) -> Awaitable[DisputeReport | AnswerRefused]:
    return adapter.submit_evidence(evidence(PDF))


REFUSED = RefusalCode.REFUSED_BY_PROCESSOR
OFFERED = offers(reason(Invoice="Required"))
STEPS: list[tuple[Asked, tuple[Answer, ...]]] = [
    (accepting, ()),
    (defending, ()),
    (defending, (OFFERED,)),
    (defending, (OFFERED, DONE)),
]
"""Each request that is made, with the answers before it."""


@pytest.mark.parametrize(("ask", "before"), STEPS)
async def test_a_refusal_is_told_in_adyen_s_words(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, ask: Asked, before: tuple[Answer, ...]
) -> None:
    adyen.will_answer(*before, refuses("The defense period is over"))
    assert what_to_do(await ask(adapter), REFUSED).startswith("Adyen's words: The defense period is over; look at")
    adyen.will_answer(*before, refuses(None))
    assert what_to_do(await ask(adapter), REFUSED).startswith("Adyen gave no reason; look at")
    adyen.will_answer(*before, refused(422, "927"))
    assert "its error 927; look at" in what_to_do(await ask(adapter), REFUSED, "927")


@pytest.mark.parametrize(("ask", "before"), STEPS)
async def test_what_may_have_been_done_is_unknown(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, ask: Asked, before: tuple[Answer, ...]
) -> None:
    for answer in (HANG_UP, Answer(status=500), Answer({}), Answer({"disputeServiceResult": {"success": "true"}})):
        adyen.will_answer(*before, answer, *[answer] * (answer is HANG_UP))
        with pytest.raises(OutcomeUnknownError):
            await ask(adapter)
        adyen.script.clear()


@pytest.mark.parametrize(("ask", "before"), STEPS)
async def test_a_refused_key_is_our_configuration_and_too_busy_is_not_sent(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, ask: Asked, before: tuple[Answer, ...]
) -> None:
    adyen.will_answer(*before, refused(403, "010"))
    with pytest.raises(ConfigurationError):
        await ask(adapter)
    adyen.will_answer(*before, *[Answer(status=429)] * 3)
    with pytest.raises(NotSentError):
        await ask(adapter)


async def test_accepting_again_is_done(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    for answer in (refuses("Dispute was already accepted"), refused(422, "901", message="already been accepted")):
        adyen.will_answer(answer)
        seen = await adapter.accept_dispute(ACCEPT)
        assert isinstance(seen, DisputeReport)
        assert seen.accepted
    known = replace(ACCEPT, told=replace(TOLD, status=DisputeStatus.LOST, accepted=True))
    before = len(adyen.sent)
    assert isinstance(await adapter.accept_dispute(known), DisputeReport)
    assert len(adyen.sent) == before, "what is known to be accepted is not asked again"


@pytest.mark.parametrize("before", [(), (OFFERED,), (OFFERED, DONE)])
async def test_defending_again_is_done(adyen: ScriptedAdyen, adapter: AdyenAdapter, before: tuple[Answer, ...]) -> None:
    adyen.will_answer(*before, *[refuses("This dispute is already defended")] * 2)
    assert isinstance(await adapter.submit_evidence(evidence(PDF)), DisputeReport)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (accepting, "Dispute already defended, it cannot be accepted"),
        (accepting, "Cannot accept: already closed"),
        (defending, "Dispute already accepted, it cannot be defended"),
    ],
)
async def test_another_answer_given_before_is_a_refusal(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, ask: Asked, words: str
) -> None:
    adyen.will_answer(refuses(words))
    assert what_to_do(await ask(adapter), REFUSED).startswith(f"Adyen's words: {words}; ")
