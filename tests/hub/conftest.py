"""Houses that the tests of one module live in together, since what they do does not get in each other's way."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from tests.hub.house import QUICK, House, house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house for a module's tests, on each database; they need `pytest.mark.asyncio(loop_scope="module")`."""
    folder = tmp_path_factory.mktemp("house")
    async with house(module_database_url, folder, settings=replace(QUICK, body_read_ms=400)) as made:
        yield made
