"""What comes back with a report is held against our own record, and never trusted."""

import msgspec
import pytest
from prometheus_client import REGISTRY

from adapters.contract import Routed
from adapters.tagging import read_back, routing_metadata
from hub.payments.tags import compared, disagreeing
from normalization.outcome import Operation
from tests.hub.payments.making import operation, payment, report

ROUTED = Routed(merchant_account="ma_1", attempt="att_1", ruleset="rs_1", version=3, rule="eu-" + "cards" * 40)
SENT: dict[str, str | None] = {
    "hub_merchant_account": "ma_1",
    "hub_attempt": "att_1",
    "hub_ruleset": "rs_1",
    "hub_ruleset_version": "3",
    "hub_rule": ROUTED.rule,
}


@pytest.mark.parametrize("longest", [20, 80, 500])
def test_what_went_out_comes_back_as_it_was_however_short_it_was_cut(longest: int) -> None:
    came = read_back(routing_metadata(ROUTED, longest=longest))

    assert (set(came), disagreeing(came, SENT)) == (set(SENT), {})


@pytest.mark.parametrize(
    ("name", "told"),
    [("hub_ruleset", "rs_2"), ("hub_ruleset_version", "4"), ("hub_rule", "eu-cards"), ("hub_merchant_account", "ma_2")],
)
def test_what_is_another_is_told(name: str, told: str) -> None:
    assert disagreeing({**read_back(routing_metadata(ROUTED, longest=80)), name: told}, SENT) == {name: told}


def test_a_rule_where_none_decided_disagrees_and_what_we_have_no_record_of_does_not() -> None:
    assert disagreeing({"hub_rule": "any", "hub_payment": "pay_1"}, {"hub_rule": None}) == {"hub_rule": "any"}


def test_what_disagrees_is_told_and_counted() -> None:
    attempt = operation(request=msgspec.json.encode({"operation": "purchase", "routed": {"merchant_account": "ma_1"}}))
    refund = operation(Operation.REFUND)
    told = {"hub_payment": "pay_1", "reference": "invoice-1", "hub_attempt": "att_1", "hub_ruleset": "rs_9"}
    before = counted("hub_ruleset")

    wrong = compared(payment(), refund, (attempt, refund), report(Operation.REFUND, tags=told))

    assert (wrong, counted("hub_ruleset") - before) == ({"hub_ruleset": "rs_9"}, 1)


def counted(tag: str) -> float:
    return REGISTRY.get_sample_value("hub_tags_disagreeing_total", {"tag": tag, "processor": "stripe"}) or 0


def test_only_our_own_names_are_read_and_only_as_text() -> None:
    given = {"metadata.hub_rule": "eu", "metadata.color": "red", "metadata.hub_ruleset": 7, "hub_payment": "pay_1"}

    assert read_back(given, before="metadata.") == {"hub_rule": "eu"}
