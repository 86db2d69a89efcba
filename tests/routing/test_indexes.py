"""What is found for all rules and all accounts at once is what is found one by one."""

import time
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.eligibility import Reason
from routing.facts import Chargeable, Facts
from routing.plan import Snapshot, plan
from routing.rates import rates_of
from routing.rule_index import RuleIndex
from routing.rules import Condition, RuleSet
from tests.routing.plainly import deciding, sorted_out
from tests.routing.samples import facts
from tests.routing.test_plan import some_facts, some_snapshots

NUMBERS = st.integers(0, 6)
RISKS = st.sampled_from([None, 0, 1, 2.5, True, False, "a", "b", ""])


def leaves() -> st.SearchStrategy[dict[str, Any]]:
    numbers = st.one_of(
        st.builds(lambda op, n: {op: n}, st.sampled_from(["lt", "lte", "gt", "gte", "eq", "ne"]), NUMBERS),
        st.builds(lambda a, b: {"gte": a, "lt": b}, NUMBERS, NUMBERS),
        st.builds(lambda op, n: {op: n}, st.sampled_from(["in", "not_in"]), st.lists(NUMBERS, min_size=1, max_size=3)),
    )
    words = st.sampled_from([{"eq": "DE"}, {"ne": "DE"}, {"in": ["DE", "FR"]}, {"not_in": ["US"]}, {"exists": True}])
    digits = st.sampled_from([
        {"starts_with": ["4"]}, {"starts_with": ["41", "4111"]}, {"starts_with": ["5", "411111"]}, {"eq": "411111"},
        {"starts_with": ["49", "4"], "ne": "411111"}, {"in": ["41111122", "555555"]}, {"starts_with": ["41111122"]},
    ])  # fmt: skip
    counts = st.sampled_from(["velocity.customer.1h", "declines.device.24h", "amount_in.USD", "amount_in.JPY"])
    risks = st.sampled_from([{"eq": "a"}, {"ne": True}, {"eq": True}, {"lt": 2}, {"in": [1, 2.5]}, {"exists": False}])
    return st.one_of(
        st.builds(lambda f, o: {"fact": f} | o, st.sampled_from(["risk_score", "amount", "hour_utc"]), numbers),
        st.builds(lambda f, o: {"fact": f} | o, st.sampled_from(["country", "card.country"]), words),
        st.builds(lambda o: {"fact": "risk.x"} | o, risks),
        st.builds(lambda o: {"fact": "card.bin"} | o, digits),
        st.builds(lambda f, o: {"fact": f} | o, counts, numbers),
        st.sampled_from(
            [
                {"fact": "recurring", "exists": True},
                {"fact": "recurring", "exists": False, "ne": "initial"},
                {"fact": "off_session", "eq": True},
            ]
        ),
    )


conditions = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)
rulesets = st.lists(conditions, max_size=12).map(
    lambda whens: msgspec.convert(
        {
            "name": "main",
            "rules": [{"name": f"r{i}", "when": when, "refuse": "x"} for i, when in enumerate(whens)],
            "rates": {"EUR": "0.9", "USD": "1.0842", "JPY": "3"},
        },
        RuleSet,
    )
)
payments = st.builds(
    facts,
    money=st.builds(Money, NUMBERS, st.sampled_from([Currency.EUR, Currency.KWD, Currency.JPY])),
    risk_score=st.none() | NUMBERS,
    hour_utc=NUMBERS,
    country=st.sampled_from([None, "DE", "FR", "US"]),
    card=st.builds(
        CardFacts,
        country=st.sampled_from([None, "DE", "FR", "US"]),
        bin=st.sampled_from([None, "411111", "41111122", "41", "400000", "499999", "555555", "5", "6"]),
    ),
    counted=st.fixed_dictionaries({}, optional={"velocity.customer.1h": NUMBERS, "declines.device.24h": NUMBERS}),
    risk=st.fixed_dictionaries({}, optional={"x": RISKS}),
    recurring=st.sampled_from([None, "initial", "subsequent"]),
    off_session=st.booleans(),
)


@given(rulesets, payments)
def test_the_rule_that_decides_is_the_first_that_is_true(ruleset: RuleSet, payment: Facts) -> None:
    found = RuleIndex([rule.when for rule in ruleset.rules], rates_of(ruleset.rates)).find(payment)

    assert (found.place, set(found.unknown_facts)) == deciding(ruleset, payment)


@given(some_facts, some_snapshots, st.none() | st.frozensets(st.sampled_from(["ma_1", "ma_2", "ma_9"])))
def test_accounts_are_sorted_out_as_one_by_one(payment: Facts, known: Snapshot, allowed: frozenset[str] | None) -> None:
    known = msgspec.structs.replace(known, ruleset=None, allowed=allowed)
    pinned = payment.merchant_account
    everybody = tuple(sorted(one.id for one in known.accounts.accounts))
    wanted, not_wanted = ((pinned,), Reason.PINNED) if pinned else (everybody, Reason.NOT_IN_RULE)

    decided = plan(payment, known)

    assert (list(decided.order), set(decided.excluded)) == sorted_out(payment, known, wanted, not_wanted)
    assert len(set(decided.excluded)) == len(decided.excluded)


def test_a_payment_without_an_amount_fits_every_range() -> None:
    known = Snapshot()
    assert plan(facts(money=Money(0, Currency.EUR), chargeable=Chargeable(())), known).order == ()


def test_thousands_of_card_numbers_in_hundreds_of_rules_are_compiled_in_a_moment() -> None:
    rules = [
        msgspec.convert({"fact": "card.bin", "in": [f"{100 * rule + n:08}" for n in range(100)]}, Condition)
        for rule in range(200)
    ]
    began = time.process_time()

    index = RuleIndex(rules)

    assert time.process_time() - began < 2.0  # Each value compared with each rule's would take three times that.
    assert index.find(replace(facts(), card=CardFacts(bin="00019999"))).place == 199
    assert index.find(replace(facts(), card=CardFacts(bin="00020000"))).place is None
