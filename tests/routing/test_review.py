"""What can never happen is told when a ruleset is written, and nothing is called so that can."""

from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from normalization.money import Currency
from normalization.regions import Region, countries_of
from routing.accounts import AccountStatus, Limits, MerchantAccount
from routing.facts import Facts
from routing.review import review
from routing.rules import RuleSet, Strategy, Use
from routing.validation import RULES_MAX
from tests.routing.plainly import deciding, unfit
from tests.routing.samples import account, decoded, use
from tests.routing.test_indexes import payments, rulesets
from tests.routing.test_plan import some_accounts

EURO = {"fact": "currency", "eq": "EUR"}
GERMAN = {"fact": "country", "eq": "DE"}
REFUSED = {"refuse": "blocked_by_risk_rule"}


def leaf(fact: str, **operators: object) -> dict[str, Any]:
    return {"fact": fact, **{name.rstrip("_"): value for name, value in operators.items()}}


def rules(*conditions: dict[str, Any]) -> RuleSet:
    return decoded(*({"name": f"r{n}", "when": when, **REFUSED} for n, when in enumerate(conditions)))


def refused(*conditions: dict[str, Any]) -> list[str]:
    return [problem.place for problem in review(rules(*conditions), ()).problems]


def warned(*conditions: dict[str, Any]) -> list[str]:
    found = review(rules(*conditions), ())
    assert found.problems == []
    return [warning.place for warning in found.warnings]


def idle(merchant_account: MerchantAccount, when: dict[str, Any]) -> list[tuple[str, str]]:
    written = decoded({"name": "r", "when": when, "use": use(merchant_account.id)})
    return [(warning.place, warning.message) for warning in review(written, [merchant_account]).warnings]


@pytest.mark.parametrize(
    ("when", "place"),
    [
        (leaf("risk_score", gte=5, lt=3), "when"),
        (leaf("risk_score", gt=5, lt=6), "when"),
        (leaf("risk_score", gt=100), "when"),
        (leaf("amount", lt=0), "when"),
        (leaf("hour_utc", gt=23), "when"),
        (leaf("risk.score", gt=0.5, lt=0.5), "when"),
        (leaf("country", eq="DE", not_in=["DE"]), "when"),
        (leaf("country", eq="DE", exists=False), "when"),
        (leaf("off_session", eq=True, ne=True), "when"),
        (leaf("currency", not_in=[str(one) for one in Currency]), "when"),
        (leaf("amount", exists=False), "when"),
        ({"all": [EURO, leaf("currency", ne="EUR")]}, "when"),
        ({"all": [leaf("country", eq="DE"), leaf("country", exists=False)]}, "when"),
        ({"all": [EURO, leaf("risk_score", gte=5, lt=3)]}, "when.all[1]"),
        ({"all": [EURO, {"any": [leaf("amount", lt=0), leaf("hour_utc", gt=23)]}]}, "when.all[1].any[0]"),
        ({"all": [EURO, {"not": EURO}]}, "when"),
        ({"not": {"any": [EURO, leaf("currency", ne="EUR")]}}, "when"),
        ({"all": [leaf("card.bin", starts_with=["41"]), leaf("card.bin", in_=["511111", "420000"])]}, "when"),
        ({"all": [leaf("risk.flag", eq=True), leaf("risk.flag", eq=1)]}, "when"),
        ({"all": [leaf("recurring", exists=True), leaf("recurring", not_in=["initial", "subsequent"])]}, "when"),
    ],
)
def test_a_condition_that_no_payment_can_meet_is_refused(when: dict[str, Any], place: str) -> None:
    assert f"rules[0].{place}" in refused(when)


@pytest.mark.parametrize(
    "when",
    [
        leaf("risk_score", gte=5, lt=6),
        leaf("risk.score", gt=5, lt=6),
        leaf("amount", lte=0),
        leaf("card.country", not_in=["DE"], exists=True),
        leaf("off_session", ne=True),
        leaf("risk.flag", ne=True),
        {"all": [leaf("card.bin", starts_with=["41"]), leaf("card.bin", not_in=["411111"])]},
        {"all": [{"not": leaf("card.bin", starts_with=["41"])}, leaf("card.bin", starts_with=["4"])]},
        {"any": [EURO, leaf("risk_score", gte=5, lt=3)]},
        {"not": {"all": [leaf("risk_score", gte=5), leaf("risk_score", lt=3)]}},
        {"all": [leaf("country", eq="DE"), leaf("region", eq="US")]},  # Only routing's table knows better.
        {"all": [{"any": [leaf(f"risk.{n}", eq=1), leaf(f"risk.{n}", eq=2)]} for n in range(9)]},
    ],
)
def test_a_condition_that_may_be_met_is_not_refused(when: dict[str, Any]) -> None:
    assert refused(when) == []


usable = rulesets.map(
    lambda one: replace(one, rules=tuple(replace(rule, refuse="blocked_by_risk_rule") for rule in one.rules))
)


@given(usable, payments)
def test_a_rule_called_impossible_is_never_true(ruleset: RuleSet, payment: Facts) -> None:
    for problem in review(ruleset, ()).problems:
        place = int(problem.place.removeprefix("rules[").partition("]")[0])
        alone = replace(ruleset, rules=(ruleset.rules[place],))
        assert deciding(alone, payment)[0] is None, problem


@given(usable, payments)
def test_a_rule_called_unreachable_never_decides(ruleset: RuleSet, payment: Facts) -> None:
    hidden = {warning.place for warning in review(ruleset, ()).warnings if "never decides" in warning.message}

    assert f"rules[{deciding(ruleset, payment)[0]}]" not in hidden


