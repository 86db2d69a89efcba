"""An operator who writes rules and changes which of them decide, by clocks that go on when they are told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from httpx import Response
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Role
from hub.access.tables import audit_log
from routing.plan import plan
from tests.hub.periphery_app import Periphery, periphery
from tests.routing.samples import facts

ACCOUNT = {"name": "acme", "processor": "stripe", "credentials": {"api_key": "sk_test_" + "a" * 24}}
PATH = "/v1/routing/rulesets"
SHADOW = "/v1/routing/shadow"
BACK = {"reason": "approvals fell"}


class Clock(Struct):
    """A clock that goes on when it is told to: the database's, and a process's that is so far ahead of it."""

    at: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return self.at + self.ahead

    async def of_database(self, _: AsyncConnection) -> datetime:
        return self.at


class Rules(Struct):
    """An operator with an account, and what is asked of the rules."""

    hub: Periphery
    clock: Clock
    operator: dict[str, str]
    account: str

    async def write(self, name: str = "main") -> str:
        """Write a ruleset's next version."""
        document = {"name": name, "rules": [], "otherwise": {"strategy": "priority", "accounts": [self.account]}}
        made = await self.hub.client.post(PATH, json=document, headers=self.operator)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
        return await self.hub.client.post(path, json=body, headers=headers or self.operator)

    async def activate(self, ruleset: str, percent: int = 100, **more: Any) -> Response:
        return await self.post(f"{PATH}/{ruleset}/activate", {"rollout_percent": percent, **more})

    async def shown(self) -> dict[str, Any]:
        answer = await self.hub.client.get(f"{PATH}/active", headers=self.operator)
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    async def shape(self) -> tuple[str | None, tuple[str, int] | None]:
        """The base, and the rollout with its percent."""
        now = await self.shown()
        rollout = now["rollout"]
        return now["base"] and now["base"]["ruleset"], rollout and (rollout["ruleset"], rollout["percent"])

    def deciding(self, reference: str) -> str | None:
        return plan(facts(reference=reference), self.hub.directory.routing(livemode=False)).ruleset

    async def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Actions with their principals and details, oldest first."""
        wanted = select(audit_log).where(audit_log.c.action.like("ruleset.%")).order_by(audit_log.c.id)
        async with self.hub.database.reading() as connection:
            rows = (await connection.execute(wanted)).mappings().all()
        return [(row["action"], row["principal"], msgspec.json.decode(row["details"])) for row in rows]


@asynccontextmanager
async def ruling(database_url: str, clock: Clock | None = None) -> AsyncIterator[Rules]:
    """Run one process with an operator; the second one on a database takes the first one's account."""
    clock = clock or Clock()
    async with periphery(database_url, clock=clock, database_clock=clock.of_database) as hub:
        operator = await hub.key(Role.OPERATOR)
        listed = (await hub.client.get("/v1/merchant_accounts", headers=operator)).json()["data"]
        made = listed or [(await hub.client.post("/v1/merchant_accounts", json=ACCOUNT, headers=operator)).json()]
        yield Rules(hub, clock, operator, made[0]["id"])
