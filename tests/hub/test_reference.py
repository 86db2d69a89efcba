"""The API's pages work on a machine that reaches nothing else."""

import re

from hub.access.rules import Role
from hub.settings import Settings
from tests.hub.house import make_api_key, serving


async def test_pages_load_only_what_the_hub_itself_serves(sqlite_url: str) -> None:
    async with serving(
        Settings(database_url=sqlite_url), await make_api_key(sqlite_url, Role.ADMIN), with_worker=False
    ) as hub:
        page = await hub.get("/docs")
        asked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        found = [await hub.get(address) for address in asked]
        missing = await hub.get("/docs/assets/nothing.js")
        schema = await hub.get("/schema/openapi.json")

    assert page.status_code == 200
    assert "'self'" in page.headers["content-security-policy"]
    assert all(address.startswith("/docs/assets/") for address in asked)
    assert [answer.status_code for answer in found] == [200, 200, 200]
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert schema.json()["openapi"].startswith("3.1")
