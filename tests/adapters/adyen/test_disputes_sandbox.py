"""Disputes, renewed cards and reports at the pretend Adyen: two readings of one wire format, held against its book."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.abilities import AcceptDispute, EvidenceFile, SubmitEvidence
from adapters.contract import SettlementNotice, TokenUpdate
from normalization.disputes import AnswerRefused, DisputeReport
from tests.adapters.adyen.asked import purchase
from tests.adapters.adyen.sandboxed import ACCOUNT, Merchant, merchant

CARD = {
    "type": "scheme",
    "encryptedCardNumber": "test_4111111111111111",
    "encryptedExpiryMonth": "test_03",
    "encryptedExpiryYear": "test_2030",
    "encryptedSecurityCode": "test_737",
}
VISA = purchase(token=None, data={"paymentMethod": CARD})


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Merchant]:
    async with merchant(tmp_path / "book.db") as opened:
        yield opened


async def paid(shop: Merchant) -> str:
    report = await shop.adapter.authorize(VISA)
    assert report.processor_reference is not None
    return report.processor_reference


async def order(shop: Merchant, do: str, reference: str, **options: object) -> None:
    await shop.control("POST", "/dashboard", {"do": do, "processor_reference": reference, "options": options})


async def balance(shop: Merchant) -> int:
    """What the webhooks say is gone, each movement once; the book says the same."""
    movements = {one.key: one for told in await shop.disputes() for one in told.movements}
    gone = sum(-one.money.minor if one.reinstated else one.money.minor for one in movements.values())
    assert (await shop.control("GET", "/money?tag=att_1"))["disputed"] == gone
    return gone


def course(told: list[DisputeReport]) -> list[str]:
    return [f"{one.stage} {one.status}" for one in told]


@pytest.mark.parametrize(
    ("orders", "ends", "gone"),
    [
        (("dispute_win", "dispute_expire"), "chargeback won", 0),
        (("dispute_win", "dispute_second"), "arbitration lost", 1000),
        (("dispute_expire",), "chargeback lost", 1000),
        (("dispute_win", "prearbitration_lost"), "arbitration lost", 1000),
        (("dispute_win", "prearbitration_won"), "arbitration won", 0),
    ],
)
@pytest.mark.parametrize("references", [True, False])
async def test_a_dispute_is_followed_to_its_end(
    shop: Merchant, orders: tuple[str, ...], ends: str, gone: int, *, references: bool
) -> None:
    await shop.control("PUT", f"/accounts/{ACCOUNT}", {"dispute_references": references})
    payment = await paid(shop)
    await order(shop, "dispute", payment)
    assert await balance(shop) == 1000
    for do in orders:
        await order(shop, do, payment)
    told = await shop.disputes()
    assert course(told)[-1] == ends
    assert await balance(shop) == gone
    assert {one.parent_reference for one in told} == {payment}
    assert len({one.processor_reference for one in told} - {payment}) == 1
    assert {one.tag for one in told} == {"att_1"}


async def test_a_notice_comes_before_the_money_goes(shop: Merchant) -> None:
    payment = await paid(shop)
    await order(shop, "dispute", payment, flow="notification_first", reason_code="13.1")
    (told,) = await shop.disputes()
    assert (told.network_reason, told.reason) == ("13.1", "product_not_received")
    assert told.evidence_due_at is not None
    assert told.defendable is True
    assert await balance(shop) == 0
    await order(shop, "dispute_charge_back", payment)
    assert await balance(shop) == 1000


async def test_an_inquiry_moves_no_money(shop: Merchant) -> None:
    await order(shop, "dispute", await paid(shop), flow="request_for_information")
    (told,) = await shop.disputes()
    assert course([told]) == ["inquiry needs_response"]
    assert await balance(shop) == 0


async def test_a_defense_is_handed_in_and_may_be_won(shop: Merchant) -> None:
    payment = await paid(shop)
    await order(shop, "dispute", payment)
    dispute = (await shop.disputes())[0]
    proof = EvidenceFile(
        name="proof.pdf", content_type="application/pdf", content=b"%PDF-1.7", purpose="DefenseMaterial"
    )
    request = SubmitEvidence(operation_id="dpe_1", told=dispute, files=(proof,))
    several = await shop.adapter.submit_evidence(request)
    assert isinstance(several, AnswerRefused)
    assert "SupplyDefenseMaterial with" in several.message
    named = SubmitEvidence(operation_id="dpe_2", told=dispute, defense="SupplyDefenseMaterial", files=(proof,))
    defended = await shop.adapter.submit_evidence(named)
    assert isinstance(defended, DisputeReport)
    assert course([defended]) == ["chargeback under_review"]
    late = await shop.adapter.accept_dispute(AcceptDispute(operation_id="dpa_1", told=dispute))
    assert isinstance(late, AnswerRefused), "what is defended is not accepted any more"
    await order(shop, "dispute_win", payment)
    assert await balance(shop) == 0


async def test_an_accepted_dispute_is_told_as_lost(shop: Merchant) -> None:
    await order(shop, "dispute", await paid(shop))
    dispute = (await shop.disputes())[0]
    accepted = await shop.adapter.accept_dispute(AcceptDispute(operation_id="dpa_1", told=dispute))
    assert isinstance(accepted, DisputeReport)
    last = (await shop.disputes())[-1]
    assert (last.status, last.accepted) == (accepted.status, True)
    assert await balance(shop) == 1000


async def test_a_stored_card_is_told_renewed_and_retired(shop: Merchant) -> None:
    await shop.control("PUT", f"/accounts/{ACCOUNT}", {"token_webhooks": True})
    saved = purchase(token=None, data={"paymentMethod": CARD}, save=True, customer_id="cus_1")
    report = await shop.adapter.authorize(saved)
    (news,) = [one for one in await shop.tokens() if one.tag is None]
    token = news.token
    assert news.parent_reference
    assert token == report.stored or report.stored is None
    options = {"shopper_reference": token.customer_reference, "merchant_account": ACCOUNT}
    await order(shop, "token_update", token.token, expiry="09/2033", **options)
    await order(shop, "token_disable", token.token, **options)
    updates = [one for one in await told(shop) if isinstance(one, TokenUpdate)]
    assert updates == [
        TokenUpdate(token=token, livemode=False),
        TokenUpdate(token=token, livemode=False, retired=True),
    ]


async def test_a_report_is_told_by_its_name(shop: Merchant) -> None:
    await order(shop, "report", "settlement_detail_report_batch_7.csv", merchant_account=ACCOUNT)
    (notice,) = [one for one in await told(shop) if isinstance(one, SettlementNotice)]
    assert notice.processor_reference == "settlement_detail_report_batch_7.csv"
    assert notice.location


async def told(shop: Merchant) -> list[object]:
    """Everything that the webhooks told so far."""
    await shop.control("POST", "/webhooks/flush", {})
    deliveries = [delivery for webhook in shop.heard for delivery in shop.adapter.open_webhook(webhook)]
    return [one for delivery in deliveries for one in shop.adapter.read_delivery(delivery)]
