"""Every account is tried or left out with a reason, and the reason is the right one."""

from hypothesis import given
from hypothesis import strategies as st

from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.regions import Region, countries_of
from normalization.tokens import CardFacts, ProcessorToken
from routing.account_index import AccountIndex, State
from routing.accounts import AccountStatus, Limits, MerchantAccount
from routing.eligibility import Reason
from routing.facts import Chargeable, Facts, chargeable_by
from routing.plan import Plan, Snapshot, plan
from routing.rules import Authentication
from tests.routing.plainly import unavailable, unfit
from tests.routing.samples import ACCOUNTS, account, facts, ruleset, snapshot, use

EURO = {"fact": "currency", "eq": "EUR"}
CALM = {"fact": "risk_score", "lt": 60}
RULES = ruleset(
    {"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"},
    {"name": "calm", "when": CALM, "use": use("ma_2", "ma_1"), "authentication": "avoid"},
    {
        "name": "euro",
        "when": {"all": [EURO, {"fact": "country", "exists": True}]},
        "use": use(*ACCOUNTS, strategy="split", weights=[1, 1, 2]),
    },
    otherwise=use("ma_1"),
)


def ids(decided: Plan) -> list[str]:
    return [choice.merchant_account for choice in decided.order]


def reasons(decided: Plan) -> dict[str, str]:
    return {out.merchant_account: out.reason for out in decided.excluded}


def why_not(merchant_account: MerchantAccount, **changes: object) -> str | None:
    return reasons(plan(facts(**changes), snapshot(merchant_account))).get(merchant_account.id)


some_accounts = st.lists(
    st.builds(
        account,
        id=st.sampled_from([*ACCOUNTS, "ma_4"]),
        processor=st.sampled_from(["stripe", "adyen"]),
        livemode=st.booleans(),
        status=st.sampled_from(AccountStatus),
        currencies=st.sampled_from([frozenset(), frozenset({Currency.EUR}), frozenset({Currency.JPY})]),
        countries=st.sampled_from([frozenset(), frozenset({"DE"}), countries_of(Region.US)]),
        brands=st.sampled_from([frozenset(), frozenset({"acme"})]),
        risk_min=st.sampled_from([0, 60]),
        recurring=st.sampled_from([None, True, False]),
        limits=st.sampled_from([Limits(), Limits(ticket_max=100)]),
    ),
    unique_by=lambda one: one.id,
).map(tuple)
some_facts = st.builds(
    facts,
    livemode=st.booleans(),
    money=st.builds(Money, st.integers(1, 10_000), st.sampled_from([Currency.EUR, Currency.JPY])),
    reference=st.text(max_size=5),
    country=st.sampled_from([None, "DE", "US", "GB"]),
    brand=st.sampled_from([None, "acme", "other"]),
    risk_score=st.none() | st.integers(0, 100),
    recurring=st.sampled_from([None, "initial", "subsequent"]),
    chargeable=st.sampled_from([Chargeable(("stripe",)), Chargeable(("adyen", "stripe")), Chargeable()]),
    merchant_account=st.sampled_from([None, None, "ma_1"]),
)
some_snapshots = st.builds(
    Snapshot,
    accounts=some_accounts.map(AccountIndex),
    ruleset=st.sampled_from([None, RULES]),
    state=st.builds(
        State,
        limits_reached=st.frozensets(st.sampled_from(ACCOUNTS)),
        open_circuits=st.frozensets(st.sampled_from(ACCOUNTS)),
    ),
)


class TestAnyPayment:
    @given(some_facts, some_snapshots)
    def test_every_account_is_in_the_order_or_left_out_once(self, payment: Facts, known: Snapshot) -> None:
        decided = plan(payment, known)

        assert sorted(ids(decided) + list(reasons(decided))) == sorted(one.id for one in known.accounts.accounts)
        assert len(decided.excluded) == len(reasons(decided))

    @given(some_facts, some_snapshots)
    def test_no_account_in_the_order_is_unfit_or_unavailable(self, payment: Facts, known: Snapshot) -> None:
        by_id = {one.id: one for one in known.accounts.accounts}

        for choice in plan(payment, known).order:
            chosen = by_id[choice.merchant_account]
            assert unfit(chosen, payment) is None
            assert unavailable(chosen, known) is None
            assert payment.merchant_account in {None, chosen.id}

    @given(some_facts, some_snapshots)
    def test_the_same_facts_give_the_same_plan(self, payment: Facts, known: Snapshot) -> None:
        assert plan(payment, known) == plan(payment, known)

    @given(some_facts, some_snapshots)
    def test_an_empty_order_is_explained_in_exactly_one_way(self, payment: Facts, known: Snapshot) -> None:
        decided = plan(payment, known)

        ways = (decided.unavailable, decided.no_account_fits, decided.refusal is not None)
        assert sum(ways) == (0 if decided.order else 1)


