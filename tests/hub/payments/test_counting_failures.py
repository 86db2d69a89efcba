"""A decline is an answer: however many an account gives, it goes on being asked."""

from pathlib import Path

from routing.health import FAILED_IN_A_ROW, Circuit
from tests.hub.house import house


async def test_declines_open_no_circuit_and_silence_does(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as made:
        account = made.accounts["stripe-eu"]
        health = made.hub.parts.shell.health
        declined = await made.method(stripe="pm_card_visa_chargeDeclined")
        for _ in range(FAILED_IN_A_ROW + 1):
            answer = await made.hub.charge(payment_method=declined, merchant_account=account, override_retry_rules=True)
            assert answer.json()["status"] == "failed", answer.text
        after_declines = health.circuit_of(account)

        await made.fault("stripe", "error_500_after", "purchase", count=None)
        for _ in range(FAILED_IN_A_ROW):
            await made.hub.charge(payment_method=made.payment_method, merchant_account=account)

        assert after_declines is Circuit.CLOSED
        assert health.circuit_of(account) is Circuit.OPEN