@pytest.mark.parametrize(
    "conditions",
    [
        (EURO, EURO),
        (EURO, {"all": [EURO, leaf("amount", gte=100)]}),
        (leaf("risk_score", gte=50), leaf("risk_score", gt=60, lt=70)),
        (leaf("amount", gte=0), EURO),
        (leaf("currency", eq="EUR"), leaf("currency", ne="EUR"), leaf("country", eq="DE")),
        (leaf("country", exists=True), leaf("country", exists=False), EURO),
        (leaf("risk_score", lt=50), leaf("risk_score", gte=50), leaf("risk_score", exists=True)),
        ({"any": [EURO, GERMAN]}, {"all": [GERMAN, leaf("off_session", eq=True)]}),
    ],
)  # fmt: skip
def test_a_rule_behind_others_that_take_all_its_payments_is_warned_of(conditions: tuple[dict[str, Any], ...]) -> None:
    assert warned(*conditions) == [f"rules[{len(conditions) - 1}]"]


@pytest.mark.parametrize(
    "conditions",
    [
        (leaf("risk_score", lt=50), leaf("risk_score", gte=50), EURO),  # A payment without a score is left.
        (leaf("country", eq="DE"), leaf("country", ne="DE"), EURO),
        ({"all": [EURO, leaf("risk_score", gte=0)]}, EURO),
        ({"not": leaf("card.country", eq="US")}, leaf("card.country", eq="US")),
        (leaf("risk_score", gte=50, lt=60), leaf("risk_score", gt=58)),
        (leaf("risk.x", eq="a"), leaf("risk.x", ne="a"), leaf("risk.x", exists=True)),  # A number is left.
    ],
)
def test_a_rule_that_may_decide_is_not_warned_of(conditions: tuple[dict[str, Any], ...]) -> None:
    assert warned(*conditions) == []


def test_who_takes_the_payments_of_an_unreachable_rule_is_named() -> None:
    [warning] = review(rules(EURO, leaf("currency", ne="EUR"), leaf("country", eq="DE")), ()).warnings

    assert "'r0', 'r1'" in warning.message


def test_an_alternative_that_can_never_be_true_is_warned_of() -> None:
    assert warned({"any": [EURO, {"all": [EURO, leaf("risk_score", gte=5, lt=3)]}]}) == ["rules[0].when.any[1].all[1]"]


@pytest.mark.parametrize(
    ("changes", "when", "fact"),
    [
        ({"currencies": frozenset({Currency.USD})}, EURO, "currency"),
        ({"amount_ranges": {Currency.USD: (1, 9)}}, EURO, "currency"),
        ({"countries": frozenset({"FR"})}, leaf("country", in_=["DE", "AT"]), "country"),
        ({"countries": frozenset({"FR"})}, leaf("country", exists=False), "country"),
        ({"countries": countries_of(Region.US)}, leaf("region", eq="EEA"), "region"),
        ({"brands": frozenset({"acme"})}, leaf("brand", eq="other"), "brand"),
        ({"risk_min": 60}, leaf("risk_score", lt=60), "risk_score"),
        ({"risk_max": 59}, {"all": [EURO, leaf("risk_score", gte=60)]}, "risk_score"),
        ({"recurring": True}, leaf("recurring", exists=False), "recurring"),
        ({"recurring": False}, leaf("recurring", eq="initial"), "recurring"),
        ({"limits": Limits(ticket_max=100)}, leaf("amount", gt=100), "amount"),
    ],
)
def test_an_account_that_can_take_nothing_of_its_rule_is_warned_of(
    changes: dict[str, Any], when: dict[str, Any], fact: str
) -> None:
    [(place, message)] = idle(account(**changes), when)

    assert place == "rules[0].use.accounts[0]"
    assert f"for its {fact}" in message


@given(usable, payments, some_accounts)
def test_an_account_called_idle_is_never_fit_where_its_rule_decides(
    ruleset: RuleSet, payment: Facts, accounts: tuple[MerchantAccount, ...]
) -> None:
    everybody = Use(strategy=Strategy.PRIORITY, accounts=tuple(one.id for one in accounts))
    rules = tuple(replace(rule, use=everybody, refuse=None) for rule in ruleset.rules)
    written = replace(ruleset, rules=rules) if accounts else ruleset
    silent = {
        warning.place for warning in review(written, accounts).warnings if "can take no payment" in warning.message
    }
    place, _ = deciding(written, payment)

    for index, one in enumerate(accounts):
        assert f"rules[{place}].use.accounts[{index}]" not in silent or unfit(one, payment) is not None


@pytest.mark.parametrize("status", [AccountStatus.PAUSED, AccountStatus.DRAINING])
def test_an_account_that_takes_nothing_new_is_warned_of_wherever_it_is_named(status: AccountStatus) -> None:
    away = account(status=status)
    written = decoded({"name": "r", "when": EURO, "use": use("ma_1")}, otherwise=use("ma_1"))

    warnings = review(written, [away]).warnings

    assert [warning.place for warning in warnings] == ["rules[0].use.accounts[0]", "otherwise.accounts[0]"]
    assert f"is {status}" in warnings[0].message


def test_the_most_rules_there_may_be_are_looked_through() -> None:
    conditions = [{"all": [leaf("amount", gte=n, lt=n + 2), leaf("country", not_in=["US"])]} for n in range(RULES_MAX)]

    assert warned(*conditions) == []


def test_what_is_too_entangled_is_left_alone() -> None:
    tangled = {"all": [{"any": [leaf(f"risk.{n}", eq=1), leaf(f"risk.{n}", eq=2)]} for n in range(3)]}
    tangled = {"all": [{"any": [tangled, leaf(f"risk.{n}", exists=True)]} for n in range(9)]}

    assert (refused(tangled), warned(tangled, tangled)) == ([], [])