class TestReasons:
    def test_an_account_that_asks_nothing_takes_everything(self) -> None:
        assert why_not(account()) is None

    def test_mode(self) -> None:
        assert why_not(account(livemode=True)) == "mode"

    def test_currency_of_the_account_and_of_its_processor(self) -> None:
        assert why_not(account(currencies=frozenset({Currency.USD}))) == "currency"
        assert why_not(account(amount_ranges={Currency.USD: (50, 1000)})) == "currency"

    def test_country_and_region(self) -> None:
        german = account(countries=frozenset({"DE"}))

        assert why_not(german, country="DE") is None
        assert why_not(german, country="FR") == "country"
        assert why_not(german, country="US") == "region"

    def test_a_payment_without_country_fits_only_accounts_without_countries(self) -> None:
        assert why_not(account(countries=countries_of(Region.EEA))) == "country"

    def test_brand(self) -> None:
        assert why_not(account(brands=frozenset({"acme"})), brand="other") == "brand"
        assert why_not(account(brands=frozenset({"acme"}))) == "brand"

    def test_risk_bounds_include_both_ends(self) -> None:
        middle = account(risk_min=20, risk_max=60)

        assert [why_not(middle, risk_score=score) for score in (19, 20, 60, 61)] == [
            "risk_score",
            None,
            None,
            "risk_score",
        ]

    def test_a_payment_without_risk_score_fits_only_accounts_from_0(self) -> None:
        assert why_not(account(risk_max=60)) is None
        assert why_not(account(risk_min=1)) == "risk_score"

    def test_token(self) -> None:
        assert why_not(account(), chargeable=Chargeable(("adyen",))) == "token"
        assert why_not(account(), chargeable=Chargeable((), ("ma_2",))) == "token"
        assert why_not(account(), chargeable=Chargeable((), ("ma_1",))) is None

    def test_amount_of_the_processor_and_of_the_ticket(self) -> None:
        ranged = account(amount_ranges={Currency.EUR: (50, 5000)})

        assert [why_not(ranged, money=Money(minor, Currency.EUR)) for minor in (49, 50, 5000, 5001)] == [
            "amount",
            None,
            None,
            "amount",
        ]
        assert why_not(account(limits=Limits(ticket_max=4998))) == "amount"
        assert why_not(account(limits=Limits(ticket_max=4999))) is None

    def test_recurring(self) -> None:
        assert why_not(account(recurring=True)) == "recurring"
        assert why_not(account(recurring=True), recurring="subsequent") is None
        assert why_not(account(recurring=False), recurring="initial") == "recurring"
        assert why_not(account(recurring=False)) is None

    def test_what_lies_in_the_request_is_told_before_the_account_s_state(self) -> None:
        assert why_not(account(livemode=False, status=AccountStatus.PAUSED, brands=frozenset({"x"}))) == "brand"

    def test_tokens_say_where_they_can_be_charged(self) -> None:
        tokens = [
            ProcessorToken(processor="stripe", token="pm_1", merchant_account="ma_1"),
            ProcessorToken(processor="adyen", token="8416"),
        ]

        assert chargeable_by(tokens) == Chargeable(("adyen",), ("ma_1",))


class TestNobody:
    def test_a_request_that_fits_no_account(self) -> None:
        decided = plan(facts(), snapshot(account(currencies=frozenset({Currency.USD}))))

        assert decided.no_account_fits
        assert not decided.unavailable

    def test_accounts_that_fit_but_are_paused_draining_or_open(self) -> None:
        known = snapshot(
            account("ma_1", status=AccountStatus.PAUSED),
            account("ma_2", status=AccountStatus.DRAINING),
            account("ma_3"),
            account("ma_4", currencies=frozenset({Currency.USD})),
            state=State(open_circuits=frozenset({"ma_3"})),
        )

        decided = plan(facts(), known)

        assert decided.unavailable
        assert reasons(decided) == {
            "ma_1": "paused",
            "ma_2": "draining",
            "ma_3": "circuit_open",
            "ma_4": "currency",
        }

    def test_a_used_up_daily_limit_is_no_outage(self) -> None:
        decided = plan(facts(), snapshot(account(), state=State(limits_reached=frozenset({"ma_1"}))))

        assert reasons(decided) == {"ma_1": "limits"}
        assert decided.no_account_fits

    def test_a_paused_account_outside_the_rule_does_not_make_it_an_outage(self) -> None:
        only_two = ruleset(otherwise=use("ma_2"))
        known = snapshot(account("ma_1", status=AccountStatus.PAUSED), ruleset=only_two)

        assert plan(facts(), known).no_account_fits


