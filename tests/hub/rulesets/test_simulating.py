"""Where a payment would go, and why, without one being made."""

from typing import Any

import pytest
import pytest_asyncio

from hub.access.rules import Role
from tests.hub.house import House
from tests.hub.money import rows

PATH = "/v1/routing/simulate"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def blocking(home: House) -> str:
    """A ruleset that decides nothing: it refuses what is risky and sends euros to Adyen."""
    rules = [
        {"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"},
        {
            "name": "euro",
            "when": {"fact": "currency", "eq": "EUR"},
            "use": {"strategy": "priority", "accounts": [home.accounts["adyen-eu"]]},
            "authentication": "required",
        },
    ]
    answer = await home.hub.post("/v1/routing/rulesets", {"name": "tried", "rules": rules})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def simulated(home: House, **changes: Any) -> dict[str, Any]:
    answer = await home.hub.post(PATH, {"amount": 4999, "currency": "EUR"} | changes)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_charge_is_decided_as_it_was_simulated_and_nothing_else_happened(home: House) -> None:
    before = await rows(home, "SELECT count(*) AS n FROM payments")
    asked = {"payment_method": home.payment_method, "country": "DE", "reference": "invoice-as-simulated"}

    told = await simulated(home, **asked)
    unchanged = await rows(home, "SELECT count(*) AS n FROM payments")
    charged = (await home.hub.charge(**asked)).json()

    assert (told["outcome"], before) == ("routed", unchanged)
    assert told["routing"] == charged["routing"]


async def test_every_account_is_listed_in_order_or_with_its_reason(home: House) -> None:
    told = await simulated(home, currency="USD", processors=["adyen", "stripe"])

    considered = {one["merchant_account"]: one["reason"] for one in told["routing"]["considered"]}
    assert considered == {home.accounts["stripe-eu"]: None, home.accounts["adyen-eu"]: "currency"}


async def test_another_ruleset_can_be_tried(home: House, blocking: str) -> None:
    risky = await simulated(home, ruleset=blocking, risk_score=99)
    euro = await simulated(home, ruleset=blocking, risk_score=1)
    unknown = await simulated(home, ruleset=blocking)

    assert (risky["outcome"], risky["refusal"]) == ("refused", "blocked_by_risk_rule")
    assert (euro["routing"]["rule"], euro["authentication"]) == ("euro", "required")
    assert euro["routing"]["considered"][0]["merchant_account"] == home.accounts["adyen-eu"]
    assert unknown["routing"]["unknown_facts"] == ["risk_score"]


async def test_a_bare_card_is_what_the_rules_see(home: House) -> None:
    card = {"brand": "visa", "funding": "debit", "country": "FR", "bin": "424242"}

    told = await simulated(home, card=card, processors=["stripe"], hour_utc=3, metadata={"order": "7"})

    assert {name: told["facts"]["card"][name] for name in card} == card
    assert (told["facts"]["hour_utc"], told["facts"]["metadata"]) == (3, {"order": "7"})
    reasons = {one["merchant_account"]: one["reason"] for one in told["routing"]["considered"]}
    assert reasons[home.accounts["adyen-eu"]] == "token"


async def test_where_none_fits_that_is_the_answer_and_no_error(home: House) -> None:
    told = await simulated(home, currency="SEK")

    assert told["outcome"] == "no_merchant_account"
    assert {one["reason"] for one in told["routing"]["considered"]} == {"currency"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ruleset": "rs_none"}, "ruleset"),
        ({"payment_method": "pm_none"}, "payment_method"),
        ({"payment_method": "pm_none", "card": {"brand": "visa"}}, "card"),
        ({"country": "XX"}, "country"),
        ({"amount": 0}, "amount"),
        ({"credentials": {}}, "credentials"),
    ],
)
async def test_what_cannot_be_simulated_is_refused_by_field(home: House, changes: dict[str, Any], field: str) -> None:
    answer = await home.hub.post(PATH, {"amount": 4999, "currency": "EUR"} | changes)

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


async def test_a_key_of_some_accounts_hears_of_those_only_and_one_of_another_job_of_none(home: House) -> None:
    own = home.accounts["adyen-eu"]
    some = await home.caller(Role.OPERATOR, merchant_accounts=frozenset({own}))
    service = await home.caller(Role.SERVICE)
    body = {"amount": 4999, "currency": "EUR"}

    told = (await home.hub.client.post(PATH, json=body, headers=some)).json()
    refused = await home.hub.client.post(PATH, json=body, headers=service)

    assert [one["merchant_account"] for one in told["routing"]["considered"]] == [own]
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_a_key_of_some_accounts_does_not_hear_where_else_a_token_is_bound(home: House) -> None:
    own, others = home.accounts["adyen-eu"], home.accounts["stripe-eu"]
    some = await home.caller(Role.OPERATOR, merchant_accounts=frozenset({own}))
    token = {"processor": "stripe", "token": "pm_card_visa", "merchant_account": others}
    made = await home.hub.post("/v1/payment_methods", {"type": "card", "processor_tokens": [token]})
    body = {"amount": 4999, "currency": "EUR", "payment_method": made.json()["id"]}

    told = await home.hub.client.post(PATH, json=body, headers=some)
    all_of_it = await home.hub.post(PATH, body)

    assert (others in all_of_it.text, others in told.text, told.json()["outcome"]) == (
        True,
        False,
        "no_merchant_account",
    )


async def test_another_modes_ruleset_is_none(home: House, blocking: str) -> None:
    live = await home.caller(Role.ADMIN, livemode=True)

    answer = await home.hub.client.post(PATH, json={"amount": 1, "currency": "EUR", "ruleset": blocking}, headers=live)

    assert answer.status_code == 422
