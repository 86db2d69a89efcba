"""The merchant answers a dispute at the pretend Adyen, through Adyen's own SDK."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from Adyen.exceptions import (
    AdyenAPIAuthenticationError,
    AdyenAPICommunicationError,
    AdyenAPIInvalidPermission,
    AdyenAPIUnprocessableEntity,
    AdyenAPIValidationError,
)

from hub.sandbox.adyen.defences import Reason, Wanted, satisfied
from tests.hub.sandbox.adyen_shop import ACCOUNT, Json, Shop, named, shop, told

DAY_S = 86400
PDF = b"%PDF-1.4 delivered on the third"
MEGABYTE = 1 << 20


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def disputed(merchant: Shop, number: str = "4111111111111111", **options: object) -> str:
    """Have 10.00 EUR disputed; return the dispute's pspReference."""
    payment = (await merchant.pay(paymentMethod=named("Ada", number)))["pspReference"]
    return str((await merchant.order("dispute", payment, None, **options))["pspReference"])


def of(dispute: str, **more: object) -> Json:
    body: Json = {"merchantAccountCode": ACCOUNT, "disputePspReference": dispute}
    return body | more


def document(type: str = "DefenseMaterial", content: bytes = PDF, content_type: str = "application/pdf") -> Json:
    encoded = base64.b64encode(content).decode()
    return {"defenseDocumentTypeCode": type, "contentType": content_type, "content": encoded}


async def reasons(merchant: Shop, dispute: str) -> list[Json]:
    found: list[Json] = (await told(merchant.disputes().retrieve_applicable_defense_reasons, of(dispute)))[
        "defenseReasons"
    ]
    return found


async def supply(merchant: Shop, dispute: str, *documents: Json) -> Json:
    request = of(dispute, defenseDocuments=list(documents))
    return result(await told(merchant.disputes().supply_defense_document, request))


async def defend(merchant: Shop, dispute: str, reason: str = "SupplyDefenseMaterial") -> Json:
    return result(await told(merchant.disputes().defend_dispute, of(dispute, defenseReasonCode=reason)))


async def accept(merchant: Shop, dispute: str) -> Json:
    return result(await told(merchant.disputes().accept_dispute, of(dispute)))


def result(answer: Json) -> Json:
    found: Json = answer["disputeServiceResult"]
    return found


def no(why: str) -> Json:
    return {"success": False, "errorMessage": why}


YES: Json = {"success": True}


