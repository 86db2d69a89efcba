"""Disputes, cards, payouts and gaps at the pretend Stripe, which another hand wrote from the same documentation."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.abilities import AcceptDispute, EvidenceFile, SubmitEvidence
from adapters.contract import NoticeKind, SettlementNotice, TokenUpdate, Told
from normalization.disputes import DisputeReason, DisputeReport, DisputeStatus, Stage
from normalization.outcome import Report
from normalization.tokens import ProcessorToken
from tests.adapters.stripe.asking import EUR_4999, purchase
from tests.adapters.stripe.sandboxed import ACCOUNT, Shop, shop_at

HOUR = timedelta(hours=1)
VISA = ProcessorToken(processor="stripe", token="pm_card_visa")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop_at(tmp_path / "book.db") as opened:
        yield opened


async def paid(shop: Shop, operation_id: str = "att_1") -> Report:
    request = purchase(
        operation_id=operation_id, requested_at=datetime.now(UTC), token=VISA, save=True, customer_id="cus_of_hub"
    )
    return await shop.adapter.authorize(request)


async def told(shop: Shop) -> list[Told]:
    """All that webhooks said so far."""
    await shop.control("POST", "/webhooks/flush", {})
    deliveries = [delivery for webhook in shop.heard for delivery in shop.adapter.open_webhook(webhook)]
    return [one for delivery in deliveries for one in shop.adapter.read_delivery(delivery)]


async def looked_at(shop: Shop) -> list[Told]:
    """All that one look at each object tells of which webhooks spoke."""
    await shop.control("POST", "/webhooks/flush", {})
    deliveries = [delivery for webhook in shop.heard for delivery in shop.adapter.open_webhook(webhook)]
    names = dict.fromkeys(name for one in deliveries if (name := shop.adapter.fetched_as(one)))
    return [one for name in names for one in await shop.adapter.fetch(name)]


async def order(shop: Shop, do: str, reference: str | None, **options: object) -> None:
    await shop.control("POST", "/dashboard", {"do": do, "processor_reference": reference, "options": options})


def disputes(heard: Sequence[Told]) -> list[DisputeReport]:
    return [one for one in heard if isinstance(one, DisputeReport)]


async def disputed(shop: Shop, **options: object) -> DisputeReport:
    payment = await paid(shop)
    await order(shop, "dispute", payment.processor_reference, **options)
    return disputes(await looked_at(shop))[-1]


class TestADispute:
    async def test_is_told_by_webhook_and_by_a_look_alike_but_for_our_tag(self, shop: Shop) -> None:
        seen = await disputed(shop, reason="product_not_received")
        heard = disputes(await told(shop))[-1]

        assert (seen.stage, seen.status, seen.money) == (Stage.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE, EUR_4999)
        assert (seen.reason, seen.tag) == (DisputeReason.PRODUCT_NOT_RECEIVED, "att_1")
        assert [(moved.money, moved.reinstated) for moved in seen.movements] == [(EUR_4999, False)]
        assert (heard.processor_reference, heard.parent_reference, heard.movements) == (
            seen.processor_reference, seen.parent_reference, seen.movements,
        )  # fmt: skip

    async def test_that_is_won_gives_the_money_back_once(self, shop: Shop) -> None:
        seen = await disputed(shop)
        await order(shop, "dispute_win", seen.processor_reference)

        won = disputes(await looked_at(shop))[-1]

        assert won.status is DisputeStatus.WON
        assert [moved.reinstated for moved in won.movements] == [False, True]
        keys = {moved.key for one in disputes(await told(shop)) for moved in one.movements}
        assert keys == {moved.key for moved in won.movements}

    async def test_that_is_lost_is_not_told_as_accepted(self, shop: Shop) -> None:
        seen = await disputed(shop)
        await order(shop, "dispute_lose", seen.processor_reference)

        lost = disputes(await looked_at(shop))[-1]

        assert (lost.status, lost.accepted) == (DisputeStatus.LOST, False)

    async def test_that_is_an_inquiry_takes_nothing_until_it_is_a_chargeback(self, shop: Shop) -> None:
        asked = await disputed(shop, inquiry=True)
        await order(shop, "dispute_escalate", asked.processor_reference)

        taken = disputes(await looked_at(shop))[-1]

        assert (asked.stage, asked.movements) == (Stage.INQUIRY, ())
        assert (taken.processor_reference, taken.stage) == (asked.processor_reference, Stage.CHARGEBACK)
        assert len(taken.movements) == 1

    async def test_is_accepted_however_often_that_is_asked(self, shop: Shop) -> None:
        seen = await disputed(shop)

        first = await shop.adapter.accept_dispute(AcceptDispute(operation_id="dis_1", told=seen))
        again = await shop.adapter.accept_dispute(AcceptDispute(operation_id="dis_2", told=seen))

        assert isinstance(first, DisputeReport)
        assert (first.status, first.accepted) == (DisputeStatus.LOST, True)
        assert isinstance(again, DisputeReport)
        assert (again.status, again.accepted) == (DisputeStatus.LOST, True)

    async def test_is_contested_with_words_and_files(self, shop: Shop) -> None:
        seen = await disputed(shop)
        receipt = EvidenceFile(
            name="receipt.pdf", content_type="application/pdf", content=b"%PDF-1.7 paid", purpose="receipt"
        )
        answer = SubmitEvidence(operation_id="dis_1", told=seen, text="winning_evidence", files=(receipt,))

        contested = await shop.adapter.submit_evidence(answer)

        assert isinstance(contested, DisputeReport)
        assert (contested.status, contested.tag) == (DisputeStatus.UNDER_REVIEW, "att_1")
        await shop.control("POST", "/clock", {"advance_s": 60})
        assert disputes(await looked_at(shop))[-1].status is DisputeStatus.WON


class TestACard:
    async def test_that_its_bank_renews_is_told_with_its_new_date(self, shop: Shop) -> None:
        stored = (await paid(shop)).stored
        assert stored
        await order(shop, "card_update", stored.token, exp_month=1, exp_year=2035)

        update = [one for one in await looked_at(shop) if isinstance(one, TokenUpdate)][-1]

        assert (update.token.token, update.retired) == (stored.token, False)
        assert update.card
        assert (update.card.exp_month, update.card.exp_year) == (1, 2035)

    async def test_that_is_detached_is_told_as_retired(self, shop: Shop) -> None:
        stored = (await paid(shop)).stored
        assert stored
        await order(shop, "card_detach", stored.token)

        by_look = [one for one in await looked_at(shop) if isinstance(one, TokenUpdate)][-1]
        by_webhook = [one for one in await told(shop) if isinstance(one, TokenUpdate)][-1]

        assert (by_look.retired, by_webhook.retired) == (True, True)


async def test_a_payout_is_told_when_it_is_paid_and_when_its_list_is_there(shop: Shop) -> None:
    await paid(shop)
    await order(shop, "payout", ACCOUNT, status="paid")
    [first] = [one for one in await told(shop) if isinstance(one, SettlementNotice)]
    await order(shop, "payout", first.processor_reference, status="reconciliation_completed")

    notices = [one for one in await told(shop) if isinstance(one, SettlementNotice)]

    assert [one.kind for one in notices] == [NoticeKind.PAYOUT_PAID, NoticeKind.REPORT_AVAILABLE]
    assert len({one.processor_reference for one in notices}) == 1


async def test_what_webhooks_did_not_bring_is_listed(shop: Shop) -> None:
    await shop.control("POST", "/webhooks", {"mode": "drop"})
    await paid(shop)
    await shop.control("POST", "/webhooks/flush", {})

    listed = [one async for page in shop.adapter.undelivered(datetime.now(UTC) - HOUR) for one in page]

    assert shop.heard == []
    reports = [one for delivery in listed for one in shop.adapter.read_delivery(delivery)]
    assert "att_1" in {one.tag for one in reports if isinstance(one, Report)}


async def test_an_account_with_an_older_version_is_read_all_the_same(shop: Shop) -> None:
    await shop.control("PUT", f"/accounts/{ACCOUNT}", {"api_version": "2024-06-20"})
    await paid(shop)
    await shop.control("POST", "/webhooks/flush", {})

    deliveries = [delivery for webhook in shop.heard for delivery in shop.adapter.open_webhook(webhook)]

    assert {one.api_version for one in deliveries} == {"2024-06-20"}
    assert "att_1" in {one.tag for one in await told(shop) if isinstance(one, Report)}
