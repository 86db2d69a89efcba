"""Requests that the served OpenAPI document allows, made up by schemathesis, find no 5xx and no undocumented answer.

`FUZZ_EXAMPLES` sets how many requests each operation gets; 12 where it is not set.
"""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.access.rules import Role
from hub.ids import new_id
from hub.migrations import bring_up
from tests.api_page import document
from tests.hub.disputes.test_api_disputes import disputed
from tests.hub.house import QUICK, House, house
from tests.hub.settlement.reports import charge, hand_in, written
from tests.hub.webhooks.kept import delivery, write

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "12"))
UNDERSTOOD: Final = 0.3
ENDPOINT: Final[dict[str, Any]] = {
    "url": "https://shop.invalid/hook", "events": ["payment.*"], "merchant_accounts": None,
}  # fmt: skip
OF_BALANCES: Final = {
    "/v1/merchant_accounts/{account_id}/balances": {"as_of": "2026-01-01T00:00:00Z", "balances": {"EUR": 120}},
}
OF_DISPUTES: Final[dict[str, dict[str, Any]]] = {
    "/v1/disputes/{dispute_id}/evidence": {"text": "the payer had it", "defense": "D1", "file": []},
}
OF_ENDPOINTS: Final[dict[str, dict[str, Any]]] = {
    "/v1/webhook_endpoints": ENDPOINT,
    "/v1/webhook_endpoints/{endpoint_id}": ENDPOINT,
    "/v1/webhook_endpoints/{endpoint_id}/redeliver": {"from_position": st.integers(0, 9), "to_position": None},
    "/v1/events/{event_id}/redeliver": {"endpoint": None},
}
CHARGING: Final = {"/v1/payments", "/v1/payment_methods", "/v1/payments/{payment_id}/confirm"}
"""Operations whose requests must also get as far as to be carried out."""
UNTOLD: Final = ("payment_method", "card", "processors", "customer", "merchant_account", "ruleset", "hour_utc")
"""What a payment that is simulated need not tell."""
PLAIN: Final[dict[str, Any]] = {"risk_min": 0, "risk_max": 100, "region": None, "fees": [], "brands": []}
MALFORMED: Final = {"malformed_request", "validation_failed", "card_data_refused", "unsupported_media_type"}
"""Codes of requests that were not understood. All others come from behind the validation."""
REPORT: Final = written([charge("made-up")])
CHECKS: Final = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip
OPERATIONS: Final = [
    (method.upper(), path) for path, operations in document()["paths"].items() for method in operations
]


class Fuzzed(Struct):
    """A running house, its document, and what is there to be named."""

    url: str
    api_key: str
    document: schemathesis.BaseSchema
    names: dict[str, list[str]]
    payment_method: str


