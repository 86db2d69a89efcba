"""No network's rule on trying a card again is ever broken, and what is told keeps to the same rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from normalization.declines import MEANING, Advice, Category, Decline, DeclineCode
from normalization.money import Currency, Money
from normalization.networks import Tally, caps
from routing.retries import Past, barrier, costs, matters, retry, stops

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EUR = Money(4999, Currency.EUR)
OTHER = Money(5000, Currency.EUR)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NETWORKS = ("visa", "mastercard", "maestro", "amex", None)


def decline(
    code: DeclineCode = DeclineCode.DO_NOT_HONOR, network: str | None = "05", advice: str | None = None
) -> Decline:
    return Decline(code=code, processor_code="raw", network_code=network, network_advice_code=advice)


def past(ago: timedelta, told: Decline | None = None, money: Money = EUR, *, renewed: bool = False) -> Past:
    return Past(at=NOW - ago, money=money, decline=told or decline(), renewed=renewed)


def every(gap: timedelta, count: int, money: Money = EUR) -> list[Past]:
    """So many declines, the newest one gap ago."""
    return [past(gap * n, money=money) for n in range(1, count + 1)]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_card_without_declines_may_be_charged(network: str | None) -> None:
    assert barrier([], network, EUR, NOW) is None


def test_visa_allows_twenty_tries_after_the_first_decline_in_thirty_days() -> None:
    twenty, full = every(DAY, 20), every(DAY, 21)

    assert barrier(twenty, "visa", EUR, NOW) is None
    found = barrier(full, "visa", EUR, NOW)
    assert found is not None
    assert (found.rule, found.until) == ("visa_reattempts", NOW - 20 * DAY + 30 * DAY)


def test_visa_allowed_fifteen_before_it_raised_the_number() -> None:
    before = datetime(2026, 4, 17, 23, tzinfo=UTC)
    history = [Past(at=before - n * HOUR, money=EUR, decline=decline()) for n in range(1, 17)]

    assert barrier(history[:-1], "visa", EUR, before) is None
    assert barrier(history, "visa", EUR, before) is not None
    assert barrier(history, "visa", EUR, before + HOUR) is None


def test_mastercard_allows_ten_declines_in_a_day() -> None:
    found = barrier(every(HOUR, 10), "mastercard", EUR, NOW)

    assert barrier(every(HOUR, 9), "mastercard", EUR, NOW) is None
    assert found is not None
    assert (found.rule, found.until) == ("mastercard_declines", NOW - 10 * HOUR + DAY)


def test_beyond_its_bound_a_card_waits_until_there_is_room_and_not_until_the_first_is_forgotten() -> None:
    found = barrier(every(HOUR, 12), "mastercard", EUR, NOW)

    assert found is not None
    assert found.until == NOW - 10 * HOUR + DAY


def test_mastercard_allows_thirty_five_declines_of_one_amount_in_thirty_days() -> None:
    history = every(timedelta(hours=20), 35)

    found = barrier(history, "mastercard", EUR, NOW)

    assert found is not None
    assert found.until == NOW - 700 * HOUR + 30 * DAY
    assert barrier(history, "mastercard", OTHER, NOW) is None
    assert barrier(history, "mastercard", Money(EUR.minor, Currency.JPY), NOW) is None


@pytest.mark.parametrize("code", ["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"])
def test_visas_first_category_is_never_tried_again(code: str) -> None:
    found = barrier([past(400 * DAY if code != "57" else DAY, decline(network=code))], "visa", EUR, NOW)

    assert found is not None
    assert (found.rule, found.until) == ("visa_category", None)


@pytest.mark.parametrize("advice", ["03", "21"])
def test_mastercards_stop_is_never_tried_again(advice: str) -> None:
    found = barrier([past(400 * DAY, decline(advice=advice))], "mastercard", EUR, NOW)

    assert found is not None
    assert (found.rule, found.until) == ("mastercard_advice", None)


@pytest.mark.parametrize(
    ("advice", "hours"),
    [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)],
)
def test_mastercards_advice_sets_the_wait(advice: str, hours: int) -> None:
    told = [past(timedelta(0), decline(advice=advice))]

    found = barrier(told, "mastercard", EUR, NOW)

    assert found is not None
    assert (found.rule, found.until) == ("mastercard_wait", NOW + hours * HOUR)
    assert barrier(told, "mastercard", EUR, NOW + hours * HOUR) is None


@pytest.mark.parametrize("told", [decline(network="14"), decline(advice="03"), decline(advice="30")])
def test_a_card_of_an_unknown_network_is_held_to_every_networks_rule(told: Decline) -> None:
    assert barrier([past(HOUR, told)], None, EUR, NOW) is not None


@pytest.mark.parametrize("told", [decline(network="14"), decline(advice="03"), decline(advice="30")])
def test_a_network_without_published_rules_forbids_nothing(told: Decline) -> None:
    assert barrier([past(HOUR, told), *every(HOUR, 50)], "amex", EUR, NOW) is None


def test_a_processors_word_to_stop_counts_where_the_network_said_nothing_itself() -> None:
    silent = Decline(code=DeclineCode.GENERIC_DECLINE, processor_code="raw", stop=True)

    assert barrier([past(HOUR, silent)], "visa", EUR, NOW) is not None
    assert barrier([past(HOUR, replace(silent, network_code="59"))], "visa", EUR, NOW) is None


def test_maestro_stands_under_mastercards_rules() -> None:
    assert barrier(every(HOUR, 10), "maestro", EUR, NOW) is not None


@pytest.mark.parametrize("code", [code for code in DeclineCode if not costs(decline(code))])
def test_our_faults_and_the_processors_cost_the_payer_nothing(code: DeclineCode) -> None:
    history = [past(HOUR * n, decline(code, network=None)) for n in range(1, 100)]

    assert MEANING[code].category in {Category.CONFIGURATION, Category.PROCESSOR_ERROR}
    assert barrier(history, None, EUR, NOW) is None


def test_an_attempt_without_an_end_counts_like_a_decline() -> None:
    open_ones = [Past(at=NOW, money=EUR, decline=None) for _ in range(10)]

    assert barrier(open_ones, "mastercard", EUR, NOW) is not None


@pytest.mark.parametrize("told", [decline(advice="03"), decline(advice="30")])
def test_new_details_lift_a_word_to_stop_or_wait(told: Decline) -> None:
    assert barrier([past(HOUR, told, renewed=True)], "mastercard", EUR, NOW) is None


def test_new_details_lift_no_cap() -> None:
    history = [past(HOUR * n, renewed=True) for n in range(1, 11)]

    assert barrier(history, "mastercard", EUR, NOW) is not None


def test_a_stop_leaves_another_payment_method_and_nothing_else() -> None:
    told = retry(decline(DeclineCode.INSUFFICIENT_FUNDS, "51", "03"), [], "mastercard", EUR, NOW)

    assert (told.advice, told.alternatives, told.retry_after) == (Advice.NEVER, (Advice.NEW_PAYMENT_METHOD,), None)
    assert told.rule == "mastercard_advice"


def test_the_networks_wait_is_told_in_place_of_our_own() -> None:
    shorter, longer = (
        retry(decline(DeclineCode.INSUFFICIENT_FUNDS, "51", advice), [], "mastercard", EUR, NOW)
        for advice in ("24", "26")
    )

    assert (shorter.retry_after, longer.retry_after) == (NOW + HOUR, NOW + 2 * DAY)
    assert shorter.advice is Advice.AFTER_DELAY


def test_the_decline_that_fills_a_cap_tells_when_there_is_room_again() -> None:
    told = retry(decline(), every(DAY, 20), "visa", EUR, NOW)

    assert told.retry_after == NOW - 19 * DAY + 30 * DAY
    assert told.rule == "visa_reattempts"
    assert Advice.ANOTHER_PROCESSOR not in (told.advice, *told.alternatives)


def test_without_a_networks_rule_a_decline_says_what_its_code_says() -> None:
    told = retry(decline(), [], "visa", EUR, NOW)

    meaning = MEANING[DeclineCode.DO_NOT_HONOR]
    assert (told.advice, told.alternatives, told.rule) == (meaning.advice, meaning.alternatives, None)
    assert told.retry_after == NOW + timedelta(hours=meaning.delay_hours or 0)


def test_a_decline_that_costs_nothing_matters_only_where_the_network_says_something() -> None:
    free = DeclineCode.MERCHANT_CONFIGURATION_ERROR

    assert not matters(decline(free, None), "mastercard", NOW)
    assert matters(decline(free, None, "03"), "mastercard", NOW)
    assert matters(decline(free, None, "24"), "mastercard", NOW)
    assert stops(decline(free, "14"), "visa", NOW)


_codes = st.sampled_from([None, "05", "51", "14", "57", "65", "96", "R1"])
_advice = st.sampled_from([None, "01", "02", "03", "21", "24", "30", "40"])
_declines = st.builds(decline, st.sampled_from(list(DeclineCode)), _codes, _advice)
_pasts = st.builds(
    Past,
    at=st.integers(0, 70 * 24).map(lambda hours: NOW - hours * HOUR),
    money=st.sampled_from([EUR, OTHER]),
    decline=st.none() | _declines,
    renewed=st.booleans(),
)
_histories = st.lists(_pasts, max_size=60)
_networks = st.sampled_from(NETWORKS)


@given(network=_networks, gaps=st.lists(st.integers(0, 60), min_size=60, max_size=160))
def test_whoever_keeps_to_the_answer_never_passes_a_cap(network: str | None, gaps: list[int]) -> None:
    """A caller who tries again and again, each time declined, as soon as it may."""
    at, history = NOW, list[Past]()
    for gap in gaps:
        at += gap * HOUR
        found = barrier(history, network, EUR, at)
        if found is not None:
            assert found.until is not None
            at = found.until
            assert barrier(history, network, EUR, at) is None
        history.append(Past(at=at, money=EUR, decline=decline()))

    tries = [one.at for one in history]
    for name in ("visa", "mastercard") if network is None else (network,):
        for cap in caps(name, NOW.date()):
            again = cap.counted is Tally.REATTEMPTS
            for n, first in enumerate(tries):
                inside = [i for i, one in enumerate(tries) if i >= n and one - first < cap.within]
                counted = [i for i in inside if not again or (i > 0 and tries[i] - tries[i - 1] < cap.within)]
                assert len(counted) <= cap.count


@given(history=_histories, more=_pasts, network=_networks)
def test_more_history_never_shortens_a_wait(history: list[Past], more: Past, network: str | None) -> None:
    before = barrier(history, network, EUR, NOW)
    after = barrier([*history, more], network, EUR, NOW)

    if before is not None:
        assert after is not None
        assert after.until is None or (before.until is not None and after.until >= before.until)


@given(history=_histories, network=_networks)
def test_the_order_of_a_history_does_not_matter(history: list[Past], network: str | None) -> None:
    one, other = barrier(history, network, EUR, NOW), barrier(history[::-1], network, EUR, NOW)

    assert (one and one.until) == (other and other.until)
    assert (one is None) is (other is None)


@given(history=_histories, network=_networks)
def test_at_the_instant_it_names_a_rule_is_over(history: list[Past], network: str | None) -> None:
    found = barrier(history, network, EUR, NOW)

    if found is not None and found.until is not None:
        assert found.until > NOW
        assert barrier(history, network, EUR, found.until) is None
        assert barrier(history, network, EUR, found.until - timedelta(microseconds=1)) is not None


@given(told=_declines, history=_histories, network=_networks)
def test_what_is_told_is_what_will_be_allowed(told: Decline, history: list[Past], network: str | None) -> None:
    said = retry(told, history, network, EUR, NOW)
    standing = [*history, Past(at=NOW, money=EUR, decline=told)]

    if said.retry_after is not None:
        assert barrier(standing, network, EUR, said.retry_after) is None
    if said.rule is not None:
        assert Advice.ANOTHER_PROCESSOR not in (said.advice, *said.alternatives)
