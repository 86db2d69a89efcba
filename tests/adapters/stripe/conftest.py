"""One account at a pretend Stripe."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Deadlines, Transport
from tests.adapters.stripe.pretend import Pretend

Connect = Callable[..., StripeAdapter]


@pytest.fixture
async def stripe() -> AsyncIterator[Pretend]:
    server = Pretend()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Deadlines short enough for a test to wait for."""
    pool = Transport(Deadlines(connect=0.5, answer=0.4, total=3.0))
    yield pool
    await pool.close()


@pytest.fixture
def connect(stripe: Pretend, transport: Transport) -> Connect:
    def make(**more: Any) -> StripeAdapter:
        wanted = {"api_key": "sk_test_abc", "webhook_secret": "whsec_new", "base_url": stripe.url}
        return StripeAdapter(StripeCredentials(**{**wanted, **more}), transport, livemode=False)

    return make


@pytest.fixture
def adapter(connect: Connect) -> StripeAdapter:
    return connect()
