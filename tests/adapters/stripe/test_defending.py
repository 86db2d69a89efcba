"""Answers to disputes: leaving the money, or evidence in words and files."""

import pytest
from msgspec.structs import replace

from adapters.abilities import AcceptDispute, DefendsDisputes, EvidenceFile, SubmitEvidence
from adapters.errors import AdapterError, ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.defending import FILE_FIELDS
from normalization.disputes import AnswerRefused, DisputeReport, DisputeStatus, RefusalCode, Stage
from tests.adapters.stripe.asking import EUR_4999
from tests.adapters.stripe.pretend import Behaviour, Pretend, dispute, is_silent, refuses, resets, says

KNOWN = DisputeReport(
    processor_reference="dp_1", parent_reference="pi_1", tag="att_1", livemode=False, stage=Stage.CHARGEBACK,
    status=DisputeStatus.NEEDS_RESPONSE, money=EUR_4999,
)  # fmt: skip
ACCEPT = AcceptDispute(operation_id="dac_1", told=KNOWN)
PDF = bytes(range(256)) * 20


def file(purpose: str | None = "receipt", name: str = "receipt.pdf", content: bytes = PDF) -> EvidenceFile:
    return EvidenceFile(name=name, content_type="application/pdf", content=content, purpose=purpose)


def evidence(*files: EvidenceFile, text: str | None = "It was delivered.") -> SubmitEvidence:
    return SubmitEvidence(operation_id="dev_1", told=KNOWN, text=text, files=files)


def kept(id: str) -> Behaviour:
    return says(200, {"id": id, "object": "file", "purpose": "dispute_evidence"})


def what_to_do(told: object, code: RefusalCode) -> str:
    assert isinstance(told, AnswerRefused)
    assert told.code is code
    return told.message


def test_the_hub_sees_that_the_adapter_can(adapter: StripeAdapter) -> None:
    assert isinstance(adapter, DefendsDisputes)