class TestRules:
    ALL = (account("ma_1"), account("ma_2", "adyen"), account("ma_3"))

    def test_without_a_ruleset_every_account_that_fits_by_id(self) -> None:
        decided = plan(facts(), snapshot(*reversed(self.ALL)))

        assert ids(decided) == ["ma_1", "ma_2", "ma_3"]
        assert (decided.ruleset, decided.version, decided.rule, decided.strategy) == (None, None, None, None)

    def test_the_first_rule_that_matches_decides(self) -> None:
        decided = plan(facts(risk_score=10), snapshot(*self.ALL, ruleset=RULES))

        assert ids(decided) == ["ma_2", "ma_1"]
        assert reasons(decided) == {"ma_3": "not_in_rule"}
        assert (decided.ruleset, decided.version, decided.rule) == ("rs_1", 3, "calm")
        assert decided.strategy == "priority"
        assert decided.authentication is Authentication.AVOID

    def test_a_rule_left_undecided_is_passed_over_and_what_it_missed_is_named(self) -> None:
        decided = plan(facts(country="DE"), snapshot(*self.ALL, ruleset=RULES))

        assert decided.rule == "euro"
        assert decided.unknown_facts == ("risk_score",)

    def test_a_fact_that_would_have_changed_nothing_is_not_named(self) -> None:
        both = {"all": [{"fact": "currency", "eq": "USD"}, {"fact": "card.country", "eq": "US"}]}
        rules = ruleset({"name": "us", "when": both, "use": use("ma_2")}, otherwise=use("ma_1"))

        assert plan(facts(card=CardFacts()), snapshot(*self.ALL, ruleset=rules)).unknown_facts == ()

    def test_where_no_rule_matches_the_last_resort_is_used(self) -> None:
        decided = plan(facts(), snapshot(*self.ALL, ruleset=RULES))

        assert (decided.rule, ids(decided)) == ("otherwise", ["ma_1"])

    def test_without_a_last_resort_no_account_fits(self) -> None:
        rules = ruleset({"name": "calm", "when": CALM, "use": use("ma_1")})

        decided = plan(facts(risk_score=99), snapshot(*self.ALL, ruleset=rules))

        assert decided.no_account_fits
        assert decided.rule is None
        assert set(reasons(decided).values()) == {"not_in_rule"}

    def test_a_rule_that_refuses_tries_nothing(self) -> None:
        decided = plan(facts(risk_score=95), snapshot(*self.ALL, ruleset=RULES))

        assert decided.refusal is DeclineCode.BLOCKED_BY_RISK_RULE
        assert ids(decided) == []
        assert (decided.rule, decided.strategy) == ("block", None)
        assert not decided.unavailable
        assert not decided.no_account_fits

    def test_a_pinned_account_skips_the_rules_but_not_eligibility(self) -> None:
        known = snapshot(*self.ALL, ruleset=RULES)

        pinned = plan(facts(merchant_account="ma_3", risk_score=99), known)
        unfit_pin = plan(facts(merchant_account="ma_3", chargeable=Chargeable(("adyen",))), known)

        assert ids(pinned) == ["ma_3"]
        assert reasons(pinned) == {"ma_1": "pinned", "ma_2": "pinned"}
        assert (pinned.ruleset, pinned.rule) == (None, None)
        assert reasons(unfit_pin) == {"ma_1": "token", "ma_2": "pinned", "ma_3": "token"}


def test_the_api_shows_the_accounts_in_order_and_none_of_the_other_mode() -> None:
    known = snapshot(account("ma_1", brands=frozenset({"x"})), account("ma_2"), account("ma_3", livemode=True))

    shown = [(one.merchant_account, one.eligible, one.reason) for one in plan(facts(), known).considered]

    assert shown == [("ma_2", True, None), ("ma_1", False, Reason.BRAND)]
