"""What strategies do for all accounts at once is what they do one by one, whatever is known and whatever is missing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from normalization.money import Currency, Money
from normalization.regions import Region
from normalization.tokens import CardFacts
from routing.accounts import Fee, MerchantAccount
from routing.choosing import Figures, Score
from routing.costs import LINES_MIN, EffectiveFee, Unpriced
from routing.eligibility import Reason
from routing.evidence import NOTHING, Evidence, Latest, Outcome, Tally, groups_of, learn
from routing.facts import Facts
from routing.plan import Plan, Snapshot, plan
from routing.rules import Use
from tests.routing.plain_orders import cheapest, cost, drawn, left, likeliest, told
from tests.routing.plainly import sorted_out
from tests.routing.samples import ACCOUNTS, account, facts, ruleset, snapshot, use

CARDS = [CardFacts(), CardFacts(brand="visa", funding="credit", country="DE"), CardFacts(brand="amex", country="US")]
fees = st.builds(
    Fee,
    currency=st.sampled_from([None, Currency.EUR, Currency.JPY]),
    card_region=st.sampled_from([None, Region.EEA, Region.US]),
    percent_bps=st.integers(0, 10_000),
    fixed_minor=st.integers(0, 500),
)
some_accounts = st.lists(
    st.builds(
        account,
        id=st.sampled_from(ACCOUNTS),
        currencies=st.sampled_from([frozenset(), frozenset({Currency.EUR})]),
        fees=st.lists(fees, max_size=3).map(tuple),
        settlement_days=st.sampled_from([0, 2, 30]),
    ),
    unique_by=lambda one: one.id,
)
payments = st.builds(
    facts,
    money=st.builds(Money, st.integers(1, 10**11), st.sampled_from([Currency.EUR, Currency.JPY])),
    reference=st.text(max_size=5),
    card=st.sampled_from(CARDS),
)
outcomes = st.lists(
    st.builds(
        Outcome,
        st.sampled_from(ACCOUNTS),
        st.builds(groups_of, st.builds(facts, card=st.sampled_from(CARDS))),
        st.booleans(),
    ),
    max_size=60,
)
learned = st.dictionaries(
    st.sampled_from(ACCOUNTS),
    st.lists(
        st.builds(
            EffectiveFee,
            currency=st.sampled_from([Currency.EUR, Currency.JPY]),
            card_brand=st.sampled_from([None, "visa"]),
            percent_ppm=st.integers(0, 1_000_000),
            lines=st.sampled_from([LINES_MIN - 1, LINES_MIN]),
        ),
        max_size=2,
    ),
)
figures = st.builds(
    Figures,
    evidence=outcomes.map(lambda told: learn(NOTHING, told)),
    learned_fees=learned,
    chargebacks=st.dictionaries(st.sampled_from(ACCOUNTS), st.floats(0, 1)),
)
margins = st.fixed_dictionaries(
    {
        "margin_bps": st.integers(1, 10_000),
        "chargeback_bps": st.integers(0, 10_000),
        "chargeback_fee_minor": st.integers(0, 5_000),
        "capital_bps": st.integers(0, 10_000),
    }
)


def knowing(accounts: list[MerchantAccount], known: Figures, strategy: str, **more: object) -> tuple[Snapshot, Use]:
    margin = {"margin_bps": 300} if strategy == "net_revenue" else {}
    rules = ruleset(otherwise=use(*ACCOUNTS, strategy=strategy, **margin | more))
    assert rules.otherwise is not None
    assert rules.otherwise.use is not None
    return snapshot(*accounts, ruleset=rules, figures=known), rules.otherwise.use


def fitting(known: Snapshot, payment: Facts) -> list[MerchantAccount]:
    """Those to order, as listed."""
    by_id = {one.id: one for one in known.accounts.accounts}
    return [by_id[one.merchant_account] for one in sorted_out(payment, known, ACCOUNTS, Reason.NOT_IN_RULE)[0]]


def order(decided: Plan) -> list[str]:
    return [choice.merchant_account for choice in decided.order]


@given(some_accounts, payments, st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any))
@settings(max_examples=40)
def test_a_split_draws_those_that_fit(accounts: list[MerchantAccount], payment: Facts, weights: list[int]) -> None:
    known, used = knowing(accounts, Figures(), "split", weights=weights)

    lot = f"main:otherwise:{payment.reference}"
    assert order(plan(payment, known)) == drawn([one.id for one in fitting(known, payment)], used, lot)


@given(some_accounts, payments, figures)
@settings(max_examples=60)
def test_the_cheapest_comes_first(accounts: list[MerchantAccount], payment: Facts, told_before: Figures) -> None:
    known, _ = knowing(accounts, told_before, "least_cost")

    decided = plan(payment, known)

    plain = cheapest(fitting(known, payment), payment, told_before)
    assert [(score.merchant_account, score.cost_minor) for score in decided.scores] == plain
    assert order(decided) == [name for name, _ in plain]
    assert all((score.cost_minor is None) is (score.unpriced is not None) for score in decided.scores)


@given(some_accounts, payments, figures)
@settings(max_examples=60)
def test_the_likeliest_comes_first(accounts: list[MerchantAccount], payment: Facts, told_before: Figures) -> None:
    known, _ = knowing(accounts, told_before, "approval_rate")

    lot = f"main:otherwise:{payment.reference}"
    assert order(plan(payment, known)) == likeliest(fitting(known, payment), payment, told_before, lot)


@given(some_accounts, payments, figures, margins)
@settings(max_examples=60)
def test_who_leaves_most_comes_first_with_the_figures_it_was_put_there_for(
    accounts: list[MerchantAccount], payment: Facts, told_before: Figures, more: dict[str, int]
) -> None:
    known, used = knowing(accounts, told_before, "net_revenue", **more)

    decided = plan(payment, known)

    those = {one.id: one for one in fitting(known, payment)}
    shown = [score.net_minor for score in decided.scores if score.net_minor is not None]
    assert shown == sorted(shown, reverse=True)
    assert order(decided) == [score.merchant_account for score in decided.scores]
    assert set(order(decided)) == set(those)
    for score in decided.scores:
        chosen = those[score.merchant_account]
        exact = left(chosen, used, payment, told_before)
        assert score.cost_minor == cost(chosen, payment, told_before)
        assert score.approval == round(told(chosen, payment, told_before).approval, 4)
        assert (score.net_minor is None) is (exact is None)
        assert exact is None or score.net_minor == pytest.approx(float(exact), rel=1e-9, abs=0.011)


@given(st.permutations(ACCOUNTS), payments, figures, st.sampled_from(["least_cost", "net_revenue"]))
@settings(max_examples=40)
def test_what_was_kept_of_other_payments_and_accounts_changes_nothing(
    names: list[str], payment: Facts, told_before: Figures, strategy: str
) -> None:
    cheap = [account(name, fees=(Fee(percent_bps=100),)) for name in names]
    dear = [account(name, fees=(Fee(percent_bps=100 + n),)) for n, name in enumerate(names)]
    alone = plan(payment, knowing(dear, replace(told_before, ranked={}, terms={}), strategy)[0])

    plan(payment, knowing(cheap, told_before, strategy)[0])

    assert plan(payment, knowing(dear, told_before, strategy)[0]) == alone


class TestWhatIsMissing:
    """Nothing that is missing or strange fails a plan; what could not be looked at says so."""

    @pytest.mark.parametrize(
        ("schedule", "why"),
        [
            ((), Unpriced.NO_FEES),
            ((Fee(currency=Currency.USD, percent_bps=100),), Unpriced.CURRENCY),
            ((Fee(currency=Currency.USD), Fee(currency=Currency.EUR, card_region=Region.US)), Unpriced.CARD_REGION),
            ((Fee(card_region=Region.US),), Unpriced.CARD_REGION),
        ],
    )
    @pytest.mark.parametrize("strategy", ["least_cost", "net_revenue"])
    def test_an_account_without_a_cost_comes_last_and_says_why(
        self, schedule: tuple[Fee, ...], why: Unpriced, strategy: str
    ) -> None:
        accounts = [account("ma_1", fees=schedule), account("ma_2", fees=(Fee(percent_bps=9_999),))]

        decided = plan(facts(card=CARDS[1]), knowing(accounts, Figures(), strategy)[0])

        assert order(decided) == ["ma_2", "ma_1"]
        assert [score.unpriced for score in decided.scores] == [None, why]

    @pytest.mark.parametrize("strategy", ["least_cost", "net_revenue"])
    def test_accounts_none_of_which_has_a_cost_stay_as_listed(self, strategy: str) -> None:
        decided = plan(facts(), knowing([account(name) for name in ACCOUNTS], Figures(), strategy)[0])

        assert order(decided) == list(ACCOUNTS)
        assert {score.unpriced for score in decided.scores} == {Unpriced.NO_FEES}

    @pytest.mark.parametrize("strategy", ["approval_rate", "net_revenue"])
    def test_evidence_that_weighs_nothing_any_more_says_nothing(self, strategy: str) -> None:
        groups = groups_of(facts())
        faded = Evidence(
            seen=dict.fromkeys(groups, 10**9),
            tallies={(group, "ma_2"): Tally(0.0, 0.0, 0) for group in groups},
            latest={"ma_2": Latest()},
        )
        accounts = [account(name, fees=(Fee(percent_bps=100),)) for name in ACCOUNTS]

        decided = plan(facts(reference="kept"), knowing(accounts, Figures(evidence=faded), strategy)[0])

        assert {(score.approval, score.outcomes) for score in decided.scores} == {(0.8, 0.0)}

    def test_where_everything_loses_money_the_smallest_loss_comes_first(self) -> None:
        accounts = [account(name, fees=(Fee(percent_bps=500 - 100 * n),)) for n, name in enumerate(ACCOUNTS)]

        decided = plan(facts(), knowing(accounts, Figures(), "net_revenue", margin_bps=1)[0])

        assert order(decided) == ["ma_3", "ma_2", "ma_1"]
        assert [_sign(score) for score in decided.scores] == [-1, -1, -1]


def _sign(score: Score) -> int:
    assert score.net_minor is not None
    return (score.net_minor > 0) - (score.net_minor < 0)
