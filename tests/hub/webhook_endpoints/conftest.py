"""A shop for each test, on each database."""

from collections.abc import AsyncIterator

import pytest

from tests.hub.webhook_endpoints.receiving import Shop, shop


@pytest.fixture
async def market(database_url: str) -> AsyncIterator[Shop]:
    """A hub with its worker, and a receiver."""
    async with shop(database_url) as made:
        yield made
