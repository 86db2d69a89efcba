"""A house in which nothing is told unless a test tells it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.hub.house import House, house
from tests.servers import Postgres


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def quiet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house without a worker, whose processors tell nothing by themselves."""
    folder = tmp_path_factory.mktemp("quiet")
    url = f"sqlite:///{folder / 'hub.db'}"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = await postgres.fresh_database()
    async with house(url, folder, with_worker=False) as made:
        for processor in ("stripe", "adyen"):
            await made.control(processor, "POST", "webhooks", {"mode": "drop"})
        yield made
