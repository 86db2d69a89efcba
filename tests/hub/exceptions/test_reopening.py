"""Opening an exception again books back what settled it, with a second person where that took one."""

import pytest

from tests.hub.approvals.desks import decide, strict, waiting
from tests.hub.exceptions.cabinet import PATH, opened, resolve, to_sales
from tests.hub.house import House
from tests.hub.money import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHY = {"reason": "it was another shop's"}


async def test_what_passes_the_limit_is_booked_back_when_another_person_agrees(home: House) -> None:
    one = await opened(home)
    await resolve(home.hub, one, **to_sales(home))
    async with strict(home) as hub:
        approval = await waiting(await hub.post(f"{PATH}/{one}/reopen", WHY))
        before = (await hub.get(f"{PATH}/{one}")).json()

        agreed = (await decide(hub, home, approval)).json()

    assert before["status"] == "resolved"
    assert (await home.hub.get(f"{PATH}/{one}")).json()["status"] == "open"
    sql = "SELECT id, code, approval_id FROM transfers WHERE exception_id = :id ORDER BY id"
    _, back = await rows(home, sql, id=one)
    assert (back["code"], back["approval_id"], back["id"]) == ("exception_reopened", approval, agreed["result"])


async def test_what_one_person_may_book_one_person_may_book_back(home: House) -> None:
    one = await opened(home)
    await resolve(home.hub, one, **to_sales(home, 500))
    async with strict(home) as hub:
        again = await hub.post(f"{PATH}/{one}/reopen", WHY)

    assert (again.status_code, again.json()["status"]) == (200, "open")
