"""A token that is good once, brought to a payment session of an account that cannot store cards."""

from typing import cast

import pytest
import pytest_asyncio
from msgspec.structs import replace

from adapters.contract import Adapter
from adapters.stripe import REGISTRATION as STRIPE
from hub.access.rules import ROLES, Caller, Role
from hub.errors import ProblemError
from hub.merchants.service import Connected, Directory
from hub.payment_methods.describing import TokenDesk
from hub.payment_sessions.service import Completion, complete
from tests.hub.house import House
from tests.hub.payment_methods.cards import open_for_browsers, session

pytestmark = pytest.mark.asyncio(loop_scope="module")


class OnlyCharges(Directory):
    """A directory whose adapters have no small ability at all."""

    def __init__(self, real: Directory) -> None:
        self._real = real

    def connected(self, account_id: str) -> Connected | None:
        found = self._real.connected(account_id)
        return None if found is None else replace(found, adapter=cast("Adapter", object()))


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def browsers(home: House) -> None:
    await open_for_browsers(home)


async def test_it_is_refused_by_name_and_the_session_stays_open(home: House) -> None:
    opened = await session(home, "stripe-web")
    shell = home.hub.parts.shell
    directory = OnlyCharges(shell.directory)
    desk = TokenDesk(registrations={"stripe": replace(STRIPE, reusable=lambda _: False)}, directory=directory)
    caller = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, livemode=False, scopes=ROLES[Role.ADMIN])
    brought = Completion(caller=caller, session_id=opened["id"], token="pm_once")

    with pytest.raises(ProblemError) as refused:
        await complete(replace(shell, directory=directory), desk, brought)

    assert (refused.value.code, [error.field for error in refused.value.errors or ()]) == (
        "validation_failed",
        ["token"],
    )
    assert (await home.hub.get(f"/v1/payment_sessions/{opened['id']}")).json()["status"] == "open"
