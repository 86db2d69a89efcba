from collections.abc import AsyncIterator, Callable

import pytest

from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.transport import Transport
from tests.adapters.checkout_com.scripted import ScriptedCheckoutCom

SIGNATURE_KEY = "9c1d-signature-key"


@pytest.fixture
async def checkout() -> AsyncIterator[ScriptedCheckoutCom]:
    async with ScriptedCheckoutCom() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    door = Transport()
    yield door
    await door.close()


@pytest.fixture
def connect(checkout: ScriptedCheckoutCom, transport: Transport) -> Callable[..., CheckoutComAdapter]:
    """Make the adapter of a channel at the scripted server; resends wait for nothing."""

    async def at_once(_resend: int) -> None:
        pass

    def make(**facts: object) -> CheckoutComAdapter:
        wanted = {
            "secret_key": "sk_sbox_shopshopshopshopshopshop2ab",
            "processing_channel_id": "pc_shop",
            "base_url": checkout.base_url,
            "webhook_secret": SIGNATURE_KEY,
        }
        credentials = CheckoutComCredentials(**{**wanted, **facts})  # type: ignore[arg-type]  # each test knows its field's type
        return CheckoutComAdapter(credentials, transport, livemode=False, pause=at_once)

    return make


@pytest.fixture
def adapter(connect: Callable[..., CheckoutComAdapter]) -> CheckoutComAdapter:
    return connect()
