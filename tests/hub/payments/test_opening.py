"""What a caller asks for goes out to the processor as asked, at the first account and at the next."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.contract import Authentication, Authorize, Recurring
from hub.access.rules import ROLES, Caller, Role
from hub.idempotency.store import Key
from hub.payment_methods.store import Means
from hub.payments.asked import OneTimeData, PaymentRequest
from hub.payments.opening import Charge, facts_of, first_attempt, next_attempt, payment_of
from hub.payments.states import OperationState, OperationStatus, Status
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import Operation
from normalization.regions import Region
from normalization.tokens import CardFacts, ProcessorToken
from routing.account_index import Choice
from routing.failover import Next
from routing.plan import Plan
from routing.rules import Authentication as Asked
from tests.hub.payments.making import NOW, eur

CALLER = Caller(key_id="key_1", principal="ada", role=Role.ADMIN, scopes=ROLES[Role.ADMIN], livemode=True)
TOKENS = (
    ProcessorToken(processor="stripe", token="pm_1"),
    ProcessorToken(processor="adyen", token="stored_1"),
)
MEANS = Means(version=1, tokens=TOKENS, card=CardFacts(country="DE"), customer="cus_1", deleted=False)
PLAN = Plan(
    order=(Choice("ma_1", "stripe"), Choice("ma_2", "adyen")),
    excluded=(),
    ruleset="rs_1",
    version=3,
    rule="large",
    authentication=Asked.REQUIRED,
)
ASKED = PaymentRequest(
    amount=1000,
    currency=Currency.EUR,
    reference="invoice-1",
    payment_method="pm_1",
    country="DE",
    recurring=Recurring.INITIAL,
    return_url="https://shop.example/done",
    statement_descriptor="ACME",
)


def wanted(**changes: Any) -> Charge:
    key = Key(key="once", fingerprint=b"asked", location="/v1/payments/pay_1")
    return Charge(
        request=replace(ASKED, **changes),
        caller=CALLER,
        key=key,
        payment_id="pay_1",
        request_id="req_1",
        began_at=NOW,
        means=MEANS,
    )


def back(attempt: str) -> str:
    return f"https://hub.example/return/pay_1?s={attempt}"


def begun(**changes: Any) -> OperationState:
    return first_attempt(wanted(**changes), PLAN, NOW, back)


def sent(attempt: OperationState) -> Authorize:
    return msgspec.json.decode(attempt.request, type=Authorize)


def test_the_request_says_what_was_asked() -> None:
    attempt = begun()

    assert (attempt.livemode, attempt.status, attempt.merchant_account) == (True, OperationStatus.SENDING, "ma_1")
    assert (attempt.requested_by, attempt.key_id, attempt.idempotency_key) == ("ada", "key_1", "once")
    request = sent(attempt)
    assert (request.operation_id, request.payment_id, request.reference) == (attempt.id, "pay_1", "invoice-1")
    assert (request.operation, request.money, request.token) == (Operation.PURCHASE, eur(1000), TOKENS[0])
    assert (request.authentication, request.payer_present) == (Authentication.REQUIRED, True)
    assert (request.recurring, request.statement_descriptor) == (Recurring.INITIAL, "ACME")
    assert request.return_url == back(attempt.id)


def test_what_is_to_be_held_is_only_authorized() -> None:
    assert begun(capture="manual").kind is Operation.AUTHORIZE


@pytest.mark.parametrize("changes", [{"off_session": True}, {"return_url": None}])
def test_who_cannot_come_back_is_sent_nowhere(changes: dict[str, Any]) -> None:
    assert sent(begun(**changes)).return_url is None


def test_one_time_data_is_remembered_to_have_been_there_and_not_kept() -> None:
    data = OneTimeData(processor="stripe", data={"payment_method": "pm_secret"})
    attempt = begun(payment_method=None, payment_method_data=data)

    assert (attempt.one_time, begun().one_time) == (True, False)
    assert b"pm_secret" not in attempt.request


def test_the_next_attempt_is_the_same_wish_under_a_name_of_its_own() -> None:
    first = begun()
    following = Next(PLAN.order[1], "issuer_unavailable")

    attempt = next_attempt(wanted(), first, following, NOW, back)

    before, request = sent(first), sent(attempt)
    assert (attempt.id == first.id, attempt.merchant_account, attempt.processor) == (False, "ma_2", "adyen")
    assert (attempt.reason, request.token, request.return_url) == ("issuer_unavailable", TOKENS[1], back(attempt.id))
    assert request.routed is not None
    assert (request.routed.merchant_account, request.routed.rule, request.routed.version) == ("ma_2", "large", 3)
    own = {"operation_id": before.operation_id, "token": before.token, "return_url": before.return_url}
    assert replace(request, routed=before.routed, **own) == before


def test_the_payment_tells_who_pays_from_where_and_for_whom() -> None:
    asked = wanted()

    paid = payment_of(asked, PLAN, facts_of(asked, NOW), NOW, begun())

    assert (paid.livemode, paid.status, paid.region, paid.customer) == (True, Status.PROCESSING, Region.EEA, "cus_1")
    assert (paid.holds_reference, paid.ruleset, paid.rule) == (True, "rs_1", "large")


def test_what_a_rule_refuses_holds_no_reference() -> None:
    asked = wanted()
    refusing = replace(PLAN, order=(), refusal=DeclineCode.BLOCKED_BY_RISK_RULE)

    paid = payment_of(asked, refusing, facts_of(asked, NOW), NOW, None)

    assert (paid.status, paid.holds_reference, paid.attempt_id) == (Status.FAILED, False, None)
    assert paid.decline is not None
    assert paid.decline.code is DeclineCode.BLOCKED_BY_RISK_RULE


def test_routing_is_told_whether_the_payer_is_there() -> None:
    facts = facts_of(wanted(off_session=True), NOW)

    assert (facts.off_session, facts.livemode, facts.hour_utc, facts.customer) == (True, True, NOW.hour, "cus_1")
