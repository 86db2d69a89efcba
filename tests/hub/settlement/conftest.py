"""A house without a worker for each module, so that its tests say when something is imported; its books must agree."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from hub.ledger.checks import verify
from tests.hub.house import QUICK, House, add_account, house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quiet(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house for a module's tests, on each database; they need `pytest.mark.asyncio(loop_scope="module")`."""
    settings = replace(QUICK, body_read_ms=400, settlement_file_max_bytes=1024 * 1024)
    folder = tmp_path_factory.mktemp("house")
    async with house(module_database_url, folder, settings=settings, with_worker=False) as made:
        await add_account(made, "stripe-too", "stripe", "too", currencies=["EUR"])
        yield made
        assert await verify(made.hub.parts.database) == []
