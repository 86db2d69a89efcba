"""Every route asks for its scope, and nobody reaches what belongs to another mode or another merchant account."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from httpx import ASGITransport, AsyncClient
from litestar.routes import HTTPRoute
from msgspec import Struct

from hub.access.rules import ROLES
from hub.app import create_app
from hub.limits import RateLimiter
from hub.redis import SharedMemory
from hub.settings import Settings
from tests.hub.house import House, house
from tests.hub.payments.scenes import filled
from tests.hub.payments.test_api_statuses import SCENES
from tests.security.doors import DOORS, Of
from tests.security.strangers import Asked, Crowd, crowd, shown, trying

GUARDED: Final = {route: door for route, door in DOORS.items() if door.scope is not None}
ELSEWHERE: Final = {
    "name": "elsewhere", "processor": "stripe", "currencies": ["NZD"], "credentials": {"api_key": "sk_test_elsewhere"},
}  # fmt: skip


def served() -> list[str]:
    """Every method and path of the application, the undocumented ones too."""
    routes = [route for route in create_app(Settings()).routes if isinstance(route, HTTPRoute)]
    return sorted(f"{method} {route.path_format}" for route in routes for method in route.methods - {"OPTIONS"})


@pytest.mark.fault_case(id="AZ-02")
def test_every_route_stands_in_the_table_of_doors() -> None:
    assert set(served()) == set(DOORS), "say in tests/security/doors.py which scope a new route asks for, and of whom"


class Nosy:
    """Knows one caller, who may nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.key_id = "key_nosy"
        self.asked: list[str] = []

    async def authenticate(self, _header: str | None) -> "Nosy":
        return self

    def may(self, scope: str) -> bool:
        self.asked.append(scope)
        return False


@pytest.mark.fault_case(id="AZ-02")
async def test_each_route_asks_for_its_one_scope_before_anything_else() -> None:
    app, nosy = create_app(Settings()), Nosy()
    app.state.update({"api_keys": nosy, "limiter": RateLimiter(SharedMemory(None), 1_000)})
    found: dict[str, tuple[int, list[str]]] = {}

    transport = ASGITransport(app)  # type: ignore[arg-type] # Litestar's own names for the same ASGI types
    async with AsyncClient(transport=transport, base_url="http://hub.test") as client:
        for route in GUARDED:
            method, _, path = route.partition(" ")
            nosy.asked.clear()
            answer = await client.request(method, filled(path), content=b"\xff not JSON")
            found[route] = answer.status_code, list(nosy.asked)

    assert found == {route: (403, [door.scope]) for route, door in GUARDED.items()}


def test_every_scope_of_a_role_opens_a_door() -> None:
    used = {door.scope for door in GUARDED.values()}

    assert {scope for scopes in ROLES.values() for scope in scopes} == used


class Street(Struct):
    """A house, and who else is in the street."""

    home: House
    strangers: Crowd


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    async with house(f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'hub.db')}", folder) as home:
        elsewhere = (await home.hub.post("/v1/merchant_accounts", ELSEWHERE)).json()["id"]
        yield Street(home, await crowd(home, elsewhere))


def refusals(route: str) -> Asked:
    """How strangers who may come in at the door are to be answered by a route."""
    door, names_one = DOORS[route], "{" in route
    return Asked(
        scope=str(door.scope),
        other_mode=404 if names_one else None,
        other_account=403 if door.of is Of.ALL else 404 if names_one else None,
        reached_by_any_account=door.of is Of.MODE,
    )


@pytest.mark.fault_case(id="AZ-01")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", GUARDED)
async def test_a_request_that_its_owner_may_send_gets_strangers_nothing(street: Street, route: str) -> None:
    """The owner's own request follows each time and succeeds: it was a good one, and the strangers changed nothing."""
    method, _, path = route.partition(" ")
    status = min((one[2] for one in SCENES if one[:2] == (method, path)), default=None)
    assert status is not None, "no scene leads this route to its success"

    async with trying(street.home, (method, path), street.strangers, refusals(route)) as tried:
        owned = await SCENES[method, path, status](street.home)

    assert owned.status_code == status < 300, owned.text
    assert tried != []
    assert {one.who: told(one.answer) for one in tried if one.wanted not in {None, one.answer.status_code}} == {}
    assert {one.who: ids for one in tried if (ids := shown(one, owned, street.strangers))} == {}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_card_that_one_account_alone_can_charge_is_not_there_for_keys_of_others(street: Street) -> None:
    home, stranger = street.home, street.strangers.other_account
    customer = (await home.hub.post("/v1/customers", {})).json()["id"]
    bound = {"processor": "stripe", "token": "pm_card_visa", "merchant_account": home.accounts["stripe-eu"]}
    sent = {"type": "card", "processor_tokens": [bound], "customer": customer}
    path = f"/v1/payment_methods/{(await home.hub.post('/v1/payment_methods', sent)).json()['id']}"
    token = {"processor": "stripe", "token": "pm_card_visa"}

    answers = [
        await home.hub.client.get(path, headers=stranger),
        await home.hub.post(f"{path}/processor_tokens", token, headers=stranger),
        await home.hub.post(f"{path}/verify", {"currency": "EUR"}, headers=stranger),
        await home.hub.client.get(f"{path}/verifications", headers=stranger),
        await home.hub.client.delete(path, headers=stranger),
    ]
    listed = await home.hub.client.get(f"/v1/customers/{customer}/payment_methods", headers=stranger)
    owned = await home.hub.client.get(f"/v1/customers/{customer}/payment_methods")

    assert [answer.status_code for answer in answers] == [404] * 5
    assert (len(listed.json()["data"]), len(owned.json()["data"])) == (0, 1)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_key_for_certain_accounts_neither_sees_nor_makes_nor_revokes_one_for_others(street: Street) -> None:
    home, stranger = street.home, street.strangers.other_account
    made = (await home.hub.post("/v1/api_keys", {"name": "till", "principal": "ada", "role": "service"})).json()["id"]

    listed = await home.hub.client.get("/v1/api_keys", headers=stranger)
    wider = await home.hub.post("/v1/api_keys", {"name": "till", "principal": "ada", "role": "admin"}, headers=stranger)
    gone = await home.hub.client.delete(f"/v1/api_keys/{made}", headers=stranger)

    assert [len(key["merchant_accounts"]) for key in listed.json()["data"]] == [1]
    assert (wider.status_code, gone.status_code) == (403, 404)
    assert (await home.hub.get(f"/v1/api_keys/{made}")).json()["revoked_at"] is None


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.text
