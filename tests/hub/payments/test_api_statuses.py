"""Every status that the served OpenAPI document promises is really answered, with a body as the document says."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import schemathesis
from msgspec import Struct
from msgspec.structs import replace
from schemathesis.specs.openapi.schemas import OpenApiSchema
from sqlalchemy import text

from hub.access.rules import Role
from hub.migrations import bring_up
from tests.api_page import document
from tests.hub.banking import outcomes as banking_outcomes
from tests.hub.disputes import outcomes as dispute_outcomes
from tests.hub.exceptions import outcomes as exception_outcomes
from tests.hub.house import QUICK, House, Hub, house, make_api_key, serving
from tests.hub.payments import (
    delivery_outcomes,
    endpoint_outcomes,
    ledger_outcomes,
    outcomes,
    ruleset_outcomes,
    settlement_outcomes,
    trial_outcomes,
)
from tests.hub.payments.scenes import Route, ask, webhook, wrong_anywhere
from tests.hub.reporting import outcomes as report_outcomes
from tests.servers import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOCUMENTED = [
    (method.upper(), path, int(status))
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    for status in operation["responses"]
]
LIMITED, BROKEN, CUT_OFF = 429, 500, 503
SCENES = (
    outcomes.SCENES
    | banking_outcomes.SCENES
    | delivery_outcomes.SCENES
    | dispute_outcomes.SCENES
    | endpoint_outcomes.SCENES
    | exception_outcomes.SCENES
    | ledger_outcomes.SCENES
    | report_outcomes.SCENES
    | ruleset_outcomes.SCENES
    | settlement_outcomes.SCENES
    | trial_outcomes.SCENES
)


class Town(Struct):
    """A house that works, and hubs that cannot."""

    home: House
    document: OpenApiSchema
    limited: Hub
    broken: House
    cut_off: House


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two of the hubs share a database: one that works, and one that takes a single request a minute."""
    async with AsyncExitStack() as stack:

        async def settle(server: Postgres, name: str) -> House:
            folder: Path = tmp_path_factory.mktemp(name)
            settings = replace(QUICK, body_read_ms=400, database_url=await server.fresh_database())
            await bring_up(settings.database_url)
            built = house(settings.database_url, folder, settings=settings, with_worker=name == "home")
            return await stack.enter_async_context(built)

        home, broken = await settle(postgres, "home"), await settle(postgres, "broken")
        key = await make_api_key(home.database_url, Role.ADMIN)
        slow = replace(QUICK, database_url=home.database_url, rate_limit_per_minute=1)
        limited = await stack.enter_async_context(serving(slow, key, with_worker=False))
        await limited.client.get("/v1/payments")
        await destroy(broken)
        failing = Postgres()
        try:
            cut_off = await settle(failing, "cut_off")
            unused = await make_api_key(cut_off.database_url, Role.ADMIN)
            cut_off.hub.client.headers["Authorization"] = f"Bearer {unused}"
            failing.crash()
            served = (await home.hub.client.get("/schema/openapi.json")).json()
            yield Town(home, schemathesis.openapi.from_dict(served), limited, broken, cut_off)
        finally:
            failing.stop()


async def destroy(home: House) -> None:
    """Take away tables that nothing works without."""
    unused = await make_api_key(home.database_url, Role.ADMIN)
    async with home.hub.parts.database.transaction() as connection:
        for table in ("api_keys", "payments", "webhook_deliveries"):
            await connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_gone"))
    home.hub.client.headers["Authorization"] = f"Bearer {unused}"


async def produce(town: Town, route: Route, status: int) -> httpx.Response:
    if (*route, status) in SCENES:
        return await SCENES[*route, status](town.home)
    if status == LIMITED:
        await ask(town.limited, route)  # Takes what a new minute may have brought.
        return await ask(town.limited, route)
    if status in {BROKEN, CUT_OFF}:
        struck = town.broken if status == BROKEN else town.cut_off
        if route[1].startswith("/webhooks"):
            return await webhook(struck.hub, struck.accounts["stripe-eu"])
        return await ask(struck.hub, route)
    return await wrong_anywhere(town.home, route, status)


@pytest.mark.parametrize(("method", "path", "status"), DOCUMENTED)
async def test_is_answered_as_documented(town: Town, method: str, path: str, status: int) -> None:
    answer = await produce(town, (method, path), status)

    asked = answer.request
    assert (asked.method, answer.status_code) == (method, status), answer.text
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked.url.path)
    town.document[path][method].validate_response(answer)


async def test_what_is_tried_is_what_is_served(town: Town) -> None:
    served = (await town.home.hub.client.get("/schema/openapi.json")).json()

    tried = {(method.lower(), path, str(status)) for method, path, status in DOCUMENTED}
    assert {
        (method, path, status)
        for path, operations in served["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    } == tried


async def test_no_scene_leads_to_what_is_not_documented() -> None:
    assert set(SCENES) - set(DOCUMENTED) == set()