class TestReasons:
    async def test_are_those_of_the_banks_claim_with_the_documents_each_wants(self, merchant: Shop) -> None:
        found = await reasons(merchant, await disputed(merchant, "5555444433331111"))

        assert [one["defenseReasonCode"] for one in found] == [
            "GoodsNotReturned", "GoodsRepairedOrReplaced", "GoodsWereAsDescribed", "SupplyDefenseMaterial",
        ]  # fmt: skip
        assert found[-1] == {
            "defenseReasonCode": "SupplyDefenseMaterial",
            "defenseDocumentTypes": [
                {"defenseDocumentTypeCode": "TIDorInvoice", "requirementLevel": "Optional", "available": False},
                {"defenseDocumentTypeCode": "DefenseMaterial", "requirementLevel": "Required", "available": False},
            ],
            "satisfied": False,
        }

    async def test_say_what_has_been_handed_in(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        await supply(merchant, dispute, document())

        (found,) = [one for one in await reasons(merchant, dispute) if one["satisfied"]]
        assert found["defenseReasonCode"] == "SupplyDefenseMaterial"
        assert [type["available"] for type in found["defenseDocumentTypes"]] == [False, True]

    async def test_are_none_where_it_cannot_be_defended(self, merchant: Shop) -> None:
        assert await reasons(merchant, await disputed(merchant, defendable=False)) == []

    def test_one_of_several_documents_is_enough_where_adyen_says_so(self) -> None:
        reason = Reason("Any", (Wanted("A", "OneOrMore"), Wanted("B", "OneOrMore"), Wanted("C", "Optional")))

        assert [satisfied(reason, have) for have in ([], ["C"], ["B"], ["A", "C"])] == [False, False, True, True]


class TestDocuments:
    async def test_arrive_as_they_were_sent(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        assert await supply(merchant, dispute, document()) == YES

        (kept,) = (await merchant.control("GET", f"/disputes/{dispute}"))["documents"]
        assert kept == {
            "type": "DefenseMaterial",
            "content_type": "application/pdf",
            "size": len(PDF),
            "sha256": hashlib.sha256(PDF).hexdigest(),
        }

    async def test_of_one_type_take_each_others_place(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        await supply(merchant, dispute, document())
        await supply(merchant, dispute, document(content=b"better"), document("AdditionalInformation"))

        kept = (await merchant.control("GET", f"/disputes/{dispute}"))["documents"]
        assert [(one["type"], one["size"]) for one in kept] == [
            ("DefenseMaterial", 6),
            ("AdditionalInformation", len(PDF)),
        ]

    @pytest.mark.parametrize(
        ("brought", "why"),
        [
            (document("Postcard"), "Invalid defense document type: Postcard."),
            (document(content_type="image/png"), "Invalid content type: image/png."),
            (document() | {"content": "no base64!"}, "Invalid content: not base64."),
            (document(content=b"x" * (2 * MEGABYTE + 1)), "Document too large: at most 2 MB as application/pdf."),
            (
                document(content=b"x" * (10 * MEGABYTE + 1), content_type="image/jpeg"),
                "Document too large: at most 10 MB as image/jpeg.",
            ),
        ],
        ids=("type", "content type", "content", "size", "size of a picture"),
    )
    async def test_that_are_wrong_are_refused_with_those_beside_them(
        self, merchant: Shop, brought: Json, why: str
    ) -> None:
        dispute = await disputed(merchant)

        assert await supply(merchant, dispute, document(), brought) == no(why)

        assert (await merchant.control("GET", f"/disputes/{dispute}"))["documents"] == []

    async def test_may_be_as_large_as_adyen_says(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        picture = document(content=b"x" * (10 * MEGABYTE), content_type="image/tiff")

        assert await supply(merchant, dispute, picture) == YES
        assert await supply(merchant, dispute, document(content=b"x" * (2 * MEGABYTE))) == YES

    async def test_can_be_taken_back_once(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)
        await supply(merchant, dispute, document())

        request = of(dispute, defenseDocumentType="DefenseMaterial")
        deleted = [result(await told(merchant.disputes().delete_dispute_defense_document, request)) for _ in range(2)]

        assert deleted == [YES, no("No defense document of that type.")]
        assert not any(one["satisfied"] for one in await reasons(merchant, dispute))


class TestDefence:
    async def test_puts_the_dispute_before_the_bank(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)
        await supply(merchant, dispute, document())

        assert await defend(merchant, dispute) == YES

        item = await merchant.event("INFORMATION_SUPPLIED")
        assert (item["pspReference"], item["additionalData"]["disputeStatus"]) == (dispute, "Pending")
        assert (await merchant.control("GET", f"/disputes/{dispute}"))["defence"] == "SupplyDefenseMaterial"

    async def test_answers_a_request_for_information(self, merchant: Shop) -> None:
        dispute = await disputed(merchant, flow="request_for_information")
        await supply(merchant, dispute, document())

        await defend(merchant, dispute)

        assert (await merchant.event("INFORMATION_SUPPLIED"))["additionalData"]["disputeStatus"] == "Responded"

    @pytest.mark.parametrize(
        ("order", "told", "left"),
        [
            ("dispute_win", ["CHARGEBACK_REVERSED"], 0),
            ("dispute_lose", ["CHARGEBACK_REVERSED", "SECOND_CHARGEBACK"], 1000),
        ],
    )
    async def test_ends_as_the_control_wants(self, merchant: Shop, order: str, told: list[str], left: int) -> None:
        dispute = await disputed(merchant)
        await supply(merchant, dispute, document())
        await defend(merchant, dispute)

        await merchant.order(order, dispute)
        await merchant.control("POST", "/clock", {"advance_s": 60 * DAY_S})

        events = [item["eventCode"] for item in await merchant.events()]
        assert events[events.index("INFORMATION_SUPPLIED") + 1 :] == told
        assert (await merchant.money("att_1"))["disputed"] == left

    async def test_before_the_money_goes_holds_nothing_up(self, merchant: Shop) -> None:
        dispute = await disputed(merchant, flow="notification_first")
        await supply(merchant, dispute, document())
        await defend(merchant, dispute)

        await merchant.control("POST", "/clock", {"advance_s": DAY_S + 1})

        assert (await merchant.event("CHARGEBACK"))["additionalData"]["disputeStatus"] == "Pending"

    async def test_without_its_documents_is_refused_and_may_be_tried_again(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        refused = await defend(merchant, dispute)
        await supply(merchant, dispute, document())

        assert refused == no("Required defense documents are missing.")
        assert await defend(merchant, dispute) == YES

    async def test_on_another_ground_is_refused(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        assert await defend(merchant, dispute, "GoodsNotReturned") == no("Invalid defense reason code.")

    async def test_happens_once(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)
        await supply(merchant, dispute, document())

        answers = [await defend(merchant, dispute), await defend(merchant, dispute)]

        assert answers == [YES, no("Dispute is not defendable.")]
        assert await supply(merchant, dispute, document()) == no("Dispute is not defendable.")

    async def test_comes_too_late_when_the_time_is_over(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)
        await merchant.control("POST", "/clock", {"advance_s": 19 * DAY_S})

        assert await supply(merchant, dispute, document()) == no("Dispute expired.")

    async def test_is_impossible_where_the_bank_says_so(self, merchant: Shop) -> None:
        dispute = await disputed(merchant, defendable=False)

        assert await supply(merchant, dispute, document()) == no("Dispute is not defendable.")
        assert await accept(merchant, dispute) == YES


class TestAcceptance:
    async def test_leaves_the_money_to_the_payer(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)

        assert await accept(merchant, dispute) == YES

        item = await merchant.event("DISPUTE_DEFENSE_PERIOD_ENDED")
        assert item["additionalData"]["disputeStatus"] == "Accepted"
        assert (await merchant.money("att_1"))["disputed"] == 1000

    async def test_of_a_notice_has_the_money_taken(self, merchant: Shop) -> None:
        dispute = await disputed(merchant, flow="notification_first")

        await accept(merchant, dispute)
        await merchant.control("POST", "/clock", {"advance_s": 60 * DAY_S})

        assert (await merchant.event("CHARGEBACK"))["additionalData"]["disputeStatus"] == "Accepted"
        assert (await merchant.money("att_1"))["disputed"] == 1000

    async def test_has_no_way_back(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)
        await accept(merchant, dispute)

        assert await accept(merchant, dispute) == no("Dispute is not defendable.")
        assert await merchant.order("dispute_win", dispute) == {"error": "the dispute is over"}

    async def test_of_a_request_for_information_means_nothing(self, merchant: Shop) -> None:
        dispute = await disputed(merchant, flow="request_for_information")

        assert await accept(merchant, dispute) == no("Dispute cannot be accepted.")


class TestRefusals:
    async def test_a_dispute_nobody_knows(self, merchant: Shop) -> None:
        assert await accept(merchant, "NONE") == no("Error retrieving dispute.")

    async def test_another_accounts_dispute_is_not_known(self, merchant: Shop) -> None:
        request = of(await disputed(merchant)) | {"merchantAccountCode": "Other"}

        answer = await told(merchant.disputes().accept_dispute, request)

        assert result(answer) == no("Error retrieving dispute.")

    async def test_a_wrong_key_is_401(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIAuthenticationError):
            await told(merchant.disputes("invalid").accept_dispute, of("NONE"))

    async def test_an_account_that_is_not_the_keys_is_403(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIInvalidPermission):
            await told(merchant.disputes().accept_dispute, of("NONE") | {"merchantAccountCode": "ForbiddenECOM"})

    async def test_a_missing_field_is_422_and_named(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIUnprocessableEntity) as raised:
            await told(merchant.disputes().defend_dispute, of("NONE"))

        assert raised.value.message["message"] == "Required field 'defenseReasonCode' is not provided."

    async def test_a_field_of_the_wrong_type_is_400(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIValidationError):
            await told(merchant.disputes().supply_defense_document, of("NONE", defenseDocuments="all"))

    async def test_a_fault_meets_the_dispute_it_is_meant_for(self, merchant: Shop) -> None:
        dispute = await disputed(merchant)
        fault = {"fault": "error_500_after", "match": {"reference": dispute}}
        await merchant.control("POST", "/faults", fault)

        with pytest.raises(AdyenAPICommunicationError):
            await accept(merchant, dispute)

        assert (await merchant.control("GET", f"/disputes/{dispute}"))["status"] == "Accepted"

    async def test_the_control_knows_no_dispute_that_is_not_there(self, merchant: Shop) -> None:
        assert await merchant.control("GET", "/disputes/NONE") == {"error": "no dispute NONE"}
