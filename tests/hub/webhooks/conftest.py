"""A house in which nothing is told unless a test tells it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.hub.house import House, house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quiet(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house without a worker, whose processors tell nothing by themselves."""
    folder = tmp_path_factory.mktemp("quiet")
    async with house(module_database_url, folder, with_worker=False) as made:
        for processor in ("stripe", "adyen"):
            await made.control(processor, "POST", "webhooks", {"mode": "drop"})
        yield made
