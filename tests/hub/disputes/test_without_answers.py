"""A processor whose adapter answers no disputes: they are recorded, and answered at the processor."""

from pathlib import Path

from tests.hub.disputes.courts import about, tell
from tests.hub.disputes.test_api_disputes import refused
from tests.hub.house import add_account, house


async def test_a_dispute_is_shown_and_an_answer_is_refused(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, besides=["checkout_com"]) as home:
        account = await add_account(home, "checkout-eu", "checkout_com", "pc_hub", currencies=["EUR"])
        method = await home.method(checkout_com="src_visa")
        made = await home.hub.charge(payment_method=method, merchant_account=account)
        payment = await home.hub.until(made.json()["id"], "captured")
        now = await tell(home, payment, about(payment))
        (dispute,) = (await home.hub.get("/v1/disputes", payment=payment["id"])).json()["data"]

        answer = await home.hub.post(f"/v1/disputes/{dispute['id']}/accept", {})

        assert now["amount_disputed"] == dispute["amount"]
        assert refused(answer) == (409, "dispute_not_defendable")
