"""What is learned stays bounded, ranking once is ranking each time, and schedules are held against what was charged."""

from collections import Counter

from msgspec.structs import replace

from normalization.money import Currency
from normalization.regions import Region
from routing.accounts import Fee
from routing.choosing import EXPLORED_IN_ALL, Figures
from routing.costs import EffectiveFee, fee_differences
from routing.evidence import GROUPS_MAX, NOTHING, Outcome, groups_of, groups_within, learn
from routing.plan import Snapshot, compile_ruleset, plan
from routing.validation import validate
from tests.routing.samples import account, decoded, facts, snapshot, use
from tests.routing.traffic import payments

MANY = [f"ma_{number}" for number in range(1, 41)]


def ranking(figures: Figures) -> Snapshot:
    rules = decoded(otherwise=use(*MANY, strategy="approval_rate"))
    assert validate(rules, MANY) == []
    compiled = compile_ruleset(rules, id="rs_1", version=1)
    return snapshot(*(account(name) for name in MANY), ruleset=compiled, figures=figures)


def test_however_many_accounts_there_are_the_best_one_gets_most_of_the_traffic() -> None:
    traffic = payments(2_000, seed=3)
    proven = learn(NOTHING, [Outcome("ma_7", groups_of(one), approved=True) for one in traffic[:200]])
    known = ranking(Figures(evidence=proven))

    went = Counter(plan(one, known).order[0].merchant_account for one in traffic)

    assert 1 - EXPLORED_IN_ALL - 0.02 <= went["ma_7"] / len(traffic) <= 1 - EXPLORED_IN_ALL + 0.02
    assert len(went) > len(MANY) / 2


def test_a_ranking_is_never_that_of_other_evidence() -> None:
    payment = payments(1, seed=3)[0]
    good = learn(NOTHING, [Outcome("ma_7", groups_of(payment), approved=True)] * 50)
    figures = Figures(evidence=good)
    before = plan(payment, ranking(figures)).scores

    other = replace(figures, evidence=learn(good, [Outcome("ma_7", groups_of(payment), approved=False)] * 50))

    assert plan(payment, ranking(other)).scores == plan(payment, ranking(Figures(evidence=other.evidence))).scores
    assert plan(payment, ranking(other)).scores != before


def test_the_groups_seen_longest_ago_are_forgotten_and_the_coarsest_never() -> None:
    groups = [("EUR", "visa", "credit", f"{n}") for n in range(GROUPS_MAX)]
    known = learn(NOTHING, [Outcome("ma_1", groups_within(group), approved=True) for group in groups])

    assert len(known.seen) == GROUPS_MAX
    assert {(), ("EUR",), ("EUR", "visa", "credit"), groups[-1]} <= set(known.seen)
    assert groups[0] not in known.seen
    assert {group for group, _ in known.tallies} == set(known.seen)


def test_the_groups_of_a_payment_are_those_that_its_finest_lies_in() -> None:
    payment = facts()

    assert groups_within(groups_of(payment)[-1]) == groups_of(payment)


def test_a_kind_of_card_is_held_against_the_schedules_row_for_it() -> None:
    schedule = [
        Fee(card_region=Region.US, percent_bps=350),
        Fee(currency=Currency.EUR, percent_bps=140, fixed_minor=25),
    ]
    learned = [
        EffectiveFee(currency=Currency.EUR, percent_ppm=13_500, fixed_minor=25, lines=90),
        EffectiveFee(currency=Currency.USD, percent_ppm=29_000, lines=40),
    ]

    found = fee_differences(schedule, learned)

    assert [(one.scheduled, one.learned, one.percent_ppm, one.fixed_minor) for one in found] == [
        (schedule[1], learned[0], -500, 0),
        (None, learned[1], None, None),
        (schedule[0], None, None, None),
    ]
