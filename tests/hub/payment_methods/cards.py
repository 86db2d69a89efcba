"""Houses whose accounts open sessions, and what a payer's browser does there."""

from typing import Any

import httpx
import msgspec

from tests.hub.house import House, add_account

TYPED = {
    "type": "scheme",
    "encryptedCardNumber": "test_4111111111111111",
    "encryptedExpiryMonth": "test_03",
    "encryptedExpiryYear": "test_2030",
    "encryptedSecurityCode": "test_737",
    "holderName": "Grace Onetime Hopper",
}
DATA = {"paymentMethod": TYPED}
__all__ = ["DATA", "TYPED"]


async def open_for_browsers(home: House) -> None:
    """Add an account at each processor, besides those of the house."""
    if "stripe-web" in home.accounts:
        return
    await add_account(home, "stripe-web", "stripe", "web", currencies=["EUR"])
    await add_account(home, "adyen-web", "adyen", "HubWeb", currencies=["EUR"])


async def person(home: House) -> str:
    return str((await home.hub.post("/v1/customers", {})).json()["id"])


async def session(home: House, account: str, **changes: Any) -> dict[str, Any]:
    sent = {"currency": "EUR", "merchant_account": home.accounts[account]} | changes
    answer = await home.hub.post("/v1/payment_sessions", sent)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def confirmed(home: House, client: dict[str, Any], card: str = "pm_card_visa") -> str:
    """What Stripe.js does with a session: the payment method that it ends with."""
    url = f"{home.sandboxes['stripe']}/v1/setup_intents/{client['setup_intent']}/confirm"
    form = {"client_secret": client["client_secret"], "payment_method": card}
    headers = {"Authorization": f"Bearer {client['publishable_key']}"}
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(url, data=form, headers=headers)
    assert answer.is_success, answer.text
    return str(msgspec.json.decode(answer.content)["payment_method"])
