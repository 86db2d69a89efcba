"""Orders by figures: cost, approval, what is left; each place with the figures it was given for."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from normalization.money import Currency, Money
from normalization.regions import Region
from normalization.tokens import CardFacts
from routing.accounts import Fee
from routing.choosing import OUTCOMES_MIN, Figures
from routing.costs import LINES_MIN, EffectiveFee, expected_cost
from routing.evidence import NOTHING, Evidence, Outcome, estimate, groups_of, learn
from routing.plan import Plan, compile_ruleset, plan
from routing.rules import RuleSet, Strategy, Use
from tests.routing.samples import account, facts, ruleset, snapshot, use

CHEAP = account("ma_1", fees=(Fee(percent_bps=100, fixed_minor=10),))
DEAR = account("ma_2", "adyen", fees=(Fee(percent_bps=300),))
UNKNOWN = account("ma_3")
UNTOLD = Figures()
VISA_DE = CardFacts(brand="visa", funding="credit", country="DE")


def planned(strategy: str, figures: Figures = UNTOLD, **more: object) -> Plan:
    rules = ruleset(otherwise=use("ma_2", "ma_1", "ma_3", strategy=strategy, **more))
    return plan(facts(card=VISA_DE), snapshot(CHEAP, DEAR, UNKNOWN, ruleset=rules, figures=figures))


def order(decided: Plan) -> list[str]:
    return [choice.merchant_account for choice in decided.order]


def outcomes(name: str, approved: int, declined: int) -> list[Outcome]:
    groups = groups_of(facts(card=VISA_DE))
    mixed = [n * (approved + declined) // approved for n in range(approved)]
    return [Outcome(name, groups, n in mixed) for n in range(approved + declined)]


class TestLeastCost:
    def test_the_cheapest_is_first_and_who_has_no_fees_last(self) -> None:
        decided = planned("least_cost")

        assert order(decided) == ["ma_1", "ma_2", "ma_3"]
        assert [score.cost_minor for score in decided.scores] == [60, 150, None]

    def test_accounts_of_equal_cost_stay_as_listed(self) -> None:
        rules = ruleset(otherwise=use("ma_2", "ma_1", strategy="least_cost"))
        same = [account(name, fees=(Fee(percent_bps=100),)) for name in ("ma_1", "ma_2")]

        assert order(plan(facts(), snapshot(*same, ruleset=rules))) == ["ma_2", "ma_1"]

    def test_what_settlements_showed_counts_instead_of_the_schedule(self) -> None:
        real = EffectiveFee(currency=Currency.EUR, card_brand="visa", percent_ppm=50_000, lines=LINES_MIN)

        decided = planned("least_cost", Figures(learned_fees={"ma_1": [real]}))

        assert order(decided) == ["ma_2", "ma_1", "ma_3"]
        assert [score.learned for score in decided.scores] == [False, True, False]

    def test_too_few_lines_or_another_kind_of_card_change_nothing(self) -> None:
        few = EffectiveFee(currency=Currency.EUR, percent_ppm=50_000, lines=LINES_MIN - 1)
        amex = EffectiveFee(currency=Currency.EUR, card_brand="amex", percent_ppm=50_000, lines=LINES_MIN)

        assert order(planned("least_cost", Figures(learned_fees={"ma_1": [few, amex]}))) == ["ma_1", "ma_2", "ma_3"]

    def test_the_row_that_names_most_of_the_card_counts(self) -> None:
        general = EffectiveFee(currency=Currency.EUR, percent_ppm=10_000, lines=9_000)
        close = EffectiveFee(
            currency=Currency.EUR, card_brand="visa", card_funding="credit", percent_ppm=20_000, lines=30
        )

        cost = expected_cost(Money(10_000, Currency.EUR), (), [general, close], VISA_DE)

        assert cost is not None
        assert (cost.minor, cost.learned) == (200, True)

    def test_a_row_for_a_card_region_fits_cards_of_it_alone(self) -> None:
        rows = (Fee(card_region=Region.EEA, percent_bps=50), Fee(percent_bps=300))
        costs = [
            expected_cost(Money(10_000, Currency.EUR), rows, (), CardFacts(country=country))
            for country in ("DE", "US", None)
        ]

        assert [cost.minor for cost in costs if cost] == [50, 300, 300]


class TestApprovalRate:
    def test_without_evidence_the_list_decides(self) -> None:
        assert order(planned("approval_rate"))[0] == "ma_2"

    def test_the_likeliest_is_first_once_there_is_evidence(self) -> None:
        evidence = learn(NOTHING, outcomes("ma_1", 195, 5) + outcomes("ma_2", 120, 80))

        decided = planned("approval_rate", Figures(evidence=evidence))

        best = max(decided.scores, key=lambda score: score.approval or 0)
        assert best.merchant_account == "ma_1"
        assert order(decided)[0] == "ma_1" or decided.scores[0].explored

    def test_a_few_lucky_outcomes_prove_nothing(self) -> None:
        lucky = learn(learn(NOTHING, outcomes("ma_2", 150, 50)), outcomes("ma_1", int(OUTCOMES_MIN) - 1, 0))

        decided = planned("approval_rate", Figures(evidence=lucky))

        assert order(decided)[0] == "ma_2" or decided.scores[0].explored

    def test_an_account_that_changes_is_known_by_what_comes_after(self) -> None:
        good = learn(NOTHING, outcomes("ma_1", 190, 10))
        changed = learn(good, outcomes("ma_1", 1, 29))
        groups = groups_of(facts(card=VISA_DE))

        assert estimate(good, "ma_1", groups).approval > 0.85
        assert estimate(changed, "ma_1", groups).outcomes < 40

    @given(st.lists(st.tuples(st.sampled_from(["ma_1", "ma_2"]), st.booleans()), max_size=200))
    def test_an_estimate_is_a_chance_and_learning_is_the_same_in_pieces(self, told: list[tuple[str, bool]]) -> None:
        groups = groups_of(facts(card=VISA_DE))
        heard = [Outcome(name, groups, approved) for name, approved in told]
        at_once, in_pieces = learn(NOTHING, heard), NOTHING
        for one in heard:
            in_pieces = learn(in_pieces, [one])

        assert at_once == in_pieces
        for name in ("ma_1", "ma_2", "ma_9"):
            assert 0 <= estimate(at_once, name, groups).approval <= 1


class TestNetRevenue:
    def test_what_is_left_in_the_end_decides(self) -> None:
        evidence = learn(NOTHING, outcomes("ma_1", 100, 100) + outcomes("ma_2", 198, 2))

        decided = planned("net_revenue", Figures(evidence=evidence), margin_bps=3000)

        assert order(decided) == ["ma_2", "ma_1", "ma_3"]
        first = decided.scores[0]
        assert (first.margin_minor, first.cost_minor, first.chargeback_minor, first.delay_minor) == (1499.7, 150, 0, 0)
        assert first.approval is not None
        assert first.net_minor is not None
        assert abs(first.net_minor - first.approval * (1499.7 - 150)) < 1

    def test_chargebacks_and_waiting_for_the_money_cost_too(self) -> None:
        dear = Figures(chargebacks={"ma_1": 0.05})

        decided = planned("net_revenue", dear, margin_bps=3000, chargeback_fee_minor=1500, capital_bps=1000)
        scores = {score.merchant_account: score for score in decided.scores}

        assert scores["ma_1"].chargeback_minor == round(0.05 * (4999 + 1500), 2)
        assert scores["ma_2"].chargeback_minor == 0
        assert scores["ma_2"].delay_minor == round(4999 * 0.1 * 2 / 365, 2)

    def test_who_had_no_chargeback_is_not_held_to_the_usual_share(self) -> None:
        decided = planned("net_revenue", Figures(chargebacks={"ma_1": 0.0}), margin_bps=3000, chargeback_bps=100)

        scores = {score.merchant_account: score for score in decided.scores}
        assert (scores["ma_1"].chargeback_minor, scores["ma_2"].chargeback_minor) == (0, 49.99)

    def test_all_that_it_costs_is_taken_off(self) -> None:
        decided = planned("net_revenue", margin_bps=3000, chargeback_bps=100, capital_bps=10_000)

        for score in decided.scores[:2]:
            told = score.approval, score.margin_minor, score.chargeback_minor, score.delay_minor, score.cost_minor
            approval, margin, chargeback, delay, cost = (value or 0 for value in told)
            assert delay > 20
            assert abs((score.net_minor or 0) - approval * (margin - chargeback - delay - cost)) < 1


class TestWhatIsKept:
    """What was worked out before is used again as long as nothing of what it was made of is another."""

    def test_other_fees_that_settlements_showed_count_at_once(self) -> None:
        before = Figures()
        assert order(planned("least_cost", before))[0] == "ma_1"
        real = EffectiveFee(currency=Currency.EUR, card_brand="visa", percent_ppm=50_000, lines=LINES_MIN)

        assert order(planned("least_cost", replace(before, learned_fees={"ma_1": [real]})))[0] == "ma_2"

    def test_so_do_other_chargebacks(self) -> None:
        before = Figures()
        assert order(planned("net_revenue", before, margin_bps=3000))[0] == "ma_1"

        assert order(planned("net_revenue", replace(before, chargebacks={"ma_1": 0.5}), margin_bps=3000))[0] == "ma_2"

    def test_and_other_outcomes(self) -> None:
        better = learn(NOTHING, outcomes("ma_1", 100, 100) + outcomes("ma_2", 198, 2))
        worse = learn(NOTHING, outcomes("ma_1", 198, 2) + outcomes("ma_2", 100, 100))
        before = Figures(evidence=better)
        by: dict[str, dict[str, object]] = {"net_revenue": {"margin_bps": 3000}, "approval_rate": {}}

        first = [likeliest(planned(name, before, **more)) for name, more in by.items()]
        later = [likeliest(planned(name, replace(before, evidence=worse), **more)) for name, more in by.items()]

        assert (first, later) == (["ma_2", "ma_2"], ["ma_1", "ma_1"])

    def test_and_an_account_that_has_changed(self) -> None:
        kept = Figures()
        rules = ruleset(otherwise=use("ma_2", "ma_1", strategy="least_cost"))
        dearer = replace(CHEAP, fees=(Fee(percent_bps=900),))

        first, later = (plan(facts(), snapshot(one, DEAR, ruleset=rules, figures=kept)) for one in (CHEAP, dearer))

        assert (order(first)[0], order(later)[0]) == ("ma_1", "ma_2")


def likeliest(decided: Plan) -> str:
    """Whom the figures say to be the likeliest, whether or not another one is tried first."""
    return max(decided.scores, key=lambda score: score.approval or 0).merchant_account


def test_no_more_than_a_tenth_goes_to_all_others_together_to_learn_of_them() -> None:
    names = [f"ma_{n}" for n in range(1, 6)]
    document = RuleSet(name="main", otherwise=Use(strategy=Strategy.APPROVAL_RATE, accounts=tuple(names)))
    rules = compile_ruleset(document, id="rs_1", version=1)
    known = snapshot(*(account(name) for name in names), ruleset=rules)

    decided = [plan(facts(reference=f"invoice-{n}"), known) for n in range(1_000)]

    assert 60 < sum(one.scores[0].explored for one in decided) < 140


def test_evidence_of_nothing_says_the_same_of_everybody() -> None:
    groups = groups_of(facts())
    assert estimate(Evidence(), "ma_1", groups) == estimate(NOTHING, "ma_2", groups)
