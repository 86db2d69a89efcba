"""Payment methods and customers as applications meet them, on both databases."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from adapters.contract import Adapter
from adapters.errors import OutcomeUnknownError
from adapters.stripe import REGISTRATION as STRIPE
from hub.access.rules import Role
from hub.access.tables import audit_log
from hub.payment_methods.store import Means
from hub.payment_methods.tables import customers, payment_methods, processor_tokens
from hub.payments.standing import standing
from normalization.tokens import CardFacts, ProcessorToken
from tests.hub.periphery_app import PROCESSORS, Periphery, periphery

ACCOUNT = {"name": "acme", "processor": "stripe", "credentials": {"api_key": "sk_test_" + "a" * 24}}
TOKEN = {"processor": "stripe", "token": "pm_card_visa"}
NEW = {"type": "card", "processor_tokens": [TOKEN], "card": {"brand": "visa", "last4": "1881", "country": "DE"}}
PERSON = {"name": "Ada Lovelace", "email": "ada@example.com", "metadata": {"plan": "gold"}}


class Describing:
    """Knows one card, and is silent about a token called silent."""

    async def describe(self, token: ProcessorToken) -> CardFacts | None:
        if token.token == "silent":
            raise OutcomeUnknownError("stripe", "no answer")
        return CardFacts(last4="4242", bin="424242", funding="credit")


KNOWING = replace(STRIPE, connect=lambda _credentials, _transport, _livemode: cast("Adapter", Describing()))


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Periphery]:
    async with periphery(database_url, processors={**PROCESSORS, "stripe": KNOWING}) as running:
        yield running


@pytest.fixture
async def service(hub: Periphery) -> dict[str, str]:
    return await hub.key(Role.SERVICE)


@pytest.fixture
async def account(hub: Periphery) -> str:
    answer = await hub.client.post("/v1/merchant_accounts", json=ACCOUNT, headers=await hub.key(Role.OPERATOR))
    made: str = answer.json()["id"]
    return made


async def kept(hub: Periphery, headers: dict[str, str], **changes: object) -> dict[str, Any]:
    answer = await hub.client.post("/v1/payment_methods", json={**NEW, **changes}, headers=headers)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def person(hub: Periphery, headers: dict[str, str]) -> str:
    made: str = (await hub.client.post("/v1/customers", json=PERSON, headers=headers)).json()["id"]
    return made


async def chargeable(hub: Periphery, *, livemode: bool, payment_method: str) -> Means | None:
    """What the charge path finds."""
    found = await standing(hub.database, "no-key", "no-reference", payment_method, livemode=livemode)
    return found.means


async def test_a_kept_payment_method_is_shown_without_its_tokens(hub: Periphery, service: dict[str, str]) -> None:
    made = await kept(hub, service)

    shown = await hub.client.get(f"/v1/payment_methods/{made['id']}", headers=service)

    assert shown.json() == made
    assert (made["processors"], made["reusable"]) == (["stripe"], True)
    assert made["card"]["last4"] == "1881"
    assert "pm_card_visa" not in shown.text


@pytest.mark.usefixtures("account")
async def test_what_the_processor_knows_counts_more_than_what_the_caller_says(
    hub: Periphery, service: dict[str, str]
) -> None:
    made = await kept(hub, service)

    means = await chargeable(hub, livemode=False, payment_method=made["id"])
    assert means is not None
    assert means.card == CardFacts(brand="visa", last4="4242", bin="424242", funding="credit", country="DE")
    assert "bin" not in made["card"]


@pytest.mark.usefixtures("account")
async def test_a_silent_processor_keeps_nobody_from_adding_a_token(hub: Periphery, service: dict[str, str]) -> None:
    made = await kept(hub, service, processor_tokens=[{**TOKEN, "token": "silent"}])

    assert made["card"]["last4"] == "1881"


async def test_the_charge_path_reads_tokens_card_and_customer_at_once(
    hub: Periphery, service: dict[str, str], account: str
) -> None:
    customer = await person(hub, service)
    own = {**TOKEN, "merchant_account": account, "customer_reference": "cus_stripe"}
    made = await kept(hub, service, processor_tokens=[TOKEN, own], customer=customer)

    means = await chargeable(hub, livemode=False, payment_method=made["id"])

    assert means is not None
    assert (means.customer, means.deleted) == (customer, False)
    assert [token.merchant_account for token in means.tokens] == [None, account]
    assert means.tokens[1].customer_reference == "cus_stripe"
    assert await chargeable(hub, livemode=True, payment_method=made["id"]) is None


async def test_another_processor_joins_once(hub: Periphery, service: dict[str, str]) -> None:
    made = await kept(hub, service)
    path = f"/v1/payment_methods/{made['id']}/processor_tokens"
    adyen = {"processor": "adyen", "token": "M5N7TQ4TG5PFWR50", "customer_reference": "shopper-1"}

    joined = await hub.client.post(path, json=adyen, headers=service)
    again = await hub.client.post(path, json=adyen, headers=service)

    assert (joined.status_code, joined.json()["processors"]) == (201, ["adyen", "stripe"])
    assert (again.status_code, again.json()["code"]) == (409, "token_exists")


async def test_a_stripe_token_without_customer_is_good_once(hub: Periphery, service: dict[str, str]) -> None:
    once = await kept(hub, service, processor_tokens=[{**TOKEN, "token": "pm_1Abc"}])
    often = await kept(hub, service, processor_tokens=[{**TOKEN, "token": "pm_1Abc", "customer_reference": "cus_1"}])

    assert [once["reusable"], often["reusable"]] == [False, True]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"processor_tokens": []}, "processor_tokens"),
        ({"processor_tokens": [{"processor": "paypal", "token": "x"}]}, "processor_tokens[0].processor"),
        ({"processor_tokens": [{**TOKEN, "merchant_account": "ma_x"}]}, "processor_tokens[0].merchant_account"),
        ({"processor_tokens": [TOKEN, TOKEN]}, "processor_tokens"),
        ({"processor_tokens": [{**TOKEN, "token": "4111111111111111"}]}, "processor_tokens[0].token"),
        ({"card": {"number": "1"}}, "card.number"),
        ({"card": {"last4": "42420"}}, "card.last4"),
        ({"card": {"last4": "4242\n"}}, "card.last4"),
        ({"card": {"exp_month": 13}}, "card.exp_month"),
        ({"card": {"bin": "424242"}}, "card.bin"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"type": "cash"}, "type"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(
    hub: Periphery, service: dict[str, str], changes: dict[str, Any], field: str
) -> None:
    answer = await hub.client.post("/v1/payment_methods", json={**NEW, **changes}, headers=service)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    async with hub.database.reading() as connection:
        assert (await connection.execute(select(payment_methods))).all() == []


async def test_a_deleted_payment_method_leaves_no_token_and_no_card(hub: Periphery, service: dict[str, str]) -> None:
    made = await kept(hub, service)
    path = f"/v1/payment_methods/{made['id']}"

    gone = await hub.client.delete(path, headers=service)
    after = await hub.client.get(path, headers=service)
    again = await hub.client.delete(path, headers=service)

    means = await chargeable(hub, livemode=False, payment_method=made["id"])
    assert [gone.status_code, after.status_code, again.status_code] == [204, 404, 404]
    assert means is not None
    assert (means.tokens, means.card, means.deleted) == ((), CardFacts(), True)


async def test_erasing_a_customer_forgets_the_person_and_every_token(hub: Periphery, service: dict[str, str]) -> None:
    customer = await person(hub, service)
    made = await kept(hub, service, customer=customer)

    gone = await hub.client.delete(f"/v1/customers/{customer}", headers=service)
    after = await hub.client.get(f"/v1/customers/{customer}", headers=service)
    method = await hub.client.get(f"/v1/payment_methods/{made['id']}", headers=service)
    listed = await hub.client.get(f"/v1/customers/{customer}/payment_methods", headers=service)
    joined = await hub.client.post("/v1/payment_methods", json={**NEW, "customer": customer}, headers=service)

    async with hub.database.reading() as connection:
        row = (await connection.execute(select(customers))).mappings().one()
        tokens = (await connection.execute(select(processor_tokens))).all()
        told = (await connection.execute(select(audit_log.c.details))).scalars().all()
    assert [a.status_code for a in (gone, after, method, listed, joined)] == [204, 404, 404, 404, 422]
    assert (row["id"], row["person"], tokens) == (customer, None, [])
    assert "Ada" not in str(told)


async def test_a_customer_is_shown_as_kept(hub: Periphery, service: dict[str, str]) -> None:
    customer = await person(hub, service)

    shown = (await hub.client.get(f"/v1/customers/{customer}", headers=service)).json()

    assert {name: shown[name] for name in PERSON} == PERSON


async def test_a_customers_payment_methods_come_in_pages(hub: Periphery, service: dict[str, str]) -> None:
    customer = await person(hub, service)
    made = [(await kept(hub, service, customer=customer))["id"] for _ in range(3)]
    await kept(hub, service)
    path = f"/v1/customers/{customer}/payment_methods"

    first = (await hub.client.get(f"{path}?limit=2", headers=service)).json()
    second = (await hub.client.get(f"{path}?limit=2&cursor={first['next_cursor']}", headers=service)).json()

    assert [method["id"] for method in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE, Role.OPERATOR, Role.AUDITOR])
async def test_no_other_role_keeps_or_forgets(hub: Periphery, service: dict[str, str], role: Role) -> None:
    made, customer = await kept(hub, service), await person(hub, service)
    other = await hub.key(role)
    path = f"/v1/payment_methods/{made['id']}"

    answers = [
        await hub.client.post("/v1/payment_methods", json=NEW, headers=other),
        await hub.client.post(f"{path}/processor_tokens", json=TOKEN, headers=other),
        await hub.client.delete(path, headers=other),
        await hub.client.post("/v1/customers", json=PERSON, headers=other),
        await hub.client.delete(f"/v1/customers/{customer}", headers=other),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5


async def test_the_other_mode_sees_nothing_of_it(hub: Periphery, service: dict[str, str]) -> None:
    customer = await person(hub, service)
    made = await kept(hub, service, customer=customer)
    live = await hub.key(Role.SERVICE, livemode=True)
    path = f"/v1/payment_methods/{made['id']}"

    answers = [
        await hub.client.get(path, headers=live),
        await hub.client.delete(path, headers=live),
        await hub.client.post(f"{path}/processor_tokens", json=TOKEN, headers=live),
        await hub.client.get(f"/v1/customers/{customer}", headers=live),
        await hub.client.delete(f"/v1/customers/{customer}", headers=live),
        await hub.client.get(f"/v1/customers/{customer}/payment_methods", headers=live),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
