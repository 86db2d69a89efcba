"""What processors tell of settlements and payouts is kept and told on, each once."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from adapters.contract import NoticeKind, SettlementNotice
from hub.webhooks.taking import Taken, take
from normalization.money import Currency, Money
from tests.hub.house import House, house
from tests.hub.money import rows


async def told(made: House, notice: SettlementNotice, account: str = "stripe-eu") -> Taken:
    connected = made.hub.parts.directory.connected(made.accounts[account])
    assert connected is not None
    return await take(made.hub.parts.shell, connected, notice)


def notice(kind: NoticeKind, **changes: object) -> SettlementNotice:
    wanted = {"kind": kind, "processor_reference": "po_1", "livemode": False, "money": Money(12345, Currency("EUR"))}
    return msgspec.convert(wanted | changes, SettlementNotice, strict=False)


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (NoticeKind.REPORT_AVAILABLE, "settlement.report_available"),
        (NoticeKind.PAYOUT_PAID, "payout.paid"),
        (NoticeKind.PAYOUT_FAILED, "payout.failed"),
    ],
)
async def test_a_notice_is_an_event_with_what_it_is_about(
    kind: NoticeKind, type_: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        place = "https://files.example/report.csv"
        assert await told(made, notice(kind, location=place)) == Taken("done")

        (event,) = await rows(made, "SELECT type, object_id, data FROM events")
        (kept,) = await rows(made, "SELECT * FROM settlement_notices")
        data = msgspec.json.decode(event["data"])
        assert (event["type"], event["object_id"]) == (type_, "po_1")
        assert data.pop("received_at")
        assert data == {
            "id": kept["id"], "object": "settlement_notice", "livemode": False, "processor": "stripe",
            "merchant_account": made.accounts["stripe-eu"], "kind": kind.value, "processor_reference": "po_1",
            "amount": 12345, "currency": "EUR",
        }  # fmt: skip
        assert (kept["location"], kept["amount_minor"]) == (place, 12345)


async def test_a_notice_is_kept_and_told_once_for_each_account_and_kind(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        paid, failed = notice(NoticeKind.PAYOUT_PAID), notice(NoticeKind.PAYOUT_FAILED)

        await asyncio.gather(*(told(made, paid) for _ in range(5)))
        await told(made, failed)
        await told(made, paid, "adyen-eu")
        await told(made, paid)

        types = [row["type"] for row in await rows(made, "SELECT type FROM events ORDER BY id")]
        assert types == ["payout.paid", "payout.failed", "payout.paid"]
        assert len(await rows(made, "SELECT id FROM settlement_notices")) == 3
