"""What routing decided, as metadata: complete, and within the bounds of every processor."""

from adapters.contract import Routed
from adapters.tagging import routing_metadata

ADYENS_LONGEST_NAME = 20
ROUTED = Routed(merchant_account="ma_1", attempt="att_1", ruleset="rs_1", version=3, rule="eu-cards")


def test_what_there_is_travels_under_names_that_every_processor_takes() -> None:
    told = routing_metadata(ROUTED, longest=80)

    assert told == {
        "hub_merchant_account": "ma_1",
        "hub_attempt": "att_1",
        "hub_ruleset": "rs_1",
        "hub_ruleset_version": "3",
        "hub_rule": "eu-cards",
    }
    assert max(map(len, told)) <= ADYENS_LONGEST_NAME


def test_what_nobody_decided_is_left_out() -> None:
    assert routing_metadata(Routed(merchant_account="ma_1"), longest=80) == {"hub_merchant_account": "ma_1"}
    assert routing_metadata(None, longest=80) == {}


def test_what_is_too_long_is_always_cut_alike_and_two_stay_apart() -> None:
    def cut(rule: str) -> str:
        return routing_metadata(Routed(merchant_account="ma_1", rule=rule), longest=80)["hub_rule"]

    one, other = cut("x" * 99 + "1"), cut("x" * 99 + "2")

    assert (len(one), one) == (80, cut("x" * 99 + "1"))
    assert one.startswith("x" * 71 + "~")
    assert one != other
