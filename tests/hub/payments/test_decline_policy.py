"""What a merchant asks beyond the hub's rules is told with the decline, and keeps it where it is."""

from pathlib import Path

from msgspec.structs import replace

from normalization.declines import DeclineCode
from normalization.verdicts import Policy
from tests.hub.house import QUICK, house

POOR = "pm_card_visa_chargeDeclinedInsufficientFunds"
BROKEN = {"stripe": "pm_card_chargeDeclinedProcessingError", "adyen": "stored_visa"}


async def test_a_code_that_the_merchant_never_tries_again_is_advised_so(database_url: str, tmp_path: Path) -> None:
    policy = Policy(never=frozenset({DeclineCode.INSUFFICIENT_FUNDS}))
    async with house(database_url, tmp_path, settings=replace(QUICK, decline_policy=policy)) as made:
        declined = await made.hub.charge(payment_method=await made.method(stripe=POOR))

        decline = declined.json()["decline"]
        assert (decline["code"], decline["advice"], decline["retry_after"]) == ("insufficient_funds", "never", None)
        read = await made.hub.get(f"/v1/payments/{declined.json()['id']}")
        assert read.json()["decline"] == decline


async def test_a_code_that_the_merchant_keeps_goes_to_no_other_processor(database_url: str, tmp_path: Path) -> None:
    policy = Policy(no_failover=frozenset({DeclineCode.PROCESSOR_ERROR}))
    async with house(database_url, tmp_path, settings=replace(QUICK, decline_policy=policy)) as made:
        declined = await made.hub.charge(payment_method=await made.method(**BROKEN))

        assert (declined.json()["status"], declined.json()["decline"]["code"]) == ("failed", "processor_error")
        assert len(declined.json()["attempts"]) == 1
        assert await made.charges("adyen") == 0
