"""Payment sessions: a payer's browser is started, and what it brings back becomes a payment method, once."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from hub.access.rules import Role
from hub.payment_methods.tables import payment_methods
from tests.hub.house import House, add_account
from tests.hub.payment_methods.cards import (
    DATA,
    TYPED,
    confirmed,
    open_for_browsers,
    person,
    session,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def browsers(home: House) -> None:
    await open_for_browsers(home)


async def completed(home: House, opened: dict[str, Any], **brought: Any) -> dict[str, Any]:
    answer = await home.hub.post(opened["complete_url"], brought)
    assert answer.status_code in {200, 202}, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def methods(home: House) -> int:
    async with home.hub.parts.database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(payment_methods)) or 0)


async def test_a_card_typed_into_stripes_library_is_charged_later_without_its_payer(home: House) -> None:
    customer = await person(home)
    opened = await session(home, "stripe-web", customer=customer)
    token = await confirmed(home, opened["client"])

    done = await completed(home, opened, token=token)
    charged = await home.hub.charge(payment_method=done["payment_method"], off_session=True)

    assert opened["client"]["publishable_key"] == "pk_test_web"
    assert (opened["status"], done["status"], done["client"]) == ("open", "completed", None)
    shown = (await home.hub.get(f"/v1/payment_methods/{done['payment_method']}")).json()
    assert (shown["customer"], shown["reusable"], shown["card"]["last4"]) == (customer, True, "4242")
    assert (charged.json()["status"], charged.json()["merchant_account"]) == ("captured", home.accounts["stripe-web"])


async def test_data_of_adyens_library_is_verified_and_becomes_a_payment_method(home: House) -> None:
    customer = await person(home)
    opened = await session(home, "adyen-web", customer=customer)

    done = await completed(home, opened, data=DATA)
    charged = await home.hub.charge(
        payment_method=done["payment_method"], off_session=True, merchant_account=home.accounts["adyen-web"]
    )

    assert {"client_key", "payment_methods"} <= set(opened["client"])
    assert done["status"] == "completed"
    assert charged.json()["status"] == "captured"
    checks = (await home.hub.get(f"/v1/payment_methods/{done['payment_method']}/verifications")).json()["data"]
    assert [check["status"] for check in checks] == ["approved"]


async def test_the_same_card_of_the_same_payer_stays_one_payment_method(home: House) -> None:
    customer = await person(home)
    first = await completed(home, await session(home, "adyen-web", customer=customer), data=DATA)
    second = await completed(home, await session(home, "adyen-web", customer=customer), data=DATA)

    tokens_agree = first["payment_method"] == second["payment_method"]
    listed = (await home.hub.get(f"/v1/customers/{customer}/payment_methods")).json()["data"]
    assert len(listed) == (1 if tokens_agree else 2)


async def test_a_token_that_adyen_tells_by_webhook_only_completes_the_session(home: House) -> None:
    await home.control("adyen", "PUT", "accounts/HubWeb", {"tokens_by_webhook_only": True})
    opened = await session(home, "adyen-web", customer=await person(home))
    try:
        waiting = await completed(home, opened, data=DATA)
        done = await until(home, opened["id"], "completed")
    finally:
        await home.control("adyen", "PUT", "accounts/HubWeb", {"tokens_by_webhook_only": False})

    assert waiting["status"] in {"processing", "completed"}
    charged = await home.hub.charge(
        payment_method=done["payment_method"], off_session=True, merchant_account=home.accounts["adyen-web"]
    )
    assert charged.json()["status"] == "captured"


async def until(home: House, session_id: str, status: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for _ in range(100):
        told = (await home.hub.get(f"/v1/payment_sessions/{session_id}")).json()
        if told["status"] == status:
            return told
        await asyncio.sleep(0.1)
    raise AssertionError(told)


async def test_a_webhook_completes_a_session_whose_browser_never_came_back(home: House) -> None:
    opened = await session(home, "stripe-web", customer=await person(home))
    token = await confirmed(home, opened["client"])

    done = await until(home, opened["id"], "completed")
    again = await completed(home, opened, token=token)

    assert again["payment_method"] == done["payment_method"]


async def test_bringing_the_same_twice_and_at_once_makes_one_payment_method(home: House) -> None:
    opened = await session(home, "adyen-web", customer=await person(home))
    before = await methods(home)

    both = await asyncio.gather(completed(home, opened, data=DATA), completed(home, opened, data=DATA))
    after = await completed(home, opened, data=DATA)

    assert await methods(home) == before + 1
    assert after["payment_method"] in {one["payment_method"] for one in both}


async def test_a_card_that_its_bank_refuses_leaves_the_session_to_try_another(home: House) -> None:
    opened = await session(home, "adyen-web")

    refused = await completed(home, opened, data={"paymentMethod": TYPED | {"holderName": "DECLINED"}})
    done = await completed(home, opened, data=DATA)

    assert refused["status"] == "declined"
    assert refused["decline"]["code"]
    assert (done["status"], done["decline"]) == ("completed", None)


async def test_a_silent_processor_leaves_the_session_open(home: House) -> None:
    opened = await session(home, "adyen-web")
    await home.fault("adyen", "silent_before", "purchase")

    silent = await completed(home, opened, data=DATA)
    done = await completed(home, opened, data=DATA)

    assert [silent["status"], done["status"]] == ["open", "completed"]


async def test_without_an_account_the_rules_choose_one_that_opens_sessions(home: House) -> None:
    adyen = (await home.hub.post("/v1/payment_sessions", {"currency": "EUR", "processor": "adyen"})).json()
    any_ = (await home.hub.post("/v1/payment_sessions", {"currency": "EUR", "amount": 4999, "country": "DE"})).json()

    assert adyen["processor"] == "adyen"
    assert any_["merchant_account"] in home.accounts.values()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"currency": "SEK"}, 422, "no_merchant_account"),
        ({"merchant_account": "ma_nowhere"}, 422, "no_merchant_account"),
        ({"processor": "paypal"}, 422, "validation_failed"),
        ({"customer": "cus_nobody"}, 422, "validation_failed"),
        ({"country": "XX"}, 422, "validation_failed"),
        ({"amount": 0}, 422, "validation_failed"),
    ],
)
async def test_a_session_is_refused(home: House, changes: dict[str, Any], status: int, code: str) -> None:
    answer = await home.hub.post("/v1/payment_sessions", {"currency": "EUR"} | changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_whatever_asks_for_a_country_names_the_field_where_there_is_no_such_country(home: House) -> None:
    asked: dict[str, dict[str, Any]] = {
        "/v1/payment_sessions": {"currency": "EUR"},
        f"/v1/payment_methods/{home.payment_method}/verify": {"currency": "EUR"},
        "/v1/payments": {"currency": "EUR", "amount": 1, "reference": "1", "payment_method": home.payment_method},
    }

    refused = [await home.hub.post(path, body | {"country": "XX"}) for path, body in asked.items()]

    assert [answer.json()["errors"] for answer in refused] == [
        [{"field": "country", "message": "is no ISO 3166-1 alpha-2 code in upper case, such as DE"}]
    ] * len(asked)


async def test_an_account_that_is_not_set_up_for_browsers_opens_none(home: House) -> None:
    account = await add_account(home, "stripe-till", "stripe", "till", credentials={"publishable_key": None})

    answer = await home.hub.post("/v1/payment_sessions", {"currency": "EUR", "merchant_account": account})

    assert (answer.status_code, answer.json()["code"]) == (422, "session_refused")
    assert answer.json()["decline"]["code"] == "merchant_configuration_error"


async def test_a_session_belongs_to_its_mode_and_to_who_may_write(home: House) -> None:
    opened = await session(home, "stripe-web")
    path = f"/v1/payment_sessions/{opened['id']}"
    live, support = await home.caller(livemode=True), await home.caller(Role.SUPPORT)

    client = home.hub.client
    read = [(await client.get(path, headers=who)).status_code for who in (live, support)]
    done = [
        (await client.post(f"{path}/complete", json={"token": "x"}, headers=who)).status_code for who in (live, support)
    ]
    new = [
        (await client.post("/v1/payment_sessions", json={"currency": "EUR"}, headers=who)).status_code
        for who in (live, support)
    ]

    assert (read, done, new) == ([404, 200], [404, 403], [422, 403])


async def test_what_a_browser_may_know_is_not_kept(home: House) -> None:
    opened = await session(home, "stripe-web")

    shown = await home.hub.get(f"/v1/payment_sessions/{opened['id']}")

    assert opened["client"]["client_secret"] not in shown.text
    assert shown.json()["client"] is None