class TestAccepting:
    async def test_closes_the_dispute_which_is_lost_then(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, dispute("lost")))

        told = await adapter.accept_dispute(ACCEPT)

        [asked] = stripe.asked
        assert (asked.method, asked.path) == ("POST", "/v1/disputes/dp_1/close")
        assert asked.headers["Idempotency-Key"] == "dac_1"
        assert isinstance(told, DisputeReport)
        assert (told.status, told.accepted, told.tag) == (DisputeStatus.LOST, True, "att_1")

    async def test_an_inquiry_that_was_closed_is_not_lost(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, dispute("warning_closed")))

        told = await adapter.accept_dispute(ACCEPT)

        assert isinstance(told, DisputeReport)
        assert (told.status, told.accepted) == (DisputeStatus.CLOSED, False)

    async def test_again_is_accepted_where_nobody_had_contested_it(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(refuses(400), says(200, dispute("lost")))

        told = await adapter.accept_dispute(ACCEPT)

        assert isinstance(told, DisputeReport)
        assert told.accepted is True
        assert stripe.asked[1].path == "/v1/disputes/dp_1"

    @pytest.mark.parametrize(
        "standing",
        [
            says(200, dispute("won")),
            says(200, dispute("lost", evidence_details={"due_by": 1, "submission_count": 1})),
            refuses(404, "resource_missing"),
        ],
        ids=["won", "contested and lost", "not there"],
    )
    async def test_what_stripe_does_not_close_is_refused(
        self, adapter: StripeAdapter, stripe: Pretend, standing: Behaviour
    ) -> None:
        stripe.will(refuses(400), standing)

        told = await adapter.accept_dispute(ACCEPT)

        assert what_to_do(told, RefusalCode.REFUSED_BY_PROCESSOR).endswith("; look at the dispute at Stripe")


class TestEvidence:
    async def test_in_words_goes_out_at_once(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, dispute("under_review")))

        told = await adapter.submit_evidence(evidence())

        [asked] = stripe.asked
        assert (asked.method, asked.path) == ("POST", "/v1/disputes/dp_1")
        assert asked.form == {"evidence[uncategorized_text]": "It was delivered.", "submit": "true"}
        assert asked.headers["Idempotency-Key"] == "dev_1"
        assert isinstance(told, DisputeReport)
        assert (told.status, told.tag, told.accepted) == (DisputeStatus.UNDER_REVIEW, "att_1", False)

    async def test_in_files_hands_them_in_before(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(kept("file_1"), kept("file_2"), says(200, dispute("under_review")))
        letter = file(None, 'brief\r\n"1".pdf', b"%PDF-1.7")

        await adapter.submit_evidence(evidence(file(), letter, text=None))

        first, second, last = stripe.asked
        assert (first.path, first.form) == ("/v1/files", {"purpose": "dispute_evidence"})
        assert first.files["file"] == ("receipt.pdf", PDF)
        assert second.files["file"][1] == b"%PDF-1.7"
        assert [one.headers["Idempotency-Key"] for one in stripe.asked] == ["dev_1:file1", "dev_1:file2", "dev_1"]
        assert last.form == {
            "evidence[receipt]": "file_1", "evidence[uncategorized_file]": "file_2", "submit": "true",
        }  # fmt: skip

    async def test_a_file_that_is_sent_over_again_is_whole(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(429), kept("file_1"), says(200, dispute("under_review")))

        await adapter.submit_evidence(evidence(file()))

        assert [one.files["file"][1] for one in stripe.asked[:2]] == [PDF, PDF]
        assert {one.headers["Idempotency-Key"] for one in stripe.asked[:2]} == {"dev_1:file1"}

    @pytest.mark.parametrize("field", sorted(FILE_FIELDS))
    async def test_each_field_of_stripes_takes_a_file(
        self, adapter: StripeAdapter, stripe: Pretend, field: str
    ) -> None:
        stripe.will(kept("file_1"), says(200, dispute("under_review")))

        await adapter.submit_evidence(evidence(file(field)))

        assert stripe.asked[1].form[f"evidence[{field}]"] == "file_1"

    @pytest.mark.parametrize("purposes", [("receipt", "receipt"), (None, None), (None, "uncategorized_file")])
    async def test_two_files_for_one_field_are_refused_and_nothing_is_sent(
        self, adapter: StripeAdapter, stripe: Pretend, purposes: tuple[str | None, ...]
    ) -> None:
        told = await adapter.submit_evidence(evidence(*(file(purpose) for purpose in purposes)))

        assert what_to_do(told, RefusalCode.EVIDENCE_UNFIT).startswith("file: two are for ")
        assert stripe.asked == []

    async def test_a_purpose_that_stripe_does_not_know_is_refused_with_those_it_knows_and_nothing_is_sent(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        told = await adapter.submit_evidence(evidence(file("receipt"), file("reciept")))

        message = what_to_do(told, RefusalCode.EVIDENCE_UNFIT)
        assert message.startswith(
            "file 2 is for reciept, which Stripe has no field for; name one of cancellation_policy, "
        )
        assert all(field in message for field in FILE_FIELDS)
        assert stripe.asked == []

    async def test_an_answer_that_says_nothing_is_refused(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        told = await adapter.submit_evidence(evidence(text=None))

        assert what_to_do(told, RefusalCode.EVIDENCE_UNFIT).startswith("text: ")
        assert stripe.asked == []

    async def test_a_file_of_a_type_that_stripe_does_not_take_is_refused_and_nothing_is_sent(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        scan = replace(file(), content_type="image/tiff")

        told = await adapter.submit_evidence(evidence(file("receipt"), scan))

        message = what_to_do(told, RefusalCode.EVIDENCE_UNFIT)
        assert message.startswith("file 2 is of the type image/tiff; Stripe takes PDF, JPEG and PNG")
        assert stripe.asked == []

    async def test_a_file_that_stripe_refuses_is_named_and_the_answer_is_not_sent(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(refuses(400))

        told = await adapter.submit_evidence(evidence(file()))

        message = what_to_do(told, RefusalCode.REFUSED_BY_PROCESSOR)
        assert message.startswith("Stripe refused file 1 (")
        assert "send all of it again under a new key" in message
        assert len(stripe.asked) == 1

    async def test_an_answer_that_stripe_refuses_is_told_with_its_code(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(refuses(404, "resource_missing"))

        told = await adapter.submit_evidence(evidence())

        assert what_to_do(told, RefusalCode.REFUSED_BY_PROCESSOR).startswith(
            "Stripe refused the answer (resource_missing"
        )
        assert isinstance(told, AnswerRefused)
        assert told.processor_code == "resource_missing"


@pytest.mark.parametrize(
    ("behaviour", "raised"),
    [
        (refuses(401), ConfigurationError),
        (refuses(429), NotSentError),
        (refuses(409, "idempotency_key_in_use"), OutcomeUnknownError),
        (refuses(500), OutcomeUnknownError),
        (resets(), OutcomeUnknownError),
        (is_silent(), OutcomeUnknownError),
        (says(200, {}), OutcomeUnknownError),
        (says(200, dispute(id="dp_2")), OutcomeUnknownError),
    ],
)
async def test_an_answer_that_says_nothing_is_no_outcome(
    adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour, raised: type[AdapterError]
) -> None:
    stripe.will(behaviour)

    with pytest.raises(raised):
        await adapter.accept_dispute(ACCEPT)
    with pytest.raises(raised):
        await adapter.submit_evidence(evidence())


@pytest.mark.parametrize("behaviour", [refuses(500), resets(), says(200, {})])
async def test_a_file_of_which_nothing_is_known_is_no_outcome(
    adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour
) -> None:
    stripe.will(behaviour)

    with pytest.raises(OutcomeUnknownError):
        await adapter.submit_evidence(evidence(file()))
