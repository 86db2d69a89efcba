"""How a shadow's plan differs is one word."""

from normalization.declines import DeclineCode
from routing.account_index import Choice
from routing.plan import Plan
from routing.shadow import Verdict, compare


def going(*accounts: str) -> Plan:
    return Plan(order=tuple(Choice(account, "stripe") for account in accounts), excluded=())


def refusing(code: DeclineCode | None) -> Plan:
    return Plan(order=(), excluded=(), refusal=code)


BLOCKED = refusing(DeclineCode.BLOCKED_BY_RISK_RULE)


def test_the_same_order_agrees_whichever_rule_said_so() -> None:
    assert compare(going("ma_1", "ma_2"), going("ma_1", "ma_2")) is Verdict.AGREEING
    assert compare(BLOCKED, BLOCKED) is Verdict.AGREEING
    assert compare(refusing(None), refusing(None)) is Verdict.AGREEING


def test_another_first_account_weighs_more_than_another_order() -> None:
    assert compare(going("ma_1", "ma_2"), going("ma_2", "ma_1")) is Verdict.OTHER_ACCOUNT
    assert compare(going("ma_1", "ma_2"), going("ma_1")) is Verdict.OTHER_ORDER


def test_a_refusal_of_one_alone_or_another_is_told_as_such() -> None:
    assert compare(going("ma_1"), BLOCKED) is Verdict.REFUSAL
    assert compare(refusing(None), going("ma_1")) is Verdict.REFUSAL
    assert compare(BLOCKED, refusing(DeclineCode.SUSPECTED_FRAUD)) is Verdict.REFUSAL
    assert compare(BLOCKED, refusing(None)) is Verdict.REFUSAL
