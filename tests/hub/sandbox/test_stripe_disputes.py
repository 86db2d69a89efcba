"""The pretend Stripe's banks dispute, wait for an answer and decide, seen through Stripe's SDK."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Json, Shop, shop

DAY_S = 86_400
PDF = b"%PDF-1.7\nproof of delivery"


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def order(merchant: Shop, do: str, reference: str, *, amount: int | None = None, **options: object) -> Json:
    asked = {"do": do, "processor_reference": reference, "amount": amount, "options": options}
    return await merchant.control("POST", "/dashboard", asked)


async def disputed(merchant: Shop, *, amount: int | None = None, **options: object) -> Json:
    """Pay 10.00 EUR and have it disputed."""
    intent = await merchant.pay()
    return await order(merchant, "dispute", intent.id, amount=amount, **options)


async def one(merchant: Shop, id: str) -> Json:
    found: Json = (await merchant.api.v1.disputes.retrieve_async(id)).to_dict()
    return found


async def answer(merchant: Shop, id: str, text: str, **more: object) -> Json:
    asked: Any = {"evidence": {"uncategorized_text": text}, **more}
    told: Json = (await merchant.api.v1.disputes.update_async(id, asked)).to_dict()
    return told


async def upload(merchant: Shop, content: bytes = PDF, key: str | None = None, **more: object) -> stripe.File:
    sent = io.BytesIO(content)
    sent.name = "proof.pdf"
    asked: Any = {"purpose": "dispute_evidence", "file": sent, **more}
    options: Any = {} if key is None else {"idempotency_key": key}
    return await merchant.api.v1.files.create_async(asked, options)


async def wait(merchant: Shop, seconds: float) -> None:
    await merchant.control("POST", "/clock", {"advance_s": seconds})
    await merchant.flush()


async def dispute_events(merchant: Shop) -> list[str]:
    return [type.removeprefix("charge.dispute.") for type in await merchant.types() if "dispute" in type]


class TestCards:
    @pytest.mark.parametrize(
        ("card", "reason", "code", "case_type", "eligible"),
        [
            ("createDispute", "fraudulent", "10.4", "chargeback", []),
            ("createDisputeProductNotReceived", "product_not_received", "13.1", "chargeback", []),
            ("createDisputeInquiry", "general", "12.5", "inquiry", []),
            ("createCe3EligibleDispute", "fraudulent", "10.4", "chargeback", ["visa_compelling_evidence_3"]),
            ("createComplianceDispute", "noncompliant", None, "compliance", ["visa_compliance"]),
            ("createMastercardComplianceDispute", "noncompliant", None, "compliance", ["mastercard_compliance"]),
        ],
    )
    async def test_each_card_is_disputed_in_its_own_way(
        self, merchant: Shop, card: str, reason: str, code: str | None, case_type: str, eligible: list[str]
    ) -> None:
        intent = await merchant.pay(f"pm_card_{card}")
        await merchant.flush()

        [made] = (await merchant.api.v1.disputes.list_async({"payment_intent": intent.id})).data

        details = made.to_dict()["payment_method_details"]["card"]
        assert (made.reason, made.amount, made.charge) == (reason, 1000, intent.latest_charge)
        assert (details["network_reason_code"], details["case_type"]) == (code, case_type)
        assert made.enhanced_eligibility_types == eligible
        assert list(made.to_dict()["evidence_details"]["enhanced_eligibility"]) == eligible

    async def test_several_disputes_share_one_charge(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_createMultipleDisputes", amount=1001)
        await merchant.flush()

        found = (await merchant.api.v1.disputes.list_async({"payment_intent": intent.id})).data

        assert {(made.reason, made.amount) for made in found} == {("fraudulent", 501), ("product_not_received", 500)}
        assert (await merchant.money())["disputed"] == 1001

    async def test_a_charge_that_is_only_authorized_is_disputed_once_it_is_captured(self, merchant: Shop) -> None:
        held = await merchant.pay("pm_card_createDispute", capture_method="manual")
        assert await dispute_events(merchant) == []

        await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 600})

        assert await dispute_events(merchant) == ["created", "funds_withdrawn"]
        money = await merchant.money()
        assert (money["captured"], money["disputed"]) == (600, 600)


class TestOpened:
    async def test_money_is_withdrawn_with_a_fee(self, merchant: Shop) -> None:
        made = await disputed(merchant, amount=400, reason="duplicate")

        [line] = made["balance_transactions"]
        assert (line["amount"], line["fee"], line["net"], line["source"]) == (-400, 1500, -1900, made["id"])
        assert (line["type"], line["reporting_category"]) == ("adjustment", "dispute")
        assert (made["reason"], made["status"], made["is_charge_refundable"]) == ("duplicate", "needs_response", False)
        assert await dispute_events(merchant) == ["created", "funds_withdrawn"]
        assert (await merchant.money())["disputed"] == 400

    async def test_the_charge_knows_and_the_dispute_expands_to_it(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        asked: Any = {"expand": ["charge", "payment_intent"]}
        found = (await merchant.api.v1.disputes.retrieve_async(made["id"], asked)).to_dict()

        assert (found["charge"]["id"], found["charge"]["disputed"]) == (made["charge"], True)
        assert found["payment_intent"]["id"] == made["payment_intent"]

    async def test_evidence_is_due_at_the_end_of_a_day(self, merchant: Shop) -> None:
        made = await disputed(merchant, evidence_days=20)

        due_by = made["evidence_details"]["due_by"]
        assert due_by % DAY_S == DAY_S - 1
        assert 20 * DAY_S <= due_by - made["created"] < 21 * DAY_S

    async def test_disputes_are_listed_by_payment_and_charge(self, merchant: Shop) -> None:
        first, second = await disputed(merchant), await disputed(merchant)

        by_charge: Any = {"charge": first["charge"]}
        found = await merchant.api.v1.disputes.list_async(by_charge)
        everything = await merchant.api.v1.disputes.list_async({})

        assert [made.id for made in found.data] == [first["id"]]
        assert [made.id for made in everything.data] == [second["id"], first["id"]]

    @pytest.mark.parametrize(
        ("wanted", "told"),
        [
            ({"reason": "dislike"}, "options.reason: one of bank_cannot_process"),
            ({"evidence_days": 0}, "options.evidence_days: at least 1"),
            ({"colour": "red"}, "options: Object contains unknown field `colour`"),
            ({"amount": 1001}, "1000 can be disputed"),
        ],
    )
    async def test_what_cannot_be_disputed_is_said(self, merchant: Shop, wanted: Json, told: str) -> None:
        assert (await disputed(merchant, **wanted))["error"].startswith(told)


class TestRefunds:
    async def test_what_the_bank_took_is_not_given_back_as_well(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.refunds.create_async({"payment_intent": made["payment_intent"]})
        assert caught.value.code == "charge_disputed"

    async def test_what_is_left_beside_a_partial_dispute_can_be_given_back(self, merchant: Shop) -> None:
        made = await disputed(merchant, amount=400)

        with pytest.raises(stripe.InvalidRequestError):
            await merchant.api.v1.refunds.create_async({"payment_intent": made["payment_intent"], "amount": 601})
        refund = await merchant.api.v1.refunds.create_async({"payment_intent": made["payment_intent"]})

        assert refund.amount == 600
        money = await merchant.money()
        assert (money["captured"], money["refunded"], money["disputed"]) == (1000, 600, 400)

    async def test_an_inquiry_leaves_the_charge_refundable(self, merchant: Shop) -> None:
        made = await disputed(merchant, inquiry=True)
        assert made["is_charge_refundable"]

        await merchant.api.v1.refunds.create_async({"payment_intent": made["payment_intent"]})

        told = await order(merchant, "dispute_escalate", made["id"])
        assert told == {"error": "the charge was refunded, so there is nothing to take"}


class TestEvidence:
    async def test_winning_evidence_brings_the_money_back(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        told = await answer(merchant, made["id"], "winning_evidence")
        assert told["status"] == "under_review"
        assert told["evidence_details"]["submission_count"] == 1
        await wait(merchant, 60)

        ended = await one(merchant, made["id"])
        assert ended["status"] == "won"
        assert [(line["amount"], line["fee"]) for line in ended["balance_transactions"]] == [
            (-1000, 1500), (1000, -1500),
        ]  # fmt: skip
        assert await dispute_events(merchant) == ["created", "funds_withdrawn", "updated", "funds_reinstated", "closed"]
        assert (await merchant.money())["disputed"] == 0

    async def test_losing_evidence_leaves_it_with_the_payer(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        await answer(merchant, made["id"], "losing_evidence")
        await wait(merchant, 60)

        assert (await one(merchant, made["id"]))["status"] == "lost"
        assert (await dispute_events(merchant))[-1] == "closed"
        assert (await merchant.money())["disputed"] == 1000

    async def test_any_other_answer_waits_for_the_control(self, merchant: Shop) -> None:
        made = await disputed(merchant)
        await answer(merchant, made["id"], "it was delivered")
        await wait(merchant, 60 * DAY_S)
        assert (await one(merchant, made["id"]))["status"] == "under_review"

        won = await order(merchant, "dispute_win", made["id"])

        assert (won["id"], won["status"]) == (made["id"], "won")

    async def test_staged_evidence_is_kept_and_handed_in_later(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        staged = await answer(merchant, made["id"], "losing_evidence", submit=False)
        assert (staged["status"], staged["evidence_details"]["has_evidence"]) == ("needs_response", True)
        submitted = await merchant.api.v1.disputes.update_async(made["id"], {"submit": True})

        assert submitted.status == "under_review"
        await merchant.flush()
        news = [heard.event["data"] for heard in merchant.heard if heard.type == "charge.dispute.updated"]
        assert news[0]["previous_attributes"] == {
            "evidence": {"uncategorized_text": None}, "evidence_details": {"has_evidence": False},
        }  # fmt: skip
        assert news[1]["previous_attributes"]["status"] == "needs_response"

    async def test_evidence_is_handed_in_once(self, merchant: Shop) -> None:
        made = await disputed(merchant)
        await answer(merchant, made["id"], "it was delivered")

        with pytest.raises(stripe.InvalidRequestError):
            await answer(merchant, made["id"], "it really was")

    async def test_an_ended_dispute_takes_metadata_only(self, merchant: Shop) -> None:
        made = await disputed(merchant)
        await order(merchant, "dispute_lose", made["id"])

        kept = await merchant.api.v1.disputes.update_async(made["id"], {"metadata": {"case": "7"}})
        assert kept.to_dict()["metadata"] == {"case": "7"}
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await answer(merchant, made["id"], "too late")
        assert "already closed" in str(caught.value)

    async def test_no_answer_in_time_loses(self, merchant: Shop) -> None:
        made = await disputed(merchant, evidence_days=3)

        await wait(merchant, 2 * DAY_S)
        assert (await one(merchant, made["id"]))["status"] == "needs_response"
        await wait(merchant, 2 * DAY_S)

        assert (await one(merchant, made["id"]))["status"] == "lost"
        assert (await merchant.money())["disputed"] == 1000

    @pytest.mark.parametrize(
        ("evidence", "param"),
        [
            ({"uncategorized_text": "x" * 20_001}, "evidence[uncategorized_text]"),
            ({"receipt": "file_none"}, "evidence[receipt]"),
            ({"colour": "red"}, "colour"),
        ],
    )
    async def test_evidence_that_is_wrong_is_refused_by_name(self, merchant: Shop, evidence: Json, param: str) -> None:
        made = await disputed(merchant)

        asked: Any = {"evidence": evidence}
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.disputes.update_async(made["id"], asked)
        assert caught.value.param == param
        assert (await one(merchant, made["id"]))["status"] == "needs_response"

    async def test_all_texts_together_are_bounded(self, merchant: Shop) -> None:
        made = await disputed(merchant)
        names = (
            "access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal",
            "duplicate_charge_explanation", "product_description", "refund_policy_disclosure",
            "refund_refusal_explanation", "uncategorized_text",
        )  # fmt: skip

        asked: Any = {"evidence": dict.fromkeys(names, "x" * 20_000)}
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.disputes.update_async(made["id"], asked)
        assert caught.value.param == "evidence"

    async def test_submitting_nothing_is_refused(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.disputes.update_async(made["id"], {"submit": True})
        assert caught.value.param == "evidence"


class TestClosed:
    async def test_what_is_accepted_is_lost(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        closed = await merchant.api.v1.disputes.close_async(made["id"])

        assert closed.status == "lost"
        assert await dispute_events(merchant) == ["created", "funds_withdrawn", "closed"]
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.api.v1.disputes.close_async(made["id"])

    async def test_the_same_key_is_answered_as_the_first_time(self, merchant: Shop) -> None:
        made = await disputed(merchant)
        options: Any = {"idempotency_key": "dsp_1"}

        first = await merchant.api.v1.disputes.close_async(made["id"], {}, options)
        again = await merchant.api.v1.disputes.close_async(made["id"], {}, options)

        assert first.to_dict() == again.to_dict()
        assert (await dispute_events(merchant)).count("closed") == 1


class TestInquiries:
    async def test_an_inquiry_that_goes_on_takes_the_money(self, merchant: Shop) -> None:
        made = await disputed(merchant, inquiry=True)
        assert (made["status"], made["balance_transactions"]) == ("warning_needs_response", [])

        gone_on = await order(merchant, "dispute_escalate", made["payment_intent"], evidence_days=9)

        assert (gone_on["id"], gone_on["status"]) == (made["id"], "needs_response")
        assert gone_on["payment_method_details"]["card"]["case_type"] == "chargeback"
        assert await dispute_events(merchant) == ["created", "updated", "funds_withdrawn"]
        assert (await merchant.money())["disputed"] == 1000

    async def test_it_takes_no_more_than_is_left(self, merchant: Shop) -> None:
        made = await disputed(merchant, inquiry=True)
        await merchant.api.v1.refunds.create_async({"payment_intent": made["payment_intent"], "amount": 300})

        gone_on = await order(merchant, "dispute_escalate", made["id"])

        assert gone_on["amount"] == 700
        assert (await merchant.money())["disputed"] == 700

    async def test_an_answered_inquiry_is_closed_and_nothing_moved(self, merchant: Shop) -> None:
        made = await disputed(merchant, inquiry=True)

        told = await answer(merchant, made["id"], "winning_evidence")
        assert told["status"] == "warning_under_review"
        await wait(merchant, 60)

        assert (await one(merchant, made["id"]))["status"] == "warning_closed"
        assert await dispute_events(merchant) == ["created", "updated", "closed"]
        assert (await merchant.money())["disputed"] == 0

    async def test_an_answer_may_make_it_worse(self, merchant: Shop) -> None:
        made = await disputed(merchant, inquiry=True)

        await answer(merchant, made["id"], "escalate_inquiry_evidence")
        await wait(merchant, 60)

        assert (await one(merchant, made["id"]))["status"] == "needs_response"
        assert (await merchant.money())["disputed"] == 1000

    async def test_an_inquiry_with_which_nobody_goes_on_is_closed_after_120_days(self, merchant: Shop) -> None:
        made = await disputed(merchant, inquiry=True)

        await wait(merchant, 119 * DAY_S)
        assert (await one(merchant, made["id"]))["status"] == "warning_needs_response"
        await wait(merchant, 2 * DAY_S)

        assert (await one(merchant, made["id"]))["status"] == "warning_closed"

    async def test_a_chargeback_does_not_go_on_like_an_inquiry(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        told = await order(merchant, "dispute_escalate", made["id"])

        assert told == {"error": "the dispute is needs_response, no inquiry"}


class TestControl:
    async def test_what_is_won_can_be_refunded_and_is_not_won_again(self, merchant: Shop) -> None:
        made = await disputed(merchant)
        await order(merchant, "dispute_win", made["payment_intent"])

        again = await order(merchant, "dispute_win", made["payment_intent"])
        refund = await merchant.api.v1.refunds.create_async({"payment_intent": made["payment_intent"]})

        assert again == {"error": "no dispute of it is open"}
        assert refund.amount == 1000

    async def test_the_sums_of_an_account_tell_what_is_with_the_bank(self, merchant: Shop) -> None:
        won, _, partly = await disputed(merchant), await disputed(merchant), await disputed(merchant, amount=250)
        await order(merchant, "dispute_win", won["id"])
        await order(merchant, "refund", partly["payment_intent"], amount=750)

        sums = (await merchant.control("GET", "/money"))["accounts"]["acme"]["EUR"]

        assert (sums["captured"], sums["refunded"], sums["disputed"]) == (3000, 750, 1250)


class TestFiles:
    async def test_a_file_is_kept_and_goes_with_the_evidence(self, merchant: Shop) -> None:
        made = await disputed(merchant)

        sent = await upload(merchant)
        asked: Any = {"evidence": {"receipt": sent.id}}
        told = await merchant.api.v1.disputes.update_async(made["id"], asked)

        kept = await merchant.api.v1.files.retrieve_async(sent.id)
        assert (kept.type, kept.size, kept.filename, kept.purpose) == ("pdf", len(PDF), "proof.pdf", "dispute_evidence")
        assert told.evidence.receipt == sent.id

    async def test_the_same_key_and_file_make_one_file(self, merchant: Shop) -> None:
        first, again = await upload(merchant, key="dsp_1:file"), await upload(merchant, key="dsp_1:file")

        assert first.id == again.id
        with pytest.raises(stripe.IdempotencyError):
            await upload(merchant, b"%PDF-1.7\nanother", key="dsp_1:file")

    @pytest.mark.parametrize("opening", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"])
    async def test_pictures_are_taken(self, merchant: Shop, opening: bytes) -> None:
        assert (await upload(merchant, opening + bytes(100))).type in {"jpg", "png"}

    @pytest.mark.parametrize(
        ("content", "purpose", "param"),
        [
            (b"plain text", "dispute_evidence", "file"),
            (b"", "dispute_evidence", "file"),
            (b"%PDF" + bytes(5 << 20), "dispute_evidence", "file"),
            (PDF, "business_logo", "purpose"),
        ],
    )
    async def test_what_is_no_evidence_is_refused(
        self, merchant: Shop, content: bytes, purpose: str, param: str
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await upload(merchant, content, purpose=purpose)
        assert caught.value.param == param

    async def test_a_file_of_another_account_is_no_evidence(self, merchant: Shop) -> None:
        sent = await upload(merchant)

        with pytest.raises(stripe.InvalidRequestError):
            await merchant.with_key("sk_test_other").v1.files.retrieve_async(sent.id)
