from collections.abc import AsyncIterator, Callable

import pytest

from adapters.adyen.adapter import AdyenAdapter
from adapters.adyen.credentials import AdyenCredentials
from adapters.transport import Transport
from tests.adapters.adyen.scripted import ScriptedAdyen

HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


@pytest.fixture
async def adyen() -> AsyncIterator[ScriptedAdyen]:
    async with ScriptedAdyen() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    door = Transport()
    yield door
    await door.close()


@pytest.fixture
def connect(adyen: ScriptedAdyen, transport: Transport) -> Callable[..., AdyenAdapter]:
    """Make the adapter of an account at the scripted server; resends wait for nothing."""

    async def at_once(_resend: int) -> None:
        pass

    def make(transport: Transport = transport, **facts: object) -> AdyenAdapter:
        wanted = {"api_key": "key", "merchant_account": "Shop", "base_url": adyen.base_url, "webhook_secret": HMAC_KEY}
        return AdyenAdapter(
            AdyenCredentials(**{**wanted, **facts}),  # type: ignore[arg-type]  # each test knows its field's type
            transport,
            livemode=False,
            pause=at_once,
        )

    return make


@pytest.fixture
def adapter(connect: Callable[..., AdyenAdapter]) -> AdyenAdapter:
    return connect()