@contextmanager
def fuzzed_house(folder: Path) -> Iterator[Fuzzed]:
    """Run a house in a thread, since schemathesis waits for its answers."""
    ready: Future[Fuzzed] = Future()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def live() -> None:
        settled = replace(QUICK, rate_limit_per_minute=1_000_000)
        url = f"sqlite:///{folder / 'hub.db'}"
        await bring_up(url)
        async with house(url, folder, settings=settled) as made:
            names = await furnished(made)
            served = (await made.hub.client.get("/schema/openapi.json")).json()
            document = schemathesis.openapi.from_dict(served)
            authorization = made.hub.client.headers["authorization"]
            ready.set_result(Fuzzed(made.hub.url, authorization, document, names, made.payment_method))
            await over.wait()

    def run() -> None:
        try:
            loop.run_until_complete(live())
        except BaseException as failure:
            if ready.done():
                raise
            ready.set_exception(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ready.result(60)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


async def furnished(made: House) -> dict[str, list[str]]:
    """Make one of everything, or some, and tell their ids by the parameter that names them."""
    pinned = {"payment_method": made.payment_method, "merchant_account": made.accounts["stripe-eu"]}
    names: dict[str, list[str]] = {name: [] for name in ("payment_id", "refund_id")}
    for capture in ("manual", "automatic", "manual", "automatic"):
        names["payment_id"].append((await made.hub.charge(capture=capture, **pinned)).json()["id"])
    refund = await made.hub.post(f"/v1/payments/{names['payment_id'][1]}/refunds", {"amount": 1})
    names["refund_id"].append(refund.json()["id"])
    customer = await made.hub.post("/v1/customers", {})
    use = {"strategy": "priority", "accounts": list(made.accounts.values())}
    rules = await made.hub.post("/v1/routing/rulesets", {"name": "main", "rules": [], "otherwise": use})
    told = {"url": "https://shop.invalid/hook", "events": ["*"]}
    endpoint = await made.hub.post("/v1/webhook_endpoints", told)
    key = await made.hub.post("/v1/api_keys", {"name": "till", "principal": "ada", "role": "service"})
    names |= {
        "customer_id": [customer.json()["id"]],
        "ruleset_id": [rules.json()["id"]],
        "key_id": [key.json()["id"]],
        "endpoint_id": [endpoint.json()["id"]],
        "session_id": [await _session(made) for _ in range(4)],
        "method_id": [made.payment_method, await made.method(stripe="pm_card_visa")],
        "account_id": [await _spare_account(made)],
        "merchant_account": list(made.accounts.values()),
        "settlement_id": [(await hand_in(made.hub, made.accounts["stripe-eu"], REPORT)).json()["id"]],
        "dispute_id": [(await disputed(made))["id"] for _ in range(4)],
        "delivery_id": await write(made.hub.parts.database, *(delivery(status="parked") for _ in range(4))),
    }
    return names


async def _session(made: Any) -> str:
    sent = {"currency": "EUR", "merchant_account": made.accounts["stripe-eu"]}
    return str((await made.hub.post("/v1/payment_sessions", sent)).json()["id"])


async def _spare_account(made: Any) -> str:
    """An account that may be paused and changed without any charge noticing."""
    body = {"name": "spare", "processor": "stripe", "credentials": {"api_key": "sk_test_spare"}, "currencies": ["NZD"]}
    return str((await made.hub.post("/v1/merchant_accounts", body)).json()["id"])


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed_house(tmp_path_factory.mktemp("fuzzed")) as made:
        yield made


def led_inside(case: Case[Any], fuzzed: Fuzzed, deep: st.DataObject) -> None:
    """Send what the document cannot say: who asks, a key of its own, and, three times in four, names of what is there.

    Nine times in ten the body is given what its fields need of each other, too; everything else in it stays made up.
    """
    for name, known in fuzzed.names.items():
        for said in (case.path_parameters or {}, case.query or {}):
            if name in said and deep.draw(st.integers(0, 3)):
                said[name] = deep.draw(st.sampled_from(known))
    if isinstance(case.body, dict) and deep.draw(st.integers(0, 9)):
        for name, chosen in needed(case.path, fuzzed).items():
            case.body[name] = deep.draw(chosen) if isinstance(chosen, st.SearchStrategy) else chosen
    case.body = whole(case.body)
    case.headers["Authorization"] = fuzzed.api_key
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = new_id("key_")
    if case.method == "DELETE":  # What all other requests name must stay.
        case.path_parameters = {name: new_id("x_") for name in case.path_parameters}


def whole(value: Any) -> Any:
    """Write 12.0 as 12: for a JSON Schema both are whole numbers, for the hub the first is none."""
    if isinstance(value, dict):
        return {name: whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def needed(path: str, fuzzed: Fuzzed) -> dict[str, Any]:
    """What the body of a request to *path* has to say for its fields to agree, as values or as strategies."""
    token = {"processor": "stripe", "token": "pm_card_visa"}
    match path:
        case "/v1/payments":
            return {
                "payment_method": fuzzed.payment_method,
                "payment_method_data": None,
                "merchant_account": None,
                "currency": st.sampled_from(["EUR", "USD", "JPY", "SEK"]),
                "country": st.sampled_from(["DE", "US", None]),
                "return_url": st.sampled_from(["https://shop.example/thanks", None]),
                "risk_score": st.integers(0, 100),
                "metadata": st.sampled_from([{}, {"order": "1042"}]),
            }
        case "/v1/payment_methods":
            return {"processor_tokens": [token], "customer": None, "card": {}}
        case "/v1/payment_methods/{method_id}/processor_tokens":
            return token | {"merchant_account": None, "customer_reference": None}
        case "/v1/payment_sessions/{session_id}/complete":
            return {"token": "pm_card_visa", "data": None}
        case "/v1/merchant_accounts":
            credentials = {"api_key": "sk_test_made_up"}
            return {"processor": "stripe", "credentials": credentials, "currencies": ["NZD"], "countries": []} | PLAIN
        case "/v1/merchant_accounts/{account_id}":
            return {"credentials": {"api_key": "sk_test_made_up"}, "currencies": ["NZD"], "countries": []} | PLAIN
        case "/v1/api_keys":
            return {
                "role": st.sampled_from(Role),
                "scopes": None,
                "expires_at": None,
                "merchant_accounts": None,
                "refund_max": None,
            }
        case _:
            known: dict[str, dict[str, Any]] = OF_BALANCES | OF_ENDPOINTS | OF_DISPUTES | of_routing(fuzzed)
            return known.get(path, {})


def of_routing(fuzzed: Fuzzed) -> dict[str, dict[str, Any]]:
    """What rulesets, simulations and backtests need."""
    use = {"strategy": "priority", "accounts": fuzzed.names["merchant_account"]}
    ruleset = st.sampled_from(fuzzed.names["ruleset_id"])
    return {
        "/v1/routing/rulesets": {"name": st.sampled_from(["main", "second"]), "rules": [], "otherwise": use},
        "/v1/routing/rulesets/{ruleset_id}/activate": {"rollout_percent": 100, "starts_at": None},
        "/v1/routing/simulate": {"country": "DE", "metadata": {}, "risk": None} | dict.fromkeys(UNTOLD),
        "/v1/routing/backtests": {
            "ruleset": ruleset,
            "from": "2026-01-01T00:00:00Z",
            "to": None,
            "merchant_account": None,
        },
    }


def ask_around(fuzzed: Fuzzed, method: str, path: str) -> Counter[str]:
    """Send made-up requests to one operation, check every answer, and count what they came to."""
    operation = fuzzed.document[path][method]
    came_to: Counter[str] = Counter()

    @seed(20261121)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), deep=st.data())
    def one(case: Case[Any], deep: st.DataObject) -> None:
        led_inside(case, fuzzed, deep)
        answer = case.call(base_url=fuzzed.url)
        case.validate_response(answer, checks=CHECKS)
        told = answer.json() if "problem" in answer.headers.get("content-type", [""])[0] else {}
        came_to[str(told.get("code", answer.status_code))] += 1

    one()
    return came_to


@pytest.mark.fault_case(id="API-01")
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_made_up_requests_are_answered_as_documented(fuzzed: Fuzzed, method: str, path: str) -> None:
    """A request is understood when nothing about its form was refused: it succeeds, names what is not there, or is
    refused for the state of things. Three in ten must be, of each operation by itself: none hides behind another.
    """
    came_to = ask_around(fuzzed, method, path)

    understood = came_to.total() - sum(came_to[code] for code in MALFORMED)
    assert understood >= came_to.total() * UNDERSTOOD, came_to
    if method == "POST" and path in CHARGING:
        assert came_to["201"] + came_to["200"] > 0, came_to
