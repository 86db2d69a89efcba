"""A forged webhook of any kind is 401 and stores nothing, at each of the three processors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from hub.migrations.tables import metadata
from hub.sandbox.server import processor as pretend
from tests.hub.house import House, add_account, house
from tests.hub.webhooks.forging import (
    ADYEN,
    CHECKOUT,
    FORGED,
    FORGERIES,
    GENUINE,
    STRIPE,
    Sent,
    adyen,
    adyen_item,
    checkout,
    checkout_event,
    signed,
    stripe,
    stripe_event,
    to,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLACES = {"stripe": "eu", "adyen": "HubEU", "checkout_com": "pc_eu"}
SIGNED: dict[str, Callable[..., Sent]] = {
    "stripe": lambda secret: stripe(stripe_event(), secret=secret),
    "adyen": lambda secret: adyen(signed(adyen_item(), secret)),
    "checkout_com": lambda secret: checkout(checkout_event(), secret=secret),
}
SECRETS = {"stripe": (STRIPE, "whsec_before", "whsec_never"), "adyen": (ADYEN, "11" * 32, FORGED),
           "checkout_com": (CHECKOUT, "key-before", "key-never")}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with two accounts at each of three processors, and one more with user and password."""
    folder: Path = tmp_path_factory.mktemp("house")
    async with house(module_database_url, folder, with_worker=False, besides=["checkout_com"]) as running:
        await add_account(running, "checkout-eu", "checkout_com", "pc_eu")
        await add_account(running, "stripe-two", "stripe", "two", credentials={"webhook_secret": "whsec_two"})
        await add_account(running, "adyen-two", "adyen", "HubTwo")
        await add_account(
            running, "checkout-two", "checkout_com", "pc_two", credentials={"webhook_secret": "another-key"}
        )
        login = {"webhook_user": "adyen", "webhook_password": "right"}
        await add_account(running, "adyen-auth", "adyen", "HubAuth", credentials=login)
        yield running


async def send(made: House, sent: Sent) -> httpx.Response:
    headers = {"Content-Type": "application/json"} | sent.headers
    url = f"{made.hub.url}/webhooks/{made.accounts[sent.account]}"
    return await made.controls.post(url, content=sent.body, headers=headers)


async def counted(made: House) -> dict[str, int]:
    """How many rows each table of the hub has."""
    async with made.hub.parts.database.reading() as connection:
        return {
            table.name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in metadata.sorted_tables
        }


@pytest.mark.fault_case(id="SIG-01")
@pytest.mark.fault_case(id="SIG-02")
@pytest.mark.fault_case(id="SIG-07")
@pytest.mark.fault_case(id="SIG-17")
@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_forged_webhook_is_401_and_stores_nothing(made: House, kind: str) -> None:
    before = await counted(made)

    answer = await send(made, FORGERIES[kind]())

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert await counted(made) == before


@pytest.mark.parametrize("kind", GENUINE)
async def test_what_the_forgeries_are_made_of_is_accepted_and_kept(made: House, kind: str) -> None:
    before = await counted(made)

    answer = await send(made, GENUINE[kind]())

    assert answer.status_code == 202, answer.text
    after = await counted(made)
    assert {name for name, count in after.items() if count != before[name]} == {"webhook_deliveries"}


async def test_many_forgeries_at_once_with_genuine_ones_among_them_leave_the_genuine_ones(made: House) -> None:
    before = (await counted(made))["webhook_deliveries"]
    genuine = [GENUINE["stripe"]() for _ in range(5)]

    answers = await asyncio.gather(
        *(send(made, sent) for sent in genuine),
        *(send(made, forge()) for forge in FORGERIES.values()),
        *(send(made, sent) for sent in genuine),
    )

    assert sum(answer.status_code == 202 for answer in answers) == 10
    assert (await counted(made))["webhook_deliveries"] - before == 5


async def test_no_answer_to_a_forgery_tells_a_secret(made: House) -> None:
    secrets = [*(secret for told in SECRETS.values() for secret in told[:1]), "right", "whsec_two", "another-key"]

    for forge in FORGERIES.values():
        told = (await send(made, forge())).text
        assert [secret for secret in secrets if secret in told] == []


@pytest.mark.fault_case(id="SIG-14")
@pytest.mark.parametrize("processor", PLACES)
async def test_the_secret_before_is_accepted_while_it_is_changed_and_not_after(made: House, processor: str) -> None:
    now, before, never = SECRETS[processor]
    name, credentials = f"{processor}-rotating", {"webhook_secret": now, "webhook_secret_previous": before}
    account = await add_account(made, name, processor, PLACES[processor], credentials=credentials)

    async def answers() -> list[int]:
        sent = [to(name, SIGNED[processor](secret)) for secret in (now, before, never)]
        return [(await send(made, one)).status_code for one in sent]

    assert await answers() == [202, 202, 401]
    whole: Any = {"credentials": credentials_of(made, processor) | {"webhook_secret": now}}
    changed = await made.hub.client.patch(f"/v1/merchant_accounts/{account}", json=whole)
    assert changed.status_code == 200, changed.text
    assert await answers() == [202, 401, 401]


@pytest.mark.parametrize("processor", PLACES)
async def test_an_account_without_a_secret_has_no_address_that_accepts(made: House, processor: str) -> None:
    name = f"{processor}-deaf"
    await add_account(made, name, processor, PLACES[processor], credentials={"webhook_secret": None})
    before = await counted(made)

    answers = [await send(made, to(name, SIGNED[processor](secret))) for secret in SECRETS[processor]]
    answers.append(await send(made, to(name, SIGNED[processor]("00" if processor == "adyen" else ""))))
    answers.append(await send(made, Sent(account=name, body=SIGNED[processor](FORGED).body)))

    assert {answer.status_code for answer in answers} == {401}
    assert await counted(made) == before


async def test_an_address_of_nobody_stores_nothing(made: House) -> None:
    before = await counted(made)

    answer = await made.controls.post(f"{made.hub.url}/webhooks/ma_nobody", content=GENUINE["stripe"]().body)

    assert answer.status_code == 404
    assert await counted(made) == before


def credentials_of(made: House, processor: str) -> dict[str, Any]:
    """What an account at the pretend processor is reached with."""
    return dict(pretend(processor).credentials(PLACES[processor], made.sandboxes[processor]))
